"""Bytes that flip in what a run has made, and what becomes of it where the file is opened.

A step compares its single inputs before it starts, and opens the files of images through their manifest. The same
functions are called here, on a copy of a finished run. A flip must be found, with one line that names the file, or
change nothing that is read.
"""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from wsss.data.dataset import SPLITS, Dataset
from wsss.errors import WsssError
from wsss.manifests import checking
from wsss.manifests.listed_files import ListedFiles
from wsss.manifests.rows import is_manifest, read_manifest
from wsss.manifests.single_files import FOLDER, check_file
from wsss.networks.saved_weights import read_weights
from wsss.segmentation.model import read_model
from wsss.stores.cam_store import CamStore
from wsss.stores.label_images import listed_labels
from wsss.stores.score_store import ScoreStore

# How a file is opened, by what is opened.
Opened = dict[Path, Callable[[], Any]]


@dataclass(frozen=True)
class Flip:
    """A flip in a file of some kind, and what came of it: empty if it was found, or changed nothing."""

    kind: str
    path: Path
    outcome: str


def flips(work: Path, count: int, seed: int) -> Iterator[Flip]:
    """Flip a byte `count` times, in files of every kind in turn. Each file is then put back.

    `work` is the working directory of a finished run, in which it is free to write.
    """
    rng, kinds = random.Random(seed), files_by_kind(work)
    names = sorted(kinds)
    for number in range(count):
        kind = names[number % len(names)]
        path = rng.choice(sorted(kinds[kind]))
        yield Flip(kind, path, outcome(path, kinds[kind][path], rng))


def outcome(path: Path, read: Callable[[], Any], rng: random.Random) -> str:
    """What a flip leads to; empty if that is as it should be."""
    status, content = path.stat(), path.read_bytes()
    wanted = _as_new_process(read)
    flipped = bytearray(content)
    flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    try:
        path.write_bytes(flipped)
        # Bits that rot leave the time as it was.
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        return _told(path, wanted, read)
    finally:
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _told(path: Path, wanted: Any, read: Callable[[], Any]) -> str:
    try:
        found = _as_new_process(read)
    except WsssError as error:
        is_named = path.name in str(error) or path.name.removesuffix(".tsv") in str(error)
        return "" if is_named and "\n" not in str(error) else f"does not name the file in one line: {error}"
    except Exception as error:
        return f"a traceback: {error!r}"
    return "" if _equal(found, wanted) else "silent: other content is used"


def _as_new_process(read: Callable[[], Any]) -> Any:
    checking._CHECKED.clear()
    return read()


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return list(one) == list(other) and all(_equal(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))


def files_by_kind(work: Path) -> dict[str, Opened]:
    """Every file of a finished run that something opens, by its kind."""
    results = work / "results"
    (data,) = results.glob("data-*")
    manifests = [path for path in results.rglob("*.tsv") if is_manifest(path) and FOLDER not in path.parts]
    sums = list(results.rglob(f"{FOLDER}/*.tsv"))
    singles = {path: path.parent.parent / path.name.removesuffix(".tsv") for path in sums}
    weights = [path for path in singles.values() if path.suffix == ".safetensors" and path.parent.name != "model"]
    masked = {one: row for one, row in Dataset(data).index.items() if row.mask}
    found: dict[str, Opened] = {
        "manifest": {path: partial(_rows, path) for path in manifests},
        "sum of a file": {path: partial(check_file, single) for path, single in singles.items()},
        "weights": {path: partial(_weights, path) for path in weights},
        "table, list, JSON, figure or page": {
            path: partial(check_file, path)
            for path in singles.values()
            if path.suffix != ".safetensors" and path.stat().st_size
        },
        "photograph": {Dataset(data).image_path(one): partial(_image, data, one) for one in masked},
        "mask": {data / row.mask: partial(_truth, data, one) for one, row in masked.items()},
        "prepared table": {path: partial(_tables, data) for path in _prepared(data)},
        "model without its folder": {
            path: partial(_model, path) for path in results.glob("runs/*/model/*.safetensors")
        },
    }
    for manifest in manifests:
        listed = ListedFiles(manifest)
        is_shard = manifest.parent.parent.name == "shards"
        # Most shards are read through the list of their split.
        if manifest.stem == "masks" or (is_shard and (listed.folder / f"{manifest.parent.name}.tsv").is_file()):
            continue
        for kind, path, read in _of_images(listed, data):
            found.setdefault(kind, {})[path] = read
    return {kind: files for kind, files in found.items() if files}


def _rows(path: Path) -> list[str]:
    return [row.sha256 for row in read_manifest(path)]


def _weights(path: Path) -> dict[str, np.ndarray]:
    check_file(path)
    return {name: tensor.numpy() for name, tensor in read_weights(path).items()}


def _model(path: Path) -> tuple[str, dict[str, np.ndarray]]:
    facts, state = read_model(path)
    return facts.model_dump_json(), {name: tensor.numpy() for name, tensor in state.items()}


def _image(data: Path, image_id: str) -> np.ndarray:
    return np.asarray(Dataset(data).image(image_id))


def _truth(data: Path, image_id: str) -> np.ndarray:
    return Dataset(data).truth(image_id)


def _prepared(data: Path) -> list[Path]:
    tables = [data / name for name in ("images.tsv", "image_labels.csv", "dataset.json", "skipped.tsv", "masks.tsv")]
    return [*tables, *(path for split in SPLITS if (path := data / "lists" / f"{split}.txt").stat().st_size)]


def _tables(data: Path) -> list[Any]:
    dataset = Dataset(data)
    some = dataset.ids("val")[0]
    lists = [dataset.ids(split) for split in SPLITS]
    tables = [dataset.classes, list(map(str, dataset.index.values())), list(map(str, dataset.skipped))]
    return [lists, tables, dataset.image_labels, dataset.truth(some)]


def _of_images(listed: ListedFiles, data: Path) -> Iterator[tuple[str, Path, Callable[[], Any]]]:
    for image_id, row in listed.rows.items():
        if row.file.startswith("labels/"):
            yield "label image", listed.folder / row.file, partial(_labels, listed.manifest, data, image_id)
        elif "prediction-" in listed.folder.name:
            yield "scores", listed.folder / row.file, partial(_scores, listed.manifest, image_id)
        else:
            yield "CAMs", listed.folder / row.file, partial(_cams, listed.manifest, image_id)


def _labels(manifest: Path, data: Path, image_id: str) -> np.ndarray:
    dataset = Dataset(data)
    return listed_labels(ListedFiles(manifest), image_id, dataset.values, dataset.sizes[image_id])


def _cams(manifest: Path, image_id: str) -> list[np.ndarray]:
    store = CamStore.listed(ListedFiles(manifest), image_id)
    return [store.keys, *store.cams]


def _scores(manifest: Path, image_id: str) -> np.ndarray:
    return ScoreStore.listed(ListedFiles(manifest), image_id).logits

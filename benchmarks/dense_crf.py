"""Confident labels: images a second in one and in two processes, and one lattice for both passes or one for each.

python benchmarks/dense_crf.py    # minutes; fewer with --images 4
"""

import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from measure import median_seconds
from photographs import photograph
from PIL import Image
from record import Row, command_line, write_record

from wsss.data.dataset import Dataset
from wsss.labelling.label_maps import strongest, sure_labels
from wsss.labelling.smoothing import smoother_of
from wsss.manifests.listed_files import ListedFiles
from wsss.manifests.rows import write_manifest
from wsss.refinement.confident_labels import confident_labels, write_confident_shard
from wsss.settings.cams import PlainCamSettings
from wsss.settings.confident_labels import ConfidentLabelSettings
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path

HEIGHT, WIDTH, PROCESSES = 375, 500, 2
KEYS = np.array([7])
SETTINGS = ConfidentLabelSettings()
PHOTOGRAPHS = Path(__file__).resolve().parents[2] / "shared" / "voc-animals" / "JPEGImages"


def make_photograph(seed: int) -> np.ndarray:
    """Patches of colour with some noise, uint8 RGB (375, 500, 3)."""
    return np.asarray(photograph(WIDTH, HEIGHT, seed, patches=(9, 12)))


def make_store(image_id: str, seed: int, width: int = WIDTH, height: int = HEIGHT) -> CamStore:
    """CAMs of one class at four scales, smooth noise in 0..1."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.random((5, 6), np.float32))
    scales = PlainCamSettings().scales
    sizes = [(round(width * scale / 16), round(height * scale / 16)) for scale in scales]
    cams = [np.asarray(coarse.resize(size)).clip(0, 1).astype(np.float16)[None] for size in sizes]
    return CamStore(image_id, (height, width), KEYS, scales, cams, "weights")


def make_photographs(root: Path, images: int) -> list[str]:
    """Write made photographs below `root`, where the step reads them. Returns their ids."""
    ids = [f"{number:04d}" for number in range(images)]
    folder = Dataset(root).image_path(ids[0]).parent
    folder.mkdir(parents=True)
    for seed, image_id in enumerate(ids):
        Image.fromarray(make_photograph(seed)).save(folder / f"{image_id}.jpg", quality=95)
    return ids


def copy_photographs(root: Path, images: int, source: Path) -> list[str]:
    """Copy photographs of `source`, evenly spread over its JPEG files, to the same place. Returns their ids."""
    files = sorted(source.glob("*.jpg"))
    chosen = [files[place * len(files) // images] for place in range(images)]
    folder = Dataset(root).image_path(chosen[0].stem).parent
    folder.mkdir(parents=True)
    return [Path(shutil.copy(file, folder)).stem for file in chosen]


def make_stores(root: Path, ids: Sequence[str]) -> None:
    """A CAM store of each photograph."""
    for seed, image_id in enumerate(ids):
        with Image.open(Dataset(root).image_path(image_id)) as image:
            make_store(image_id, seed, *image.size).write(store_path(root / "cams", image_id))
    files = [(image_id, str(store_path(Path(), image_id))) for image_id in ids]
    write_manifest(root / "cams" / "train.tsv", root / "cams", files)


def label_shard(root: Path, image_id: str) -> None:
    """Run the step on a shard of one image, on one thread as in the workflow."""
    torch.set_num_threads(1)
    manifest = root / f"{image_id}.tsv"
    write_confident_shard(
        Dataset(root), [image_id], ListedFiles(root / "cams" / "train.tsv"), SETTINGS, root / "confident", manifest
    )


def label_in(pool: ProcessPoolExecutor, root: Path, ids: Sequence[str]) -> None:
    """Run all shards, each in the next free process."""
    list(pool.map(partial(label_shard, root), ids))


def compare_processes(kind: str, prepare: Callable[[Path], list[str]], repetitions: int, note: str) -> Row:
    """Images a second with one process and with two, for photographs that `prepare` writes. Starts do not count."""
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1, mp_context=context) as one,
        ProcessPoolExecutor(PROCESSES, mp_context=context) as several,
    ):
        root = Path(folder)
        ids = prepare(root)
        make_stores(root, ids)
        calls = {"one": partial(label_in, one, root, ids), "several": partial(label_in, several, root, ids)}
        for pool in (one, several):
            label_in(pool, root, ids[:PROCESSES])
        seconds = median_seconds(calls, dict.fromkeys(calls, repetitions))
    ratio = seconds["one"] / seconds["several"]
    return Row(
        f"confident labels, {PROCESSES} processes against one, {kind}",
        f"{len(ids)} photographs, one class, decoding and writing included",
        ours=len(ids) / seconds["several"],
        unit="images/s",
        threads=1,
        reference=len(ids) / seconds["one"],
        ratio=ratio,
        error="none: each image is worked on by itself",
        goal="at least 1.9",
        met=ratio >= 1.9,
        note=note,
    )


def process_rows(photographs: Path, images: int, repetitions: int) -> list[Row]:
    """The comparison on made photographs and, if the folder exists, on real ones."""
    noise = "noise makes the lattices of made photographs large, some 70 MiB: two share a cache that holds neither"
    rows = [
        compare_processes(
            f"made photographs of {WIDTH}x{HEIGHT}", partial(make_photographs, images=images), repetitions, noise
        )
    ]
    if photographs.is_dir():
        prepare = partial(copy_photographs, images=3 * images, source=photographs)
        rows.append(compare_processes("photographs of voc-animals", prepare, repetitions, ""))
    return rows


def lattice_for_each_pass(image: np.ndarray, cams: np.ndarray) -> np.ndarray:
    """The released method: two passes, each with its own kernels."""
    foreground, background = (
        smoother_of(image, len(KEYS) + 1, SETTINGS.crf).from_labels(strongest(cams, score), SETTINGS.label_probability)
        for score in (SETTINGS.foreground_score, SETTINGS.background_score)
    )
    return sure_labels(foreground, background, KEYS)


def compare_lattices(repetitions: int) -> Row:
    """Seconds for one image's confident labels."""
    image, cams = make_photograph(0), make_store("0000", 0).full()
    calls = {
        "each pass": partial(lattice_for_each_pass, image, cams),
        "once": partial(confident_labels, image, cams, KEYS, SETTINGS),
    }
    different = int((calls["once"]() != calls["each pass"]()).sum())
    seconds = median_seconds(calls, dict.fromkeys(calls, repetitions))
    return Row(
        "confident labels, a lattice once against one for each pass",
        f"{WIDTH}x{HEIGHT}, one class",
        ours=seconds["once"],
        unit="s",
        threads=1,
        reference=seconds["each pass"],
        ratio=seconds["each pass"] / seconds["once"],
        error=f"{different} pixels differ",
        goal="equal labels",
        met=different == 0,
    )


def main() -> None:
    """Print both comparisons, ratio and error last."""
    parser = command_line(__doc__)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--photographs", type=Path, default=PHOTOGRAPHS, help="a folder of JPEG files")
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = [compare_lattices(given.repetitions), *process_rows(given.photographs, given.images, given.repetitions)]
    write_record(given.record, rows)
    for row in rows:
        print(f"{row.claim}: {row.reference:.3f} {row.unit} becomes {row.ours:.3f}, ratio {row.ratio:.2f}; {row.error}")


if __name__ == "__main__":
    main()

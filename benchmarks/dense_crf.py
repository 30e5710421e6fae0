"""Confident labels: images a second in one process and in two side by side, and a lattice for two passes or for each.

python benchmarks/dense_crf.py    # minutes; fewer with --images 8
"""

import multiprocessing
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from measure import median_seconds
from photographs import photograph
from PIL import Image
from record import Row, command_line, write_record

from wsss.classification.cam_store import CamStore
from wsss.data.images import IGNORE
from wsss.data.layout import Dataset
from wsss.image_store import store_path
from wsss.refinement.cam_shards import write_confident_shard
from wsss.refinement.confident_labels import class_labels, confident_labels, strongest
from wsss.refinement.dense_crf import DenseCrf
from wsss.settings.cams import CamSettings
from wsss.settings.refinement import ConfidentLabelSettings

HEIGHT, WIDTH, PROCESSES = 375, 500, 2
KEYS = np.array([7])
SETTINGS = ConfidentLabelSettings()


def make_photograph(seed: int) -> np.ndarray:
    """Patches of colour with some noise, uint8 RGB (375, 500, 3)."""
    return np.asarray(photograph(WIDTH, HEIGHT, seed, patches=(9, 12)))


def make_store(image_id: str, seed: int) -> CamStore:
    """CAMs of one class at four scales, smooth noise in 0..1."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.random((5, 6), np.float32))
    scales = CamSettings().scales
    sizes = [(round(WIDTH * scale / 16), round(HEIGHT * scale / 16)) for scale in scales]
    cams = [np.asarray(coarse.resize(size)).clip(0, 1).astype(np.float16)[None] for size in sizes]
    return CamStore(image_id, (HEIGHT, WIDTH), KEYS, scales, cams, "weights")


def make_dataset(root: Path, images: int) -> list[str]:
    """Photographs and CAM stores as the step finds them below `root`; their ids."""
    ids = [f"{number:04d}" for number in range(images)]
    dataset = Dataset(root)
    dataset.image_path("0000").parent.mkdir(parents=True)
    for seed, image_id in enumerate(ids):
        Image.fromarray(make_photograph(seed)).save(dataset.image_path(image_id), quality=95)
        make_store(image_id, seed).write(store_path(root / "cams", image_id))
    return ids


def label_shard(root: Path, ids: Sequence[str]) -> None:
    """The step itself, on one thread as in the workflow."""
    torch.set_num_threads(1)
    write_confident_shard(Dataset(root), ids, root / "cams", SETTINGS, root / "confident", root / f"{ids[0]}.tsv")


def label_in(pool: ProcessPoolExecutor, root: Path, ids: Sequence[str], shards: int) -> None:
    """One shard a process, side by side."""
    list(pool.map(label_shard, [root] * shards, [ids[start::shards] for start in range(shards)]))


def compare_processes(images: int, repetitions: int) -> Row:
    """Images a second with one process and with two; the starts of processes apart."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        root = Path(folder)
        ids = make_dataset(root, images)
        label_in(pool, root, ids, PROCESSES)
        calls = {str(shards): partial(label_in, pool, root, ids, shards) for shards in (1, PROCESSES)}
        seconds = median_seconds(calls, dict.fromkeys(calls, repetitions))
    one, both = (images / seconds[shards] for shards in calls)
    return Row(
        f"confident labels, {PROCESSES} processes against one",
        f"{images} photographs of {WIDTH}x{HEIGHT}, one class, decoding and writing included",
        ours=both,
        unit="images/s",
        threads=1,
        reference=one,
        ratio=both / one,
        error="none: each image is worked on by itself",
        goal="at least 1.9",
        met=both / one >= 1.9,
        note="less where the lattices of both, some 70 MiB each, do not fit into a cache that they share",
    )


def lattice_for_each_pass(image: np.ndarray, cams: np.ndarray) -> np.ndarray:
    """The released way: two passes, each with kernels of its own."""
    foreground, background = (
        DenseCrf(image, len(KEYS) + 1, SETTINGS.crf).from_labels(strongest(cams, score), SETTINGS.label_probability)
        for score in (SETTINGS.foreground_score, SETTINGS.background_score)
    )
    labels = class_labels(foreground, KEYS)
    labels[(foreground == 0) & (background != 0)] = IGNORE
    return labels


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
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = [compare_lattices(given.repetitions), compare_processes(given.images, given.repetitions)]
    write_record(given.record, rows)
    for row in rows:
        print(f"{row.claim}: {row.reference:.3f} {row.unit} becomes {row.ours:.3f}, ratio {row.ratio:.2f}; {row.error}")


if __name__ == "__main__":
    main()

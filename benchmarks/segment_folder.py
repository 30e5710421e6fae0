"""`wsss segment`: the pace of a folder of photographs against the workflow's own steps, and the time of one photograph.

python benchmarks/segment_folder.py

The network is EfficientNet-Lite0 with random weights, on photographs of 500x375 with 7 classes. The workflow's steps
run one after the other in this process: `write_score_shard`, then `write_crf_shard`. Both ways load the model, use the
same threads, and end with label images.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

import numpy as np
import torch
from measure import median_seconds
from photographs import photograph
from record import Row, command_line, write_record
from safetensors.torch import save_file

from wsss.commands.segment import Wanted, segment
from wsss.data.dataset import Dataset
from wsss.data.images import read_labels
from wsss.data.listing import Listing
from wsss.data.preparation import prepare
from wsss.manifests.listed_files import ListedFiles
from wsss.segmentation.model import write_model
from wsss.segmentation.prediction import write_score_shard
from wsss.segmentation.prediction_labels import write_crf_shard
from wsss.segmentation.training import build_segmenter
from wsss.settings.run import RunSettings
from wsss.stores.label_images import label_path

PHOTOGRAPHS, SIZE = 12, (375, 500)
CLASSES = {f"class {value}": value for value in range(1, 7)}
BACKBONE = {"name": "efficientnet_lite0", "weights": "scratch"}
REPETITIONS = 3
SHARE, SECONDS = 0.9, 6.0


@dataclass(frozen=True)
class Made:
    """Photographs as a dataset, and a network as weights and as a model, below a folder."""

    folder: Path
    run: RunSettings
    dataset: Dataset
    weights: Path
    model: Path


def make(folder: Path) -> Made:
    """Write photographs, prepare them as a dataset, and write a network with random weights."""
    (folder / "photographs").mkdir()
    files = {f"id{number:02d}": f"{number:02d}.jpg" for number in range(PHOTOGRAPHS)}
    for number, name in enumerate(files.values()):
        photograph(SIZE[1], SIZE[0], number).save(folder / "photographs" / name, quality=90)
    splits = {"train": list(files), "train_scored": [], "val": list(files)}
    labels = {image_id: np.ones(len(CLASSES)) for image_id in files}
    prepare(Listing(folder / "photographs", files, splits, labels, CLASSES), folder / "data")
    segmentation = {"backbone": BACKBONE, "output_stride": 16, "dilated": False}
    networks = {"classifier": {"backbone": BACKBONE}, "irnet": {"backbone": BACKBONE}, "segmentation": segmentation}
    run = RunSettings.model_validate({"data": {"kind": "folder", "name": "made", "classes": CLASSES}, **networks})
    torch.manual_seed(0)
    network = build_segmenter(run.segmentation, len(CLASSES))
    for branch in network.aspp:
        # Larger than the initial weights, so that labels differ from pixel to pixel.
        torch.nn.init.normal_(branch.weight, std=0.3)  # type: ignore[arg-type]
    made = Made(folder, run, Dataset(folder / "data"), folder / "weights.safetensors", folder / "segmenter.safetensors")
    save_file(network.state_dict(), made.weights)
    write_model(run, made.dataset, made.weights, {"settings": "", "code": ""}, made.model)
    return made


def run_workflow(made: Made, folder: Path) -> None:
    """Label images as the workflow makes them, from scores that are stored in between."""
    ids, run = made.dataset.ids("val"), made.run
    write_score_shard(
        made.dataset,
        ids,
        made.weights,
        run.segmentation,
        run.prediction,
        folder / "scores",
        folder / "scores" / "val.tsv",
    )
    write_crf_shard(
        made.dataset,
        ids,
        ListedFiles(folder / "scores" / "val.tsv"),
        run.prediction_labels,
        folder / "labels",
        folder / "labels.tsv",
    )


def run_command(made: Made, folder: Path) -> None:
    """Label images as `wsss segment` makes them."""
    for line in segment(str(made.model), [str(made.folder / "photographs")], folder, Wanted()):
        assert not line.startswith("error"), line


def pixels_apart(made: Made, workflow: Path, command: Path) -> int:
    """The number of pixels in which both ways differ."""
    pairs = (
        (label_path(workflow / "labels", row.id), command / "labels" / Path(row.file).with_suffix(".png").name)
        for row in made.dataset.index.values()
    )
    return sum(int((read_labels(first) != read_labels(second)).sum()) for first, second in pairs)


def pace(made: Made) -> Row:
    """Photographs a second of both ways, in turns."""
    folders = (made.folder / f"turn{number}" for number in count())
    ways: dict[str, Callable[[Made, Path], None]] = {"workflow": run_workflow, "command": run_command}
    last: dict[str, Path] = {}

    def call(name: str) -> None:
        last[name] = next(folders)
        ways[name](made, last[name])

    seconds = median_seconds(
        {name: lambda name=name: call(name) for name in ways},  # type: ignore[misc]
        dict.fromkeys(ways, REPETITIONS),
    )
    apart = pixels_apart(made, **last)
    share = seconds["workflow"] / seconds["command"]
    return Row(
        "`wsss segment` of a folder against the workflow's steps in one process",
        f"{PHOTOGRAPHS} photographs of {SIZE[1]}x{SIZE[0]}, Lite0, {len(CLASSES) + 1} classes, CRF",
        ours=PHOTOGRAPHS / seconds["command"],
        unit="photographs/s",
        threads=torch.get_num_threads(),
        reference=PHOTOGRAPHS / seconds["workflow"],
        ratio=share,
        error=f"{apart} pixels differ",
        goal=f"at least {SHARE:g} times, equal labels",
        met=share >= SHARE and apart == 0,
        note="the CRF sets the pace: it takes one core here, and the workflow can run it for several shards at a time",
    )


def one_photograph(made: Made) -> Row:
    """Seconds of one photograph from start to end, in processes of their own."""
    seconds, before = [], getrusage(RUSAGE_CHILDREN)
    for number in range(REPETITIONS):
        named = [str(made.model), str(made.folder / "photographs" / "00.jpg"), "-o", str(made.folder / f"one{number}")]
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "wsss", "segment", *named], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    after = getrusage(RUSAGE_CHILDREN)
    used = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / REPETITIONS
    return Row(
        "`wsss segment` of one photograph, from start to end",
        f"{SIZE[1]}x{SIZE[0]}, Lite0, {len(CLASSES) + 1} classes, CRF",
        ours=median(seconds),
        unit="s",
        threads=torch.get_num_threads(),
        memory=f"{after.ru_maxrss / 1024:,.0f} MiB",
        goal=f"under {SECONDS:g} s",
        met=median(seconds) < SECONDS,
        note=f"{used:.1f} s of the processor; the memory is that of the process",
    )


def main() -> None:
    """Measure both, and print them last."""
    given = command_line(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = make(Path(folder))
        rows = [one_photograph(made), pace(made)]
    write_record(given.record, rows)
    for row in rows:
        ratio = "" if row.ratio is None else f", {row.ratio:.2f} times"
        print(f"{row.claim}: {row.ours:.3g} {row.unit}{ratio}; {row.error or row.note}")


if __name__ == "__main__":
    main()

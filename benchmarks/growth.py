"""How seconds and memory grow with the image's size, the number of classes and the number of images.

python benchmarks/growth.py    # minutes; writes docs/growth.csv and docs/growth.png

Each value is measured in its own process on one thread. Seconds are processor time. The exponent of a curve is the
slope of its logarithms; 1 is linear.
"""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from demo_overhead import copy_project
from dense_crf import make_photograph
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from measure import cost
from PIL import Image
from random_walk import prepare as prepare_walk
from record import Row, command_line, write_record
from torch import Tensor
from torch.nn.functional import interpolate

from wsss.cams.plain import class_maps
from wsss.classification.classifier import build_classifier
from wsss.data.dataset import Dataset
from wsss.data.images import write_labels
from wsss.data.index import INDEX_COLUMNS, IndexRow
from wsss.data.preparation import list_tables
from wsss.evaluation.scores import score_labels
from wsss.files import write_csv, write_json, write_text
from wsss.manifests.listed_files import ListedFiles
from wsss.manifests.rows import read_manifest, write_manifest
from wsss.networks.inference.network import inference_backbone
from wsss.refinement.confident_labels import confident_labels
from wsss.runtime.device import move_to_device
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.confident_labels import ConfidentLabelSettings

SIZES = ((188, 250), (375, 500), (750, 1000), (1500, 2000), (1733, 2310))
CLASSES = (1, 2, 5, 10, 20)
IMAGES = (100, 1_000, 10_000)
MIDDLE = (375, 500)
# Why a curve may be steeper than linear, and where.
EXPLAINED = {
    ("random walk", "pixels"): "steeper where the weights, 272 bytes a cell, no longer fit into the processor's cache, "
    "and memory sets the pace"
}
SIDE = 48  # of a label image; 10,000 of them are made in seconds
Call = Callable[[], object]


@dataclass(frozen=True)
class Point:
    """The cost of `subject` when the quantity `axis` has this value."""

    subject: str
    axis: str
    value: int
    seconds: float
    mib: float


def prepare_crf(size: tuple[int, int], classes: int) -> Call:
    """Confident labels of one photograph (two passes over one lattice)."""
    height, width = size
    image = np.asarray(Image.fromarray(make_photograph(0)).resize((width, height)))
    coarse = torch.rand(1, classes, 6, 8, generator=torch.Generator().manual_seed(0))
    cams = interpolate(coarse, size=size, mode="bilinear", align_corners=False)[0].numpy()
    return partial(confident_labels, image, cams, np.arange(classes), ConfidentLabelSettings())


def prepare_cams(size: tuple[int, int], classes: int) -> Call:
    """CAMs of the demo's network at half and at full size, each with its mirror."""
    backbone = {"name": "efficientnet_lite0", "weights": "scratch"}
    settings = ClassifierSettings.model_validate({"backbone": backbone, "words": "none"})
    network = build_classifier(settings, max(classes, 2)).eval()
    network.backbone = inference_backbone(network.backbone)
    move_to_device(network)

    def maps(height: int, width: int) -> list[Tensor]:
        sizes = [(height // 2, width // 2), (height, width)]
        return [class_maps(network, torch.zeros(1, 3, *one)) for one in sizes]

    maps(64, 64)
    return partial(maps, *size)


def make_dataset(root: Path, images: int) -> None:
    """A prepared dataset with small masks and without photographs. A few labels and masks are repeated."""
    ids = [f"{number:06d}" for number in range(images)]
    names = [f"class_{number}" for number in range(20)]
    classes = {name: value for value, name in enumerate(names, 1)}
    write_json(root / "dataset.json", {"classes": classes, "ignored_classes": {}, "has_background": True})
    index = ["\t".join(INDEX_COLUMNS)]
    for image_id in ids:
        files = (f"dataset/JPEGImages/{image_id}.jpg", f"dataset/SegmentationClass/{image_id}.png", "", "")
        index.append("\t".join(map(str, IndexRow(image_id, SIDE, SIDE, SIDE, SIDE, 1, "", *files))))
    write_text(root / "images.tsv", "\n".join(index) + "\n")
    rows = np.random.default_rng(0).integers(0, 2, (images, len(names)))
    lines = [f"{image_id},{','.join(map(str, row))}" for image_id, row in zip(ids, rows, strict=True)]
    write_text(root / "image_labels.csv", "\n".join([",".join(["image_id", *names]), *lines]) + "\n")
    for split in ("train", "val"):
        write_text(root / "lists" / f"{split}.txt", "\n".join(ids) + "\n")
    labels = np.random.default_rng(1).integers(0, 21, (SIDE, SIDE)).astype(np.uint8)
    for folder in ("labels", "dataset/SegmentationClass"):
        for image_id in ids:
            write_labels(root / folder / f"{image_id}.png", labels)
    list_tables(root, {image_id: f"dataset/SegmentationClass/{image_id}.png" for image_id in ids})
    write_manifest(root / "val.tsv", root, [(image_id, f"labels/{image_id}.png") for image_id in ids])


def prepare_index(root: Path) -> Call:
    """Reading a list and the table of image-level labels."""
    return lambda: [Dataset(root).ids("train"), Dataset(root).image_labels]


def prepare_manifest(root: Path) -> Call:
    """Writing and reading the manifest of a shard that holds every image."""
    files = [(image_id, f"labels/{image_id}.png") for image_id in Dataset(root).ids("train")]

    def write_and_read() -> None:
        write_manifest(root / "all.tsv", root, files)
        read_manifest(root / "all.tsv")

    return write_and_read


def prepare_scores(root: Path) -> Call:
    """Scoring label images against the masks."""
    dataset = Dataset(root)
    return partial(score_labels, dataset, dataset.ids("val"), ListedFiles(root / "val.tsv"), 1)


def prepare_plan(root: Path) -> Call:
    """`snakemake -n` for the embedded dataset, in the folder `root`/plan of `make_plan`."""
    from snakemake.cli import main as run_snakemake  # type: ignore[import-untyped]

    def plan() -> None:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            try:
                run_snakemake(["-n", "--snakefile", str(root / "plan/Snakefile"), "--directory", str(root / "plan")])
            except SystemExit as ended:
                if ended.code:
                    raise RuntimeError("snakemake could not plan") from ended

    return plan


def make_plan(root: Path, images: int) -> None:
    """A copy of the project whose demo has `images` images."""
    (root / "plan").mkdir(parents=True)
    copy_project(root / "plan")
    config: dict[str, Any] = yaml.safe_load((root / "plan/config.yaml").read_text())
    config["data"] |= {"train_images": images, "val_images": images}
    (root / "plan/config.yaml").write_text(yaml.safe_dump(config))


def measure(subject: str, axis: str, value: int, prepare: Callable[..., Call], *arguments: object) -> Point:
    """One point, printed."""
    found = cost(prepare, *arguments)
    point = Point(subject, axis, value, found.seconds, found.mib)
    print(f"{subject}, {value:,} {axis}: {point.seconds:.4f} s, {point.mib:.0f} MiB", flush=True)
    return point


def measure_images(counts: Sequence[int]) -> list[Point]:
    """Reading, writing and planning for whole datasets."""
    points = []
    subjects = {
        "list and labels": prepare_index,
        "manifest": prepare_manifest,
        "scoring": prepare_scores,
        "snakemake -n": prepare_plan,
    }
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            make_dataset(root, count)
            make_plan(root, count)
            points += [measure(name, "images", count, prepare, root) for name, prepare in subjects.items()]
    return points


def measure_all(sizes: Sequence[tuple[int, int]], classes: Sequence[int], images: Sequence[int]) -> list[Point]:
    """Every curve."""
    walk = partial(prepare_walk, "accelerated")
    by_size: dict[str, Callable[..., Call]] = {
        "random walk": walk,
        "confident labels": prepare_crf,
        "CAMs": prepare_cams,
    }
    by_classes: dict[str, Callable[..., Call]] = {"random walk": walk, "confident labels": prepare_crf}
    return [
        *(
            measure(name, "pixels", size[0] * size[1], prepare, size, 1)
            for name, prepare in by_size.items()
            for size in sizes
        ),
        *(
            measure(name, "classes", count, prepare, MIDDLE, count)
            for name, prepare in by_classes.items()
            for count in classes
        ),
        *measure_images(images),
    ]


def curves(points: Sequence[Point], axis: str) -> dict[str, list[Point]]:
    """Points over one axis, by subject."""
    found: dict[str, list[Point]] = {}
    for point in points:
        if point.axis == axis:
            found.setdefault(point.subject, []).append(point)
    return found


def exponent(points: Sequence[Point]) -> float:
    """Slope of log(seconds) over log(value) in the upper half of a curve, where fixed costs matter least."""
    upper = points[len(points) // 2 - (len(points) < 4) :]
    slope, _ = np.polyfit(np.log([p.value for p in upper]), np.log([p.seconds for p in upper]), 1)
    return float(slope)


def draw(points: Sequence[Point], path: Path) -> None:
    """Draw seconds above and memory below, one column for each axis, with a linear guide."""
    figure = Figure(figsize=(12, 7), layout="constrained")
    panels = figure.subplots(2, 3, sharex="col")
    for column, axis in enumerate(("pixels", "classes", "images")):
        for row, (field, label) in enumerate((("seconds", "seconds"), ("mib", "MiB above the input"))):
            draw_panel(panels[row, column], curves(points, axis), field)
            panels[row, column].set_ylabel(label)
        panels[1, column].set_xlabel(axis)
    figure.savefig(path, dpi=80)


def shown(point: Point, field: str) -> float:
    """A quantity, at least a microsecond or 0.1 MiB. A call may need no new memory, and 0 has no logarithm."""
    floor = {"seconds": 1e-6, "mib": 0.1}[field]
    return max(float(getattr(point, field)), floor)


def draw_panel(panel: Axes, found: dict[str, list[Point]], field: str) -> None:
    """Draw one quantity of every curve, and the guide from the first point of the first curve."""
    for subject, points in found.items():
        panel.loglog([p.value for p in points], [shown(p, field) for p in points], "o-", label=subject)
    first = next(iter(found.values()))
    guide = [shown(first[0], field) * point.value / first[0].value for point in first]
    panel.loglog([point.value for point in first], guide, "k--", linewidth=0.8, label="linear")
    panel.legend(fontsize="small")


def main() -> None:
    """Measure, write the table and the plot, and print each curve's exponent last."""
    parser = command_line(__doc__)
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parent.parent / "docs")
    parser.add_argument("--points", type=int, default=len(SIZES), help="how many of the sizes, and so on, to measure")
    given = parser.parse_args()
    torch.set_num_threads(1)
    points = measure_all(SIZES[: given.points], CLASSES[: given.points], IMAGES[: given.points])
    write_csv(given.folder / "growth.csv", [asdict(point) for point in points])
    draw(points, given.folder / "growth.png")
    rows = [
        Row(
            f"growth of {subject} with {axis}",
            f"{own[0].value:,} to {own[-1].value:,} {axis}: {own[0].seconds:.3g} to {own[-1].seconds:.3g} s",
            ours=exponent(own),
            unit="(exponent)",
            threads=1,
            goal="linear at most, 1.1",
            met=exponent(own) <= 1.1,
            note=EXPLAINED.get((subject, axis), ""),
        )
        for axis in ("pixels", "classes", "images")
        for subject, own in curves(points, axis).items()
    ]
    write_record(given.record, rows)
    for row in rows:
        print(f"{row.claim}: exponent {row.ours:.2f}; {row.sizes}")


if __name__ == "__main__":
    main()

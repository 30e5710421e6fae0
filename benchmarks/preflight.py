"""Seconds of `wsss check`, from start to end, for datasets of the size of VOC 2012 and of COCO 2014.

python benchmarks/preflight.py               # some minutes, most of them to make 650 MB of annotations
python benchmarks/preflight.py --share 0.05  # a twentieth of COCO's images and annotations

The datasets are made in a temporary folder, with as many images and annotations as the real ones. Their photographs and
masks are links to few files, which are in memory. So nothing is waited for but the processor.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import yaml
from coco_masks import HEIGHT, WIDTH, write_file
from photographs import photograph
from record import Row, command_line, write_record

from wsss.data.images import write_labels
from wsss.data.sources.voc_layout import VOC12_LENGTHS
from wsss.files import write_text
from wsss.settings.data import VOC_CLASSES

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
# Files that photographs and masks are links to: a file system allows some ten thousand links to one.
FILES = 40
# Images and annotations of the two official files of COCO 2014.
COCO14 = {"train2014": (82_783, 604_907), "val2014": (40_504, 291_875)}
ANNOTATION = "<annotation>{}</annotation>"
OBJECT = "<object><name>{}</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"
GOALS = {"voc12": 5, "coco14": 20}


def make_files(folder: Path) -> None:
    """Photographs and masks of VOC's classes 1 and 2."""
    for number in range(FILES):
        path = folder / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        photograph(WIDTH, HEIGHT, number).save(path, quality=90)
        labels = np.zeros((HEIGHT, WIDTH), np.uint8)
        labels[100:300, 100:300], labels[300:400, 300:400] = 1, 2
        write_labels(folder / f"{number}.png", labels)


def make_voc(folder: Path, files: Path) -> Path:
    """The folder of a VOC 2012 that has SegmentationClassAug."""
    voc, text = folder / "VOC2012", ANNOTATION.format("".join(map(OBJECT.format, list(VOC_CLASSES)[:2])))
    lists = {name: [f"{name}_{n:06d}" for n in range(VOC12_LENGTHS[name])] for name in ("train_aug", "val")}
    for name in ("JPEGImages", "SegmentationClassAug", "Annotations"):
        (voc / name).mkdir(parents=True)
    for number, image_id in enumerate([*lists["train_aug"], *lists["val"]]):
        os.link(files / f"{number % FILES}.jpg", voc / "JPEGImages" / f"{image_id}.jpg")
        os.link(files / f"{number % FILES}.png", voc / "SegmentationClassAug" / f"{image_id}.png")
        (voc / "Annotations" / f"{image_id}.xml").write_text(text)
    lists["train"] = lists["train_aug"][: VOC12_LENGTHS["train"]]
    for name, ids in lists.items():
        write_text(voc / "ImageSets" / "Segmentation" / f"{name}.txt", "\n".join(ids) + "\n")
    return voc


def make_coco(folder: Path, files: Path, share: float) -> Path:
    """The folder of an unpacked COCO 2014."""
    coco, first = folder / "coco", 1
    (coco / "annotations").mkdir(parents=True)
    for split, (images, annotations) in COCO14.items():
        ids = range(first, first + round(images * share))
        write_file(coco / "annotations" / f"instances_{split}.json", ids, round(annotations * share))
        (coco / split).mkdir()
        for number in ids:
            os.link(files / f"{number % FILES}.jpg", coco / split / f"{number:012d}.jpg")
        first = ids.stop
    return coco


def seconds_of_check(config: str, dataset: Path, folder: Path, repetitions: int) -> float:
    """The seconds of a clock that `wsss check` takes on a released config with its dataset in a folder."""
    settings = yaml.safe_load((CONFIGS / f"{config}.yaml").read_text())
    file = folder / f"{config}.yaml"
    file.write_text(yaml.safe_dump({**settings, "locations": {"dataset": str(dataset)}}))
    taken = []
    for _ in range(repetitions):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "wsss", "check", file], capture_output=True, text=True, cwd=folder)
        taken.append(time.perf_counter() - start)
        print(f"{taken[-1]:.1f} s: {done.stdout.strip()}", flush=True)
        if done.returncode:
            sys.exit(done.stderr)
    return median(taken)


def row(kind: str, claim: str, sizes: str, seconds: float, counts: bool, note: str) -> Row:
    """The row of a dataset. Only one of full size has a goal."""
    goal = GOALS[kind]
    met = seconds < goal if counts else None
    return Row(claim, sizes, seconds, "s", 1, goal=f"under {goal} s" if counts else "", met=met, note=note)


def main() -> None:
    """Print how long each check takes."""
    parser = command_line(__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="the share of COCO's images and annotations")
    parser.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_files(folder / "files")
        voc = seconds_of_check("voc12-vwl-l", make_voc(folder, folder / "files"), folder, given.repetitions)
        made = make_coco(folder, folder / "files", given.share)
        coco = seconds_of_check("coco14-vwl-l", made, folder, given.repetitions)
    images, annotations = (round(given.share * sum(counts)) for counts in zip(*COCO14.values(), strict=True))
    rows = [
        row(
            "voc12",
            "`wsss check`, VOC 2012",
            f"{sum(VOC12_LENGTHS[name] for name in ('train_aug', 'val')):,} photographs, masks and annotations",
            voc,
            True,
            "all headers of photographs and masks are looked at, and 48 masks are decoded",
        ),
        row(
            "coco14",
            "`wsss check`, COCO 2014",
            f"{images:,} photographs, {annotations:,} annotations",
            coco,
            given.share == 1,
            "all annotations are read, and headers of photographs are looked at for two seconds",
        ),
    ]
    write_record(given.record, rows)
    for one in rows:
        print(f"{one.claim}, {one.sizes}: {one.ours:.1f} s")


if __name__ == "__main__":
    main()

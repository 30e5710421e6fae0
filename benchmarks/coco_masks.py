"""Seconds and memory of reading a large instances file of COCO and of painting its masks.

python benchmarks/coco_masks.py                # 120,000 images and 860,000 annotations, as COCO 2014 has; minutes
python benchmarks/coco_masks.py --share 0.05   # a twentieth of them

The file is made in a temporary folder. No photographs are made: neither step opens any. Seconds are those of a clock.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measure import highest_mib, reset_peak
from record import Row, command_line, write_record

from wsss.data.sources.coco_file import Instances, read_instances
from wsss.data.sources.coco_masks import paint_masks
from wsss.settings.coco import COCO_CLASSES

IMAGES, ANNOTATIONS = 120_000, 860_000
HEIGHT, WIDTH = 480, 640
POINTS = 30  # of a polygon
CROWDS = 0.012  # share of annotations that are run lengths of a crowd
SECONDS_GOAL, GIB_GOAL = 600, 4


def polygon(draw: np.random.Generator) -> list[float]:
    """A ragged outline of some size and place."""
    angles = np.sort(draw.uniform(0, 2 * np.pi, POINTS))
    radius = draw.lognormal(3.5, 0.8) * draw.uniform(0.6, 1.2, POINTS)
    x = draw.uniform(0, WIDTH) + radius * np.cos(angles)
    y = draw.uniform(0, HEIGHT) + radius * np.sin(angles)
    points = np.stack([x.clip(0, WIDTH), y.clip(0, HEIGHT)], axis=1)
    found: list[float] = points.round(2).ravel().tolist()
    return found


def crowd(draw: np.random.Generator) -> dict[str, list[int]]:
    """Run lengths of many small regions."""
    bounds = np.sort(draw.choice(HEIGHT * WIDTH, 400, replace=False))
    counts: list[int] = np.diff(bounds, prepend=0, append=HEIGHT * WIDTH).tolist()
    return {"size": [HEIGHT, WIDTH], "counts": counts}


def annotations(images: range, count: int) -> Iterator[str]:
    """The annotations as JSON, for images in no order."""
    draw = np.random.default_rng(0)
    categories = list(COCO_CLASSES.values())
    for own in range(count):
        is_crowd = draw.random() < CROWDS
        yield json.dumps(
            {
                "segmentation": crowd(draw) if is_crowd else [polygon(draw)],
                "area": 702.1057499999998,
                "iscrowd": int(is_crowd),
                "image_id": int(draw.integers(images.start, images.stop)),
                "bbox": [473.07, 395.93, 38.65, 28.67],
                "category_id": categories[draw.integers(len(categories))],
                "id": own,
            }
        )


def write_file(path: Path, images: range, count: int) -> None:
    """Write the instances file of images with these ids piece by piece."""
    with path.open("w") as file:
        file.write('{"images": [')
        for own in images:
            image = {"license": 5, "file_name": f"{own:012d}.jpg", "height": HEIGHT, "width": WIDTH, "id": own}
            file.write(", " * (own > images.start) + json.dumps(image))
        file.write('], "annotations": [')
        for number, text in enumerate(annotations(images, count)):
            file.write(", " * bool(number) + text)
        categories = [{"supercategory": "x", "id": own, "name": name} for name, own in COCO_CLASSES.items()]
        file.write(f'], "categories": {json.dumps(categories)}}}')


def paint(instances: Instances, folder: Path, workers: int) -> None:
    """Paint the masks of all images."""
    masks = {folder / f"{Path(name).stem}.png": image for image, name in enumerate(instances.file_names)}
    paint_masks(instances, masks, COCO_CLASSES.values(), "ignore", workers)


def measure(folder: Path, images: int, count: int, workers: int) -> Row:
    """Make the file, read it and paint."""
    path = folder / "instances.json"
    write_file(path, range(images), count)
    print(f"the file has {path.stat().st_size / 2**20:.0f} MiB", flush=True)
    reset_peak()
    start = time.perf_counter()
    instances = read_instances(path)
    read = time.perf_counter() - start
    print(f"read in {read:.1f} s; highest memory {highest_mib():.0f} MiB", flush=True)
    paint(instances, folder, workers)
    seconds, mib = time.perf_counter() - start, highest_mib()
    print(f"painted in {seconds - read:.1f} s; highest memory {mib:.0f} MiB", flush=True)
    return Row(
        "labels and masks of COCO",
        f"{images:,} images of {WIDTH}x{HEIGHT}, {count:,} annotations",
        ours=seconds,
        unit="s",
        threads=workers,
        memory=f"{mib:.0f} MiB",
        goal=f"at most {SECONDS_GOAL} s and {GIB_GOAL} GiB",
        met=seconds <= SECONDS_GOAL and mib <= GIB_GOAL * 1024 if images >= IMAGES else None,
        note=f"{read:.0f} s of it are for reading the file; the memory is that of the process",
    )


def main() -> None:
    """Measure once: the work is long and uniform."""
    parser = command_line(__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="the share of images and annotations that is made")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="threads that paint")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        row = measure(Path(folder), round(IMAGES * given.share), round(ANNOTATIONS * given.share), given.workers)
    write_record(given.record, [row])
    print(f"{row.claim}, {row.sizes}: {row.ours:.1f} s, {row.memory}")


if __name__ == "__main__":
    main()

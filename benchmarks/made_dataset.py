"""A dataset of made photographs of 500 x 375 pixels, for benchmarks that start from files."""

from pathlib import Path

import numpy as np
from photographs import photograph

from wsss.data.dataset import Dataset
from wsss.data.images import write_labels
from wsss.data.preparation import prepare
from wsss.data.sources.folder import list_folder
from wsss.files import write_text
from wsss.manifests.rows import write_manifest
from wsss.settings.data import VOC_CLASSES
from wsss.stores.label_images import label_path

WIDTH, HEIGHT = 500, 375


def make_dataset(folder: Path, images: int) -> Dataset:
    """JPEG files in quality 90 with two of VOC's classes each, and masks in blocks, used as pseudo labels.

    `images` is the number of train images. val has one image.
    """
    source, rng = folder / "source", np.random.default_rng(0)
    classes = {name: value for value, name in enumerate(VOC_CLASSES, 1)}
    rows = [",".join(["image_id", *classes])]
    ids = [f"made_{number:04d}" for number in range(images + 1)]
    (source / "JPEGImages").mkdir(parents=True)
    for number, image_id in enumerate(ids):
        photograph(WIDTH, HEIGHT, number).save(source / "JPEGImages" / f"{image_id}.jpg", quality=90)
        present = rng.choice(len(classes), 2, replace=False)
        rows.append(",".join([image_id, *("1" if key in present else "0" for key in range(len(classes)))]))
        blocks = rng.choice([0, *(present + 1), 255], (15, 20)).astype(np.uint8)
        labels = np.kron(blocks, np.ones((25, 25), np.uint8))
        write_labels(source / "SegmentationClass" / f"{image_id}.png", labels)
        write_labels(label_path(folder / "data" / "made", image_id), labels)
    for split, members in (("train", ids[:-1]), ("val", ids[-1:])):
        write_text(source / "ImageSets" / "Segmentation" / f"{split}.txt", "\n".join(members) + "\n")
    write_text(source / "image_labels.csv", "\n".join(rows) + "\n")
    made = folder / "data" / "made"
    write_manifest(made / "train.tsv", made, [(one, str(label_path(Path(), one))) for one in ids])
    lists = {"train": "train", "train_scored": "train", "val": "val"}
    prepare(list_folder(source, classes, {}, lists), folder / "data")
    return Dataset(folder / "data")

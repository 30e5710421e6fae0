"""Masks in the form of COCO's instances: one annotation for each class of a photograph, as compressed run lengths."""

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from wsss.commands.annotation_files.regions import Labelled, regions
from wsss.data.images import read_labels
from wsss.data.label_values import LabelValues
from wsss.data.sources.coco_masks import pycocotools_masks
from wsss.files import atomic_path, write_items
from wsss.progress import track


def write_coco(path: Path, photographs: Sequence[Labelled], values: LabelValues) -> None:
    """Write the regions of the classes as COCO's instances. Category ids are the values of the classes.

    Parameters
    ----------
    path : Path
        The .json. It is written completely or not at all.
    photographs : Sequence[Labelled]
        The photographs with their label images, which are read one at a time.
    values : LabelValues
        The values of the classes.

    Raises
    ------
    WsssError
        If pycocotools is missing, or a label image cannot be read.
    """
    classes = sorted(values.classes.items(), key=lambda item: item[1])
    categories = [{"id": value, "name": name, "supercategory": ""} for name, value in classes]
    images: list[dict[str, Any]] = []
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('{"info": {}, "licenses": [],\n"categories": ')
        write_items(file, categories)
        file.write(',\n"annotations": ')
        shown = track(photographs, len(photographs), f"writing {path.name}", "photograph")
        write_items(file, _annotations(shown, values, images))
        file.write(',\n"images": ')
        write_items(file, images)
        file.write("}\n")


def _annotations(
    photographs: Iterator[Labelled], values: LabelValues, images: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The annotations of all photographs. Each photograph's entry is added to `images`."""
    coco, ids = pycocotools_masks(), count(1)
    for number, photograph in enumerate(photographs, 1):
        labels = read_labels(photograph.labels)
        height, width = labels.shape
        images.append({"id": number, "file_name": photograph.name, "height": height, "width": width})
        for region in regions(labels, values):
            runs = coco.encode(np.asfortranarray(region.mask, np.uint8))
            yield {
                "id": next(ids),
                "image_id": number,
                "category_id": region.value,
                "segmentation": {"size": [height, width], "counts": runs["counts"].decode()},
                "area": int(coco.area(runs)),
                "bbox": coco.toBbox(runs).tolist(),
                "iscrowd": 0,
            }

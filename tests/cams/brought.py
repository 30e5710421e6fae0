"""A prepared dataset without photographs, and CAM files for it as people bring them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.prepared import indexed
from tests.reference import blobs
from wsss.data.dataset import Dataset
from wsss.data.index import IndexRow
from wsss.files import write_json, write_text
from wsss.settings.cam_files import CamFileSettings

# Values in masks, by class. They are no positions, as where a dataset has some of VOC's classes.
VALUES = {"bird": 3, "cat": 8, "dining table": 11}
HEIGHT, WIDTH = 37, 50
FULL, STRIDED = (HEIGHT, WIDTH), (10, 13)
# The photograph of each image, and its classes.
IMAGES: dict[str, tuple[str, tuple[int, ...]]] = {
    "2007_000032": ("JPEGImages/2007_000032.jpg", (0, 2)),
    "2007_000039": ("JPEGImages/2007_000039.jpg", (1,)),
    "pets-IMG_1": ("pets/IMG_1.jpg", (1, 2)),
    "none": ("none.jpg", ()),
}
# The image that most tests read: of classes 0 and 2.
ONE, KEYS = "2007_000032", np.array([0, 2])


def bare_dataset(
    folder: Path,
    images: Mapping[str, tuple[str, tuple[int, ...]]] = IMAGES,
    size: tuple[int, int] = FULL,
    full_size: tuple[int, int] | None = None,
) -> Dataset:
    """A dataset of these images, all of the same size."""
    write_json(folder / "dataset.json", {"classes": VALUES, "ignored_classes": {}, "has_background": True})
    rows = [
        IndexRow(one, *size, *(full_size or size), 1, "", f"dataset/{file}", "", "", "")
        for one, (file, _) in images.items()
    ]
    labels = [f"{one},{','.join(str(int(number in keys)) for number in range(3))}" for one, (_, keys) in images.items()]
    write_text(folder / "image_labels.csv", "\n".join([f"image_id,{','.join(VALUES)}", *labels]) + "\n")
    return indexed(folder, rows)


def maps(image_id: str = ONE, size: tuple[int, int] = FULL, count: int = 2) -> np.ndarray:
    """Maps in 0..1, float32 (count, h, w), whose maxima are 0.9, 0.8 and so on."""
    found = blobs(f"brought/{image_id}", *size, count)
    return found * (0.9 - 0.1 * np.arange(count, dtype=np.float32))[:, None, None]


def of_format(file_format: str, **changes: Any) -> CamFileSettings:
    """Settings of a format. Values are kept as float32."""
    values = {"method": "files", "name": "theirs", "format": file_format, "store_dtype": "float32"} | changes
    return CamFileSettings.read("cams", values if file_format != "store" else values | {"store_dtype": "float16"})


def save_dictionary(path: Path, content: Any) -> None:
    """A dictionary, as IRNet saves it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, content, allow_pickle=True)


def save_png(path: Path, values: np.ndarray, bits: int = 8) -> None:
    """One map as a grey PNG image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    largest, dtype = {8: (255, np.uint8), 16: (65535, np.uint16)}[bits]
    Image.fromarray(np.round(values * largest).astype(dtype)).save(path)

"""Finished CAMs from the maps of a file: the image's classes in their order, values in 0..1, all faults named."""

from dataclasses import dataclass

import numpy as np

from wsss.cams.files.class_labels import ClassLabels
from wsss.cams.files.maps import FileMaps
from wsss.errors import WsssError
from wsss.settings.cam_files import CamFileSettings

# Values may leave 0..1 by this much, from rounding. They are then cut off.
ROUNDING = 1e-4
FLOOR = np.float32(1e-5)


@dataclass(frozen=True)
class ImageFacts:
    """What CAMs must fit: the image's classes from 0, its (height, width) as it is worked on, and the photograph's."""

    present: np.ndarray
    size: tuple[int, int]
    full_size: tuple[int, int]


def finished_maps(
    maps: FileMaps, image: ImageFacts, labels: ClassLabels, settings: CamFileSettings
) -> list[np.ndarray]:
    """The CAMs of an image's classes.

    Parameters
    ----------
    maps : FileMaps
        The maps of a file.
    image : ImageFacts
        The image.
    labels : ClassLabels
        What names and numbers mean.
    settings : CamFileSettings
        What to divide by.

    Returns
    -------
    list[np.ndarray]
        An array for each array of the file, float32 (n, h, w) in 0..1, classes ascending.

    Raises
    ------
    WsssError
        Naming everything that is wrong.
    """
    faults = [fault for array in maps.arrays if (fault := size_fault(array.shape[1:], image))]
    faults += _class_faults(maps, image, labels)
    chosen = slice(None) if faults else _rows(maps, image, labels)
    arrays = []
    for array in maps.arrays:
        with np.errstate(over="ignore"):
            values = np.asarray(array[chosen], np.float32)
        faults += filter(None, [_value_fault(values, settings)])
        arrays.append(values)
    if faults:
        raise WsssError("; ".join(dict.fromkeys(faults)))
    return [_divided(values) if settings.divide_by == "maximum" else values.clip(0, 1) for values in arrays]


def size_fault(shape: tuple[int, ...], image: ImageFacts) -> str:
    """Why maps of this (height, width) do not fit an image; empty if they do.

    Each side must be less than one cell away from the image's side times a factor that is the same for both sides.
    """
    height, width = shape
    for tall, wide in (image.size, image.full_size):
        if 0 < height <= tall and 0 < width <= wide and abs(height * wide - width * tall) < tall + wide:
            return ""
    own = f"{image.full_size[0]} x {image.full_size[1]}"
    return f"maps of {height} x {width}, and the photograph has {own} (height x width): they need its aspect"


def _class_faults(maps: FileMaps, image: ImageFacts, labels: ClassLabels) -> list[str]:
    if maps.labels is not None:
        return labels.faults(maps.labels, image.present)
    return [
        f"an array of {len(array)} classes, and with cams.numbers: {labels.numbers} there are {labels.rows}"
        for array in maps.arrays
        if not labels.rows <= len(array) <= labels.most_rows
    ]


def _rows(maps: FileMaps, image: ImageFacts, labels: ClassLabels) -> list[int]:
    """The row of each class of the image."""
    if maps.labels is None:
        numbers = {position: number for number, position in labels.by_number.items()}
        return [numbers[int(position)] for position in image.present]
    found = [labels.find(label) for label in maps.labels]
    return [found.index(int(position)) for position in image.present]


def _value_fault(values: np.ndarray, settings: CamFileSettings) -> str:
    if not np.isfinite(values).all():
        return "values that are not finite"
    low, high = values.min(initial=0), values.max(initial=0)
    if settings.divide_by == "nothing" and (low < -ROUNDING or high > 1 + ROUNDING):
        return f"values from {low:.4g} to {high:.4g}, not in 0..1: set cams.divide_by: maximum to scale them"
    return ""


def _divided(values: np.ndarray) -> np.ndarray:
    """Maps of at least 0, each divided by its maximum + 1e-5."""
    positive = np.maximum(values, 0)
    divided: np.ndarray = positive / (positive.max(axis=(1, 2), keepdims=True) + FLOOR)
    return divided

"""What the files of annotation tools are made from: the region of each class in a label image, and its run lengths."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from wsss.data.label_values import LabelValues


class Labelled(NamedTuple):
    """A photograph and its label image. `name` is the photograph's path below the folder that all share, with `/`."""

    name: str
    labels: Path


class Region(NamedTuple):
    """All pixels of a class in one photograph.

    `name` and `value` are those of the class, and `mask` is bool (H, W).
    """

    name: str
    value: int
    mask: np.ndarray


def regions(labels: np.ndarray, values: LabelValues) -> Iterator[Region]:
    """The region of each class that a label image holds, one at a time, in the order of the values.

    Parameters
    ----------
    labels : np.ndarray
        Values of the classes, uint8 (H, W). The background and pixels without a class have no region.
    values : LabelValues
        The values of the classes.

    Yields
    ------
    Region
        The next class with its pixels.
    """
    counts = Image.fromarray(labels).histogram()
    for name, value in sorted(values.classes.items(), key=lambda item: item[1]):
        if counts[value]:
            yield Region(name, value, labels == value)


def run_lengths(mask: np.ndarray) -> np.ndarray:
    """Lengths of the runs of equal pixels, row after row.

    Parameters
    ----------
    mask : np.ndarray
        bool (H, W), not empty.

    Returns
    -------
    np.ndarray
        int64 (n,): pixels outside the region, inside it, and so on in turn. The first is 0 if the region holds the
        first pixel.
    """
    flat = mask.reshape(-1)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff(np.concatenate([[0], changes, [flat.size]]))
    return np.concatenate([[0], lengths]) if flat[0] else lengths


def bounding_box(mask: np.ndarray) -> tuple[slice, slice]:
    """The rows and the columns from the first to the last pixel of a region, bool (H, W), that has some."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

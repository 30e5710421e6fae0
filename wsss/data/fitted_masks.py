"""Masks of photographs at the size that is worked on."""

from pathlib import Path

import numpy as np
from PIL import Image

from wsss.data.images import scale_labels
from wsss.data.index import IndexRow
from wsss.data.photographs import SIDEWAYS, turned
from wsss.errors import WsssError


def stored_sizes(row: IndexRow) -> list[tuple[int, int]]:
    """The sizes that a mask of the whole photograph may have: upright, or before it is turned upright."""
    upright = row.full_size
    return [upright, upright[::-1]] if row.orientation in SIDEWAYS else [upright]


def wrong_size(path: Path, size: tuple[int, ...], row: IndexRow, remedy: str) -> WsssError:
    """The error for a mask whose size is not its photograph's. `remedy` is the way out."""
    return WsssError(
        f"{path} has {_told(size)} pixels, and its photograph {row.file} has {_told(row.full_size)}: {remedy}"
    )


def at_worked_size(mask: np.ndarray, row: IndexRow) -> np.ndarray:
    """A mask at the size that its image is worked on.

    Parameters
    ----------
    mask : np.ndarray
        uint8 or int32 (height, width) of that size, or of one of `stored_sizes`.
    row : IndexRow
        The image.

    Returns
    -------
    np.ndarray
        The mask (height, width), turned upright if it has the size before turning, then resized by the nearest pixel.
    """
    if mask.shape == row.size:
        return mask
    if mask.shape != row.full_size:
        mask = np.asarray(turned(Image.fromarray(mask), row.orientation))
    return mask if row.full_size == row.size else scale_labels(mask, row.size)


def _told(size: tuple[int, ...]) -> str:
    return f"{size[0]} x {size[1]} (height x width)"

"""The truth of an image: the class numbers of its mask, at the size that the image is worked on."""

from pathlib import Path

import numpy as np
from PIL import Image

from wsss.data.images import scale_labels
from wsss.data.index import IndexRow
from wsss.data.label_values import LabelValues
from wsss.data.photographs import SIDEWAYS, turned
from wsss.errors import WsssError


def truth_of(path: Path, row: IndexRow, values: LabelValues, remedy: str = "replace the mask") -> np.ndarray:
    """Class numbers of a mask at the size that its image is worked on; see `Dataset.truth`.

    A mask of the size that the photograph has before it is turned upright is turned with it. `remedy` is the way out,
    for the message about a mask of another size.
    """
    labels = values.read(path)
    if labels.shape != row.full_size and row.orientation in SIDEWAYS:
        labels = np.asarray(turned(Image.fromarray(labels), row.orientation))
    if labels.shape != row.full_size:
        raise WsssError(
            f"{path} has {_told(labels.shape)} pixels, and its photograph {row.file} has {_told(row.full_size)}: "
            f"{remedy}"
        )
    return labels if row.full_size == row.size else scale_labels(labels, row.size)


def _told(size: tuple[int, ...]) -> str:
    return f"{size[0]} x {size[1]} (height x width)"

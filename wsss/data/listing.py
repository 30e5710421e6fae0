"""What a source of images says about a dataset, before any photograph is opened.

Every kind of dataset makes one `Listing`. `wsss.data.preparation.prepare` turns it into the prepared dataset.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Listing:
    """The images of a dataset, their splits, labels and masks.

    Parameters
    ----------
    folder : Path
        The folder that the paths of photographs and masks start at.
    photographs : Mapping[str, str]
        The path of each listed photograph below `folder`, by the image's id. An id is a plain file name.
    splits : Mapping[str, Sequence[str]]
        Ids of `train`, `train_scored` (the part of train whose masks are scored), `val` and `test` (images without
        labels, of which only masks are made). All but train may be empty.
    labels : Mapping[str, np.ndarray]
        Image-level labels of every image of train and val: zeros and ones, (n,), in the order of `classes`.
    classes : Mapping[str, int]
        The value of each class in masks and label images, 1..254, by its name, in ascending order of the values.
    ignored_classes : Mapping[str, int]
        The same for known classes that are left out.
    masks : Mapping[str, str]
        The path of each mask below `mask_folder`, by the image's id. Images without a mask are left out.
    mask_folder : Path or None
        The folder of masks that were made from annotations, inside the prepared dataset. None: `folder`.
    has_background : bool
        Whether the value 0 stands for a background. If not, every pixel belongs to a class.
    mask_remedy : str
        The way out, for messages, if a mask has another size than its photograph.
    """

    folder: Path
    photographs: Mapping[str, str]
    splits: Mapping[str, Sequence[str]]
    labels: Mapping[str, np.ndarray]
    classes: Mapping[str, int]
    ignored_classes: Mapping[str, int] = field(default_factory=dict)
    masks: Mapping[str, str] = field(default_factory=dict)
    mask_folder: Path | None = None
    has_background: bool = True
    mask_remedy: str = "replace the mask"

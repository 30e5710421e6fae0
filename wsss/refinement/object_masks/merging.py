"""Merges class-agnostic masks of objects into pseudo labels."""

from dataclasses import dataclass

import numpy as np

from wsss.data.images import IGNORE
from wsss.settings.merged_labels import MergedLabelSettings


@dataclass(frozen=True)
class ObjectMasks:
    """The masks of an image, which may overlap: each pixel of each mask once, in no certain order.

    Parameters
    ----------
    size : tuple[int, int]
        Height and width of the image, in pixels.
    count : int
        The number of masks.
    owners : np.ndarray
        The mask of each of the k entries, integers (k,), 0..count-1.
    pixels : np.ndarray
        Its pixel, counted row by row, integers (k,), 0..height*width-1.
    """

    size: tuple[int, int]
    count: int
    owners: np.ndarray
    pixels: np.ndarray


def merge(labels: np.ndarray, masks: ObjectMasks, settings: MergedLabelSettings) -> np.ndarray:
    """Labels in which classes hold whole masks of objects.

    Classes take their turns in ascending order. A class takes each mask that no earlier class has taken, if more than
    the share `inside` of the mask lies in the class's pseudo label, or if the mask holds at least the share `covered`
    of that pseudo label. The class also keeps the pixels of its pseudo label that lie in none of the masks that were
    left when its turn came. Where results of classes meet, the later class is written. All other pixels become
    background. 255 belongs to no class, and stays where no taken mask lies. The order of the masks does not matter.

    Parameters
    ----------
    labels : np.ndarray
        Pseudo labels, uint8 (height, width): 0 background, 1..253 classes, 255 ignored.
    masks : ObjectMasks
        Masks of the same size.
    settings : MergedLabelSettings
        The shares `inside` and `covered`.

    Returns
    -------
    np.ndarray
        Labels, uint8 (height, width), of the same classes.

    Notes
    -----
    This is the default rule of the released code, `max_iou_imp2` of github.com/cskyl/SAM_WSSS. Its pseudo labels have
    no 255. A mask that fits several classes goes to the first, which can happen by `covered` alone if `inside` is at
    least 0.5.

    References
    ----------
    Chen, Mai, Li, Chao: Segment Anything Model (SAM) Enhanced Pseudo Labels for Weakly Supervised Semantic
    Segmentation, arXiv 2305.05803, 2023.
    """
    flat = labels.ravel()
    classes = [number for number in np.unique(flat).tolist() if number not in (0, IGNORE)]
    areas, shared = _overlaps(flat, masks, classes)
    merged = np.where(flat == IGNORE, IGNORE, 0).astype(np.uint8)
    left = np.ones(masks.count, bool)
    for number, overlaps in zip(classes, shared, strict=True):
        own = flat == number
        taken = left & (
            (overlaps / np.maximum(areas, 1) > settings.inside) | (overlaps / own.sum() >= settings.covered)
        )
        in_masks = np.zeros(flat.size, bool)
        in_masks[masks.pixels[left[masks.owners]]] = True
        merged[own & ~in_masks] = number
        merged[masks.pixels[taken[masks.owners]]] = number
        left &= ~taken
    return merged.reshape(labels.shape)


def _overlaps(flat: np.ndarray, masks: ObjectMasks, classes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The number of pixels of each mask, int64 (m,), and of those in the label of each class, int64 (n, m)."""
    starts = np.zeros(256, np.int64)
    starts[classes] = np.arange(1, len(classes) + 1) * masks.count
    pairs = starts[flat][masks.pixels] + masks.owners
    counts = np.bincount(pairs, minlength=(len(classes) + 1) * masks.count).reshape(len(classes) + 1, masks.count)
    return counts.sum(0), counts[1:]

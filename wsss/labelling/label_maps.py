"""Label maps from scores: the strongest class of each pixel, and class numbers instead of indices."""

import numpy as np

from wsss.data.images import IGNORE


def sure_labels(sure_of_class: np.ndarray, sure_of_background: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Labels from two label maps of the CAMs, one for a high and one for a low background score.

    Parameters
    ----------
    sure_of_class : np.ndarray
        Indices into [background, keys], integers (H, W), from the high score.
    sure_of_background : np.ndarray
        Indices into [background, keys], integers (H, W), from the low score.
    keys : np.ndarray
        Class numbers from 0, integers (n,).

    Returns
    -------
    np.ndarray
        Labels, uint8 (H, W): keys + 1 where `sure_of_class` has a class, 0 where both have background, 255 elsewhere.
    """
    labels = class_labels(sure_of_class, keys)
    labels[(sure_of_class == 0) & (sure_of_background != 0)] = IGNORE
    return labels


def strongest(cams: np.ndarray, background_score: float) -> np.ndarray:
    """The strongest class of each pixel: argmax of [background_score, cams].

    Parameters
    ----------
    cams : np.ndarray
        CAMs, float (n, H, W).
    background_score : float
        The score that a CAM must exceed. Ties go to the background.

    Returns
    -------
    np.ndarray
        Indices into [background, classes], int64 (H, W), 0..n.
    """
    if len(cams) == 0:
        return np.zeros(cams.shape[1:], np.int64)
    return np.where(cams.max(axis=0) > background_score, cams.argmax(axis=0) + 1, 0)


def class_labels(indices: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Labels, uint8, for indices into [background, keys]: 0 and keys + 1."""
    values = np.concatenate([[0], np.asarray(keys, np.int64) + 1]).astype(np.uint8)
    labels: np.ndarray = values[indices]
    return labels

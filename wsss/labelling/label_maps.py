"""Label maps from scores: the strongest class of each pixel, and class numbers in place of indices."""

import numpy as np

from wsss.data.images import IGNORE


def sure_labels(sure_of_class: np.ndarray, sure_of_background: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Labels, uint8 (H, W): the class where `sure_of_class` names one, 0 where both name none, 255 elsewhere.

    `sure_of_class`, `sure_of_background`: indices (H, W) into [background, keys], from a high and a low score.
    """
    labels = class_labels(sure_of_class, keys)
    labels[(sure_of_class == 0) & (sure_of_background != 0)] = IGNORE
    return labels


def strongest(cams: np.ndarray, background_score: float) -> np.ndarray:
    """Argmax of [background_score, cams], int64 (H, W) in 0..n for cams (n, H, W); ties go to the background."""
    if len(cams) == 0:
        return np.zeros(cams.shape[1:], np.int64)
    return np.where(cams.max(axis=0) > background_score, cams.argmax(axis=0) + 1, 0)


def class_labels(indices: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Labels, uint8, for indices into [background, keys]: 0 and keys + 1."""
    values = np.concatenate([[0], np.asarray(keys, np.int64) + 1]).astype(np.uint8)
    labels: np.ndarray = values[indices]
    return labels

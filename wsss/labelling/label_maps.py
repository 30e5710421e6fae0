"""Label maps from scores: the strongest class of each pixel, and class numbers instead of indices."""

from math import inf
from typing import TypeVar

import numpy as np

from wsss.data.images import IGNORE
from wsss.settings.base import Settings

# The score of a background that wins against no class. Datasets whose every pixel belongs to a class have this score.
NO_BACKGROUND = -inf
WithScores = TypeVar("WithScores", bound=Settings)


def scores_for(settings: WithScores, has_background: bool) -> WithScores:
    """Settings with a background score, as they hold for a dataset.

    Parameters
    ----------
    settings : Settings
        Settings with a `background_score`.
    has_background : bool
        Whether pixels may belong to no class.

    Returns
    -------
    Settings
        The same settings. Without a background, their `background_score` is `NO_BACKGROUND`.
    """
    return settings if has_background else settings.model_copy(update={"background_score": NO_BACKGROUND})


def score_to_exceed(background_score: float, classes: int) -> float:
    """The score that the strongest of some classes must exceed to get a pixel.

    Without a background, an image's only class gets every pixel. Of several classes, one needs a score above 0, because
    equal zeros do not say which class is there.
    """
    return 0.0 if background_score == NO_BACKGROUND and classes > 1 else background_score


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
        In a dataset without a background, 0 stands for no class.
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
        The score that a CAM must exceed. Ties go to the background. With `NO_BACKGROUND` index 0 stands for no class;
        see `score_to_exceed`.

    Returns
    -------
    np.ndarray
        Indices into [background, classes], int64 (H, W), 0..n.
    """
    if len(cams) == 0:
        return np.zeros(cams.shape[1:], np.int64)
    least = score_to_exceed(background_score, len(cams))
    return np.where(cams.max(axis=0) > least, cams.argmax(axis=0) + 1, 0)


def class_labels(indices: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Labels, uint8, for indices into [background, keys]: 0 and keys + 1."""
    values = np.concatenate([[0], np.asarray(keys, np.int64) + 1]).astype(np.uint8)
    labels: np.ndarray = values[indices]
    return labels

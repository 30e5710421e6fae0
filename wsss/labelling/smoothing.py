"""Fits labels to the edges of a photograph, by the method that the settings name."""

from typing import Protocol

import numpy as np

from wsss.runtime.parts import load_part
from wsss.settings.smoothing import SmoothingSettings


class Smoother(Protocol):
    """The interface of smoothing methods, made for one photograph and a number of labels, for any number of passes."""

    def from_probabilities(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities that follow the photograph's edges.

        Parameters
        ----------
        probabilities : np.ndarray
            float32 (count, H, W), summing to 1 at each pixel.

        Returns
        -------
        np.ndarray
            float32 (count, H, W), summing to 1 at each pixel.
        """

    def from_labels(self, labels: np.ndarray, label_probability: float) -> np.ndarray:
        """Labels that follow the photograph's edges.

        Parameters
        ----------
        labels : np.ndarray
            Integers (H, W), 0..count-1.
        label_probability : float
            The probability that a given label is right.

        Returns
        -------
        np.ndarray
            Labels, int64 (H, W), 0..count-1.
        """


def smoother_of(image: np.ndarray, count: int, settings: SmoothingSettings) -> Smoother:
    """The smoothing method `settings.method`, made for a photograph.

    Parameters
    ----------
    image : np.ndarray
        The photograph, uint8 RGB (H, W, 3).
    count : int
        The number of labels, at least 1.
    settings : SmoothingSettings
        Settings of a dense CRF or of PAMR.

    Returns
    -------
    Smoother
        The method, ready for this photograph.
    """
    smoother: Smoother = load_part(settings.code).build(image, count, settings)
    return smoother

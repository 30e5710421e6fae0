"""Labels that follow the edges of a photograph, by the method that the settings name."""

from typing import Protocol

import numpy as np

from wsss.runtime.parts import load_part
from wsss.settings.smoothing import SmoothingSettings


class Smoother(Protocol):
    """One photograph of (H, W) pixels and a number of labels, ready for as many passes as it needs."""

    def from_probabilities(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities, float32 (count, H, W), from such probabilities; both sum to 1 at each pixel."""

    def from_labels(self, labels: np.ndarray, label_probability: float) -> np.ndarray:
        """Labels, int64 (H, W), from labels in 0..count-1, each of which is right with `label_probability`."""


def smoother_of(image: np.ndarray, count: int, settings: SmoothingSettings) -> Smoother:
    """What smooths labels over `image`, by `settings.method`.

    Parameters
    ----------
    image
        uint8 RGB (H, W, 3).
    count
        The number of labels, at least 1.
    settings
        A dense CRF's or PAMR's.
    """
    smoother: Smoother = load_part(settings.code).build(image, count, settings)
    return smoother

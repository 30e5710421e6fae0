"""Fully connected CRFs with Gaussian and bilateral Potts kernels (Kraehenbuehl and Koltun, NIPS 2011).

The inference holds Python's global lock: several images at a time take processes, not threads.
"""

import numpy as np
from pydensecrf.densecrf import DenseCRF2D

from wsss.settings.crf import CrfSettings

SMALLEST_PROBABILITY = 1e-5


def crf_from_probabilities(image: np.ndarray, probabilities: np.ndarray, settings: CrfSettings) -> np.ndarray:
    """Marginals, float32 (n, H, W), of a CRF whose unary energies are -log of `probabilities`.

    `image`: uint8 RGB (H, W, 3); `probabilities`: float32 (n, H, W), summing to 1 at each pixel, n >= 1; they are
    raised to at least 1e-5.
    """
    return _marginals(image, -np.log(np.clip(probabilities, SMALLEST_PROBABILITY, 1)), settings)


def crf_from_labels(
    image: np.ndarray, labels: np.ndarray, count: int, label_probability: float, settings: CrfSettings
) -> np.ndarray:
    """Labels, int64 (H, W), after a CRF that trusts every given label with `label_probability`.

    `image`: uint8 RGB (H, W, 3); `labels`: integers (H, W) in 0..count-1. The other count - 1 labels share the rest of
    the probability equally.
    """
    if count == 1:
        return np.zeros(labels.shape, np.int64)
    energies = np.full((count, *labels.shape), -np.log((1 - label_probability) / (count - 1)), np.float32)
    np.put_along_axis(energies, labels[None].astype(np.int64), np.float32(-np.log(label_probability)), axis=0)
    labels_after: np.ndarray = _marginals(image, energies, settings).argmax(axis=0)
    return labels_after


def _marginals(image: np.ndarray, energies: np.ndarray, settings: CrfSettings) -> np.ndarray:
    count, height, width = energies.shape
    crf = DenseCRF2D(width, height, count)
    crf.setUnaryEnergy(np.ascontiguousarray(energies.reshape(count, -1), np.float32))
    crf.addPairwiseGaussian(sxy=settings.gaussian_sxy, compat=settings.gaussian_weight)
    crf.addPairwiseBilateral(
        sxy=settings.bilateral_sxy,
        srgb=settings.bilateral_srgb,
        rgbim=np.array(image, np.uint8, order="C"),  # a copy: a read-only view of a photograph is refused
        compat=settings.bilateral_weight,
    )
    return np.array(crf.inference(settings.iterations), np.float32).reshape(count, height, width)

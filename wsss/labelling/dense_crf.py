"""Fully connected CRFs with Gaussian and bilateral Potts kernels (Kraehenbuehl and Koltun, NIPS 2011).

The inference holds Python's global lock. To work on several images at a time, use processes, not threads.
"""

from functools import cached_property

import numpy as np
from pydensecrf.densecrf import DenseCRF2D

from wsss.data.array_checks import check_array, check_count, check_labels
from wsss.errors import WsssError
from wsss.settings.crf import CrfSettings

SMALLEST_PROBABILITY = 1e-5


class DenseCrf:
    """A dense CRF over one photograph, with Gaussian and bilateral Potts kernels.

    The kernels are built once and used for several passes, because building them takes half the time of a pass.

    Parameters
    ----------
    image : np.ndarray
        The photograph, uint8 RGB (H, W, 3).
    count : int
        The number of labels, at least 1.
    settings : CrfSettings
        Widths and weights of the kernels, and the number of iterations.

    Raises
    ------
    WsssError
        If the image has another shape or dtype, or there is no label.

    References
    ----------
    Kraehenbuehl and Koltun: "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials", NIPS 2011.
    """

    def __init__(self, image: np.ndarray, count: int, settings: CrfSettings) -> None:
        check_array("image", image, "numpy", "uint8", ("H", "W", 3))
        check_count(count)
        self.image, self.count, self.settings = image, count, settings

    def from_probabilities(self, probabilities: np.ndarray) -> np.ndarray:
        """Marginals of a CRF whose unary energies are -log of the given probabilities.

        Parameters
        ----------
        probabilities : np.ndarray
            float32 (count, H, W), summing to 1 at each pixel. Values below 1e-5 are raised to 1e-5.

        Returns
        -------
        np.ndarray
            Marginals, float32 (count, H, W), in 0..1.

        Raises
        ------
        WsssError
            If the probabilities have another shape or dtype.
        """
        check_array("probabilities", probabilities, "numpy", "float", (self.count, *self.image.shape[:2]))
        return self._marginals(-np.log(np.clip(probabilities, SMALLEST_PROBABILITY, 1)))

    def from_labels(self, labels: np.ndarray, label_probability: float) -> np.ndarray:
        """Labels after a CRF that trusts every given label with the same probability.

        Parameters
        ----------
        labels : np.ndarray
            Integers (H, W), 0..count-1.
        label_probability : float
            How much a label is trusted, below 1. The other count - 1 labels share the rest equally.

        Returns
        -------
        np.ndarray
            Labels, int64 (H, W), 0..count-1.

        Raises
        ------
        WsssError
            If the labels have another shape or dtype, or one is no label; or if the probability is not between 0 and 1.
        """
        check_labels(labels, self.image.shape[:2], self.count)
        if not 0 < label_probability < 1:
            raise WsssError(f"label_probability must be between 0 and 1, and is {label_probability}")
        if self.count == 1:
            return np.zeros(labels.shape, np.int64)
        others = -np.log((1 - label_probability) / (self.count - 1))
        energies = np.full((self.count, *labels.shape), others, np.float32)
        np.put_along_axis(energies, labels[None].astype(np.int64), np.float32(-np.log(label_probability)), axis=0)
        labels_after: np.ndarray = self._marginals(energies).argmax(axis=0)
        return labels_after

    def _marginals(self, energies: np.ndarray) -> np.ndarray:
        self._crf.setUnaryEnergy(np.ascontiguousarray(energies.reshape(self.count, -1), np.float32))
        return np.array(self._crf.inference(self.settings.iterations), np.float32).reshape(energies.shape)

    @cached_property
    def _crf(self) -> DenseCRF2D:
        height, width = self.image.shape[:2]
        crf = DenseCRF2D(width, height, self.count)
        crf.addPairwiseGaussian(sxy=self.settings.gaussian_sxy, compat=self.settings.gaussian_weight)
        crf.addPairwiseBilateral(
            sxy=self.settings.bilateral_sxy,
            srgb=self.settings.bilateral_srgb,
            rgbim=np.array(self.image, np.uint8, order="C"),  # a copy, because pydensecrf refuses a read-only view
            compat=self.settings.bilateral_weight,
        )
        return crf


def build(image: np.ndarray, count: int, settings: CrfSettings) -> DenseCrf:
    """Make this method for `wsss.labelling.smoothing.smoother_of`."""
    return DenseCrf(image, count, settings)

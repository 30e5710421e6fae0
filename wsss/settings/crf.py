"""Settings of a dense CRF (Kraehenbuehl and Koltun, 2011)."""

from typing import ClassVar, Literal

from wsss.settings.base import Settings
from wsss.settings.numbers import Iterations, Weight, Width


class CrfSettings(Settings):
    """A CRF with two kernels: Gaussian (distance) and bilateral (distance and colour). Both have Potts costs."""

    code: ClassVar[str] = "wsss.labelling.dense_crf"

    # The name of this method.
    method: Literal["dense_crf"] = "dense_crf"
    # Iterations of mean-field inference.
    iterations: Iterations = 10
    # Width of the Gaussian kernel, in pixels.
    gaussian_sxy: Width
    # Weight of the Gaussian kernel, which removes small isolated regions.
    gaussian_weight: Weight = 3.0
    # Width of the bilateral kernel in space, in pixels.
    bilateral_sxy: Width
    # Width of the bilateral kernel in colour, in grey levels of 0..255.
    bilateral_srgb: Width
    # Weight of the bilateral kernel, which moves labels to edges of colour.
    bilateral_weight: Weight

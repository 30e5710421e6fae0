"""Settings of a dense CRF (Kraehenbuehl and Koltun, 2011)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wsss.settings.base import Settings
from wsss.settings.training import Positive

NonNegative = Annotated[float, Field(ge=0)]
Width = Annotated[float, Field(gt=0)]


class CrfSettings(Settings):
    """Two Potts kernels. Widths `*_sxy` are in pixels, `bilateral_srgb` in grey levels of 0-255."""

    code: ClassVar[str] = "wsss.labelling.dense_crf"

    method: Literal["dense_crf"] = "dense_crf"
    iterations: Positive = 10
    gaussian_sxy: Width
    gaussian_weight: NonNegative = 3.0
    bilateral_sxy: Width
    bilateral_srgb: Width
    bilateral_weight: NonNegative

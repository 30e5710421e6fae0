"""Settings of the labels that IRNet learns from (Ahn et al., CVPR 2019)."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from wsss.settings.base import Settings, check_order
from wsss.settings.crf import CrfSettings
from wsss.settings.smoothing import SmoothingSettings
from wsss.settings.training import Share


class ConfidentLabelSettings(Settings):
    """Foreground where [foreground_score, CAM] says so, background where both say so, ignored elsewhere."""

    foreground_score: Share = 0.30
    background_score: Share = 0.05
    label_probability: Annotated[float, Field(gt=0.5, lt=1)] = 0.7
    crf: SmoothingSettings = CrfSettings(gaussian_sxy=3, bilateral_sxy=50, bilateral_srgb=5, bilateral_weight=10)

    @model_validator(mode="after")
    def _scores_are_ordered(self) -> Self:
        check_order(self.foreground_score, self.background_score)
        return self

"""Settings of the labels that IRNet learns from (Ahn et al., CVPR 2019)."""

from typing import Annotated, Self

from pydantic import model_validator

from wsss.settings.base import Settings, check_order
from wsss.settings.crf import CrfSettings
from wsss.settings.numbers import Real, Share
from wsss.settings.smoothing import SmoothingSettings


class ConfidentLabelSettings(Settings):
    """Labels of the pixels that the CAMs are sure of.

    A pixel is foreground if a class wins against `foreground_score`. It is background if no class wins against
    either score. All other pixels are ignored.
    """

    # The high background score, beside CAMs in 0..1. Raise it if background is labelled as objects.
    foreground_score: Share = 0.30
    # The low background score. Lower it if objects are labelled as background.
    background_score: Share = 0.05
    # How much the CRF trusts each given label, as a probability.
    label_probability: Annotated[float, Real(0.5, 1, above=True, below=True)] = 0.7
    # The CRF, or PAMR in its place.
    crf: SmoothingSettings = CrfSettings(gaussian_sxy=3, bilateral_sxy=50, bilateral_srgb=5, bilateral_weight=10)

    @model_validator(mode="after")
    def _scores_are_ordered(self) -> Self:
        check_order(self.foreground_score, self.background_score)
        return self

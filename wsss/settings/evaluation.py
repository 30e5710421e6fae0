"""Settings of the leaves: CAMs with a CRF, thresholds, the page of a run."""

from typing import Self

from pydantic import model_validator

from wsss.settings.base import Settings
from wsss.settings.crf import CrfSettings
from wsss.settings.optimisation import Positive, Share


class CamCrfSettings(Settings):
    """The leaf "CAM+CRF": softmax of [background_score, CAMs] through a CRF; feeds no later stage."""

    background_score: Share = 0.15
    crf: CrfSettings = CrfSettings(gaussian_sxy=1, bilateral_sxy=64, bilateral_srgb=3, bilateral_weight=4)


class EvaluationSettings(Settings):
    """Background scores that the threshold curve of the CAMs tries."""

    thresholds: tuple[Share, Share, Share] = (0.02, 0.60, 0.02)

    @model_validator(mode="after")
    def _range_is_possible(self) -> Self:
        first, last, step = self.thresholds
        if step <= 0 or last < first:
            raise ValueError("thresholds: give (first, last, step) with first <= last and step > 0")
        return self


class ReportSettings(Settings):
    """The page of a run."""

    # How many images of each split the panels show.
    panels: Positive = 8
    # Give the recovery ratio: the score as a part of the same network's on the truth, which is then trained too.
    recovery: bool = False

"""Settings of the threshold curve of CAMs."""

from typing import Self

from pydantic import model_validator

from wsss.settings.base import Settings
from wsss.settings.numbers import Share

MOST_SCORES = 1000


class CamCurveSettings(Settings):
    """Background scores that the threshold curve of the CAMs tries."""

    # (first, last, step) of the background scores. `last` is included.
    thresholds: tuple[Share, Share, Share] = (0.02, 0.60, 0.02)

    @model_validator(mode="after")
    def _range_is_possible(self) -> Self:
        first, last, step = self.thresholds
        if step <= 0 or last < first:
            raise ValueError("thresholds: give (first, last, step) with first <= last and step > 0")
        if (last - first) / step >= MOST_SCORES:
            raise ValueError(f"thresholds: a step of {step} gives more than {MOST_SCORES} scores; take a larger one")
        return self

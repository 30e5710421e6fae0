"""Settings of the pseudo labels."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from wsss.settings.base import Settings, check_order
from wsss.settings.training import Positive, Precision, Share


class PseudoLabelSettings(Settings):
    """Random walk x T^(2^log2_steps) over the affinities, then argmax against a constant background score.

    With a foreground score above it, pixels between the two are ignored by the training that follows.
    """

    # The stages beyond the CAMs that these labels are made from.
    needs: ClassVar[tuple[str, ...]] = ("confident_labels", "irnet")

    radius: Annotated[int, Field(ge=2)] = 5
    beta: Annotated[float, Field(gt=0)] = 10.0
    log2_steps: Annotated[int, Field(ge=0, le=12)] = 8
    # accelerated: a third of the time of exact, and proven to be within 1e-5 of the exact walk's largest value.
    walk: Literal["exact", "accelerated"] = "accelerated"
    background_score: Share = 0.25
    # None: the background score, which leaves no pixel out.
    foreground_score: Share | None = None
    # Images are padded to squares of this side before the network, larger ones to the next multiple of 16.
    pad_to: Positive = 512
    precision: Precision = "float32"

    @property
    def object_score(self) -> float:
        """What a class must score above for a pixel to be its own."""
        return self.background_score if self.foreground_score is None else self.foreground_score

    @model_validator(mode="after")
    def _scores_are_ordered(self) -> Self:
        check_order(self.object_score, self.background_score)
        return self

"""Settings of the pseudo labels: one of several refinements of the CAMs, told apart by `method`.

Each says in `code` which module it is of, and in `needs` which stages it uses besides the CAMs, in the order in which
they follow each other.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from wsss.settings.base import Settings, check_order
from wsss.settings.crf import CrfSettings
from wsss.settings.pamr import PamrSettings
from wsss.settings.training import Positive, Precision, Share


class RefinementPart(Settings):
    """What all refinements share: pixels up to the background score are background."""

    # The stages that it uses besides the CAMs, in the order in which they follow each other.
    needs: ClassVar[tuple[str, ...]] = ()

    method: str
    background_score: Share = 0.15

    @property
    def label(self) -> str:
        """The method, unless it is the default."""
        return "" if self.method == "irnet" else self.method

    @property
    def object_score(self) -> float:
        """What a class must score above for a pixel to be its own."""
        return self.background_score


class TwoScorePart(RefinementPart):
    """A refinement that may leave pixels out: those between both scores are ignored by the training that follows."""

    # None: the background score, which leaves no pixel out.
    foreground_score: Share | None = None

    @property
    def object_score(self) -> float:
        """The foreground score, or the background score where there is none."""
        return self.background_score if self.foreground_score is None else self.foreground_score

    @model_validator(mode="after")
    def _scores_are_ordered(self) -> Self:
        check_order(self.object_score, self.background_score)
        return self


class IrnetWalkSettings(TwoScorePart):
    """Random walk x T^(2^log2_steps) over IRNet's affinities, then argmax against a constant background score."""

    code: ClassVar[str] = "wsss.refinement.irnet_walk"
    needs: ClassVar[tuple[str, ...]] = ("confident_labels", "irnet")

    method: Literal["irnet"] = "irnet"
    radius: Annotated[int, Field(ge=2)] = 5
    beta: Annotated[float, Field(gt=0)] = 10.0
    log2_steps: Annotated[int, Field(ge=0, le=12)] = 8
    # accelerated: a third of the time of exact, and proven to be within 1e-5 of the exact walk's largest value.
    walk: Literal["exact", "accelerated"] = "accelerated"
    background_score: Share = 0.25
    # Images are padded to squares of this side before the network, larger ones to the next multiple of 16.
    pad_to: Positive = 512
    precision: Precision = "float32"


class PamrLabelSettings(TwoScorePart):
    """PAMR of the CAMs, then argmax against a constant background score. Nothing is trained."""

    code: ClassVar[str] = "wsss.refinement.pamr_labels"
    method: Literal["pamr"]
    # PAMR lowers the maxima of the CAMs: choose the score anew rather than take that of another method.
    pamr: PamrSettings = PamrSettings(method="pamr")


class CrfLabelSettings(RefinementPart):
    """A dense CRF on the softmax of [background_score, CAMs], then argmax. Nothing is trained."""

    code: ClassVar[str] = "wsss.refinement.crf_labels"
    method: Literal["crf"]
    crf: CrfSettings = CrfSettings(gaussian_sxy=1, bilateral_sxy=64, bilateral_srgb=3, bilateral_weight=4)


class PlainLabelSettings(TwoScorePart):
    """The CAMs as they are: argmax against a constant background score. No refinement, as a bound for the others."""

    code: ClassVar[str] = "wsss.refinement.plain_labels"
    method: Literal["none"]


PseudoLabelSettings = Annotated[
    IrnetWalkSettings | PamrLabelSettings | CrfLabelSettings | PlainLabelSettings, Field(discriminator="method")
]

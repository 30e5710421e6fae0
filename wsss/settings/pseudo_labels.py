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


class IrnetWalkSettings(Settings):
    """Random walk x T^(2^log2_steps) over IRNet's affinities, then argmax against a constant background score.

    With a foreground score above it, pixels between the two are ignored by the training that follows.
    """

    code: ClassVar[str] = "wsss.refinement.irnet_walk"
    needs: ClassVar[tuple[str, ...]] = ("confident_labels", "irnet")

    method: Literal["irnet"] = "irnet"
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


class PamrLabelSettings(Settings):
    """PAMR of the CAMs, then argmax against a constant background score. Nothing is trained.

    With a foreground score above it, pixels between the two are ignored by the training that follows.
    """

    code: ClassVar[str] = "wsss.refinement.pamr_labels"
    needs: ClassVar[tuple[str, ...]] = ()

    method: Literal["pamr"]
    pamr: PamrSettings = PamrSettings(method="pamr")
    # PAMR lowers the maxima of the CAMs: choose it anew rather than take that of another method.
    background_score: Share = 0.15
    # None: the background score, which leaves no pixel out.
    foreground_score: Share | None = None

    @property
    def object_score(self) -> float:
        """What a class must score above for a pixel to be its own."""
        return self.background_score if self.foreground_score is None else self.foreground_score

    @model_validator(mode="after")
    def _scores_are_ordered(self) -> Self:
        check_order(self.object_score, self.background_score)
        return self


class CrfLabelSettings(Settings):
    """A dense CRF on the softmax of [background_score, CAMs], then argmax. Nothing is trained."""

    code: ClassVar[str] = "wsss.refinement.crf_labels"
    needs: ClassVar[tuple[str, ...]] = ()

    method: Literal["crf"]
    background_score: Share = 0.15
    crf: CrfSettings = CrfSettings(gaussian_sxy=1, bilateral_sxy=64, bilateral_srgb=3, bilateral_weight=4)

    @property
    def object_score(self) -> float:
        """The background score: no pixel is left out."""
        return self.background_score


class PlainLabelSettings(Settings):
    """The CAMs as they are: argmax against a constant background score. No refinement, as a bound for the others.

    With a foreground score above it, pixels between the two are ignored by the training that follows.
    """

    code: ClassVar[str] = "wsss.refinement.plain_labels"
    needs: ClassVar[tuple[str, ...]] = ()

    method: Literal["none"]
    background_score: Share = 0.15
    # None: the background score, which leaves no pixel out.
    foreground_score: Share | None = None

    @property
    def object_score(self) -> float:
        """What a class must score above for a pixel to be its own."""
        return self.background_score if self.foreground_score is None else self.foreground_score

    @model_validator(mode="after")
    def _scores_are_ordered(self) -> Self:
        check_order(self.object_score, self.background_score)
        return self


PseudoLabelSettings = Annotated[
    IrnetWalkSettings | PamrLabelSettings | CrfLabelSettings | PlainLabelSettings, Field(discriminator="method")
]

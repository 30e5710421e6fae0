"""Settings of the pseudo labels: one class for each refinement of the CAMs.

In each class, `method` is the name of the refinement and `code` is the module of its code. `needs` names the stages
that the refinement uses besides the CAMs, in the order in which they run.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from wsss.settings.base import Settings, check_order
from wsss.settings.crf import CrfSettings
from wsss.settings.numbers import Radius, Real, Share, Side, Whole
from wsss.settings.pamr import PamrSettings
from wsss.settings.training import Precision


class RefinementPart(Settings):
    """Settings that all refinements share. Pixels whose scores do not exceed the background score are background."""

    # The stages that the refinement uses besides the CAMs, in the order in which they run.
    needs: ClassVar[tuple[str, ...]] = ()

    # The refinement.
    method: str
    # Pixels up to this score are background. Lower it if labels miss parts of objects; raise it if they spill over.
    background_score: Share = 0.15

    @property
    def label(self) -> str:
        """The method, unless it is the default."""
        return "" if self.method == "irnet" else self.method

    @property
    def object_score(self) -> float:
        """The score that a class must exceed to get a pixel."""
        return self.background_score


class TwoScorePart(RefinementPart):
    """A refinement with two scores. The segmentation network does not learn from pixels between them."""

    # Pixels above this score are foreground. None: the background score, so that no pixel is left out.
    foreground_score: Share | None = None

    @property
    def object_score(self) -> float:
        """The foreground score, or the background score if there is none."""
        return self.background_score if self.foreground_score is None else self.foreground_score

    @model_validator(mode="after")
    def _scores_are_ordered(self) -> Self:
        check_order(self.object_score, self.background_score)
        return self


class IrnetWalkSettings(TwoScorePart):
    """Random walk x T^(2^log2_steps) over IRNet's affinities, then argmax against a constant background score."""

    code: ClassVar[str] = "wsss.refinement.irnet_walk"
    needs: ClassVar[tuple[str, ...]] = ("confident_labels", "irnet")

    # The name of this refinement.
    method: Literal["irnet"] = "irnet"
    # The walk steps between cells closer than this, in cells of 4 pixels.
    radius: Radius = 5
    # Affinities are raised to this power. Larger values stop the walk at weaker edges.
    beta: Annotated[float, Real(0, 1000, above=True)] = 10.0
    # The walk takes 2^log2_steps steps. Lower it for images much smaller than 500 pixels (config.yaml has 5).
    log2_steps: Annotated[int, Whole(0, 12)] = 8
    # accelerated takes a third of the time of exact. It is proven to differ by at most 1e-5 of the exact walk's largest
    # value.
    walk: Literal["exact", "accelerated"] = "accelerated"
    # Pixels up to this score are background. Lower it if labels miss parts of objects; raise it if they spill over.
    background_score: Share = 0.25
    # Before the network, images are padded to a square of this side, in pixels. A longer side is padded to the next
    # multiple of 16. Choose it near the size of most images.
    pad_to: Side = 512
    # Number format of IRNet. bfloat16 is faster, mainly on a GPU; the edges differ slightly.
    precision: Precision = "float32"


class PamrLabelSettings(TwoScorePart):
    """PAMR on the CAMs, then argmax against a constant background score. Nothing is trained."""

    code: ClassVar[str] = "wsss.refinement.pamr_labels"
    # The name of this refinement.
    method: Literal["pamr"]
    # PAMR's own settings. PAMR lowers the maxima of the CAMs, so do not reuse the scores of another refinement.
    pamr: PamrSettings = PamrSettings(method="pamr")


class CrfLabelSettings(RefinementPart):
    """A dense CRF on the softmax of [background_score, CAMs], then argmax. Nothing is trained."""

    code: ClassVar[str] = "wsss.refinement.crf_labels"
    # The name of this refinement.
    method: Literal["crf"]
    # The CRF's own settings.
    crf: CrfSettings = CrfSettings(gaussian_sxy=1, bilateral_sxy=64, bilateral_srgb=3, bilateral_weight=4)


class PlainLabelSettings(TwoScorePart):
    """No refinement: argmax of the CAMs against a constant background score. It is the baseline for the others."""

    code: ClassVar[str] = "wsss.refinement.plain_labels"
    # The name of this choice.
    method: Literal["none"]


PseudoLabelSettings = Annotated[
    IrnetWalkSettings | PamrLabelSettings | CrfLabelSettings | PlainLabelSettings, Field(discriminator="method")
]

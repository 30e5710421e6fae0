"""Settings of the refinement by IRNet (Ahn et al., CVPR 2019): confident labels, affinity training, random walk."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wsss.settings.backbone import BackboneSettings
from wsss.settings.base import Settings
from wsss.settings.crf import CrfSettings
from wsss.settings.optimisation import OptimiserSettings, Positive, Precision, Rate, Seed, Share


class ConfidentLabelSettings(Settings):
    """Foreground where [foreground_score, CAM] says so, background where both say so, ignored elsewhere."""

    foreground_score: Share = 0.30
    background_score: Share = 0.05
    label_probability: Annotated[float, Field(gt=0.5, lt=1)] = 0.7
    crf: CrfSettings = CrfSettings(gaussian_sxy=3, bilateral_sxy=50, bilateral_srgb=5, bilateral_weight=10)

    @model_validator(mode="after")
    def _scores_are_ordered(self) -> Self:
        _check_order(self.foreground_score, self.background_score)
        return self


class IrnetSettings(Settings):
    """Training on frozen features; defaults are the official ones, without the displacements that instances need."""

    backbone: BackboneSettings
    scale: tuple[Rate, Rate] = (0.5, 1.5)
    crop: Positive = 512
    batch: Positive = 32
    epochs: Positive = 3
    # Pairs of cells closer than this (strictly) on the stride-4 grid are compared.
    radius: Annotated[int, Field(ge=2)] = 10
    lr: Rate = 0.1
    optimiser: OptimiserSettings = OptimiserSettings(momentum=1e-4, weight_decay=1e-4)
    precision: Precision = "float32"
    seed: Seed = 0
    # Train the displacement branch too; pseudo labels do not depend on it.
    displacement: bool = False
    lr_displacement: Rate = 1.0

    @model_validator(mode="after")
    def _combination_is_possible(self) -> Self:
        if self.lr_displacement != 1.0 and not self.displacement:
            raise ValueError(f"lr_displacement: {self.lr_displacement} acts on displacement: true only")
        if self.crop % 16:
            raise ValueError(f"crop: {self.crop} is no multiple of 16")
        if self.crop // 4 <= 2 * self.radius:
            raise ValueError(f"crop: {self.crop} is too small for a radius of {self.radius} cells of 4 pixels")
        return self


class PseudoLabelSettings(Settings):
    """Random walk x T^(2^log2_steps) over the affinities, then argmax against a constant background score.

    With a foreground score above it, pixels between the two are ignored by the training that follows.
    """

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
        _check_order(self.object_score, self.background_score)
        return self


def _check_order(foreground_score: float, background_score: float) -> None:
    if foreground_score < background_score:
        raise ValueError("foreground_score must not be below background_score")

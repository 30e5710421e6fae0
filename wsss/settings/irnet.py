"""Settings of IRNet's training (Ahn et al., CVPR 2019)."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from wsss.settings.backbone import BackboneSettings
from wsss.settings.base import Settings
from wsss.settings.training import OptimiserSettings, Positive, Precision, Rate, Seed


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

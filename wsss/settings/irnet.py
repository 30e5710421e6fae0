"""Settings of IRNet's training (Ahn et al., CVPR 2019)."""

from typing import ClassVar, Self

from pydantic import model_validator

from wsss.settings.backbone import BackboneSettings
from wsss.settings.finished import TrainedPart
from wsss.settings.numbers import Batch, Epochs, Factor, Radius, Rate, Seed, Side, Switch
from wsss.settings.training import OptimiserSettings, Precision


class IrnetSettings(TrainedPart):
    """Settings of IRNet's training. The backbone stays frozen. Defaults are the official ones, without displacements.

    Displacements are needed for instance segmentation only.
    """

    of_the_network: ClassVar[frozenset[str]] = frozenset({"backbone", "displacement"})

    # The frozen network that gives the features, and its weights.
    backbone: BackboneSettings
    # Augmentation: the factor of the image's size is drawn from this range.
    scale: tuple[Factor, Factor] = (0.5, 1.5)
    # Side of the random square crop, in pixels: a multiple of 16. Smaller images are padded.
    crop: Side = 512
    # Images in a batch. Lower it if memory runs out.
    batch: Batch = 32
    # Passes through the train list. Take more for few images.
    epochs: Epochs = 3
    # Pairs of cells are compared if their distance is below this, in cells of 4 pixels.
    radius: Radius = 10
    # First learning rate of the edge branch.
    lr: Rate = 0.1
    # SGD's momentum, weight decay and schedule.
    optimiser: OptimiserSettings = OptimiserSettings(momentum=1e-4, weight_decay=1e-4)
    # Number format of the forward pass. bfloat16 is faster, mainly on a GPU.
    precision: Precision = "float32"
    # Seed of the branches' initial weights, the order of the images and the augmentation.
    seed: Seed = 0
    # Whether to train the displacement branch too. Pseudo labels do not depend on it.
    displacement: Switch = False
    # First learning rate of the displacement branch.
    lr_displacement: Rate = 1.0

    @model_validator(mode="after")
    def _combination_is_possible(self) -> Self:
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale: {self.scale[0]} is above {self.scale[1]}; give (smallest, largest)")
        if self.lr_displacement != 1.0 and not self.displacement:
            raise ValueError(f"lr_displacement: {self.lr_displacement} acts on displacement: true only")
        if self.crop % 16:
            raise ValueError(f"crop: {self.crop} is no multiple of 16")
        if self.crop // 4 <= 2 * self.radius:
            raise ValueError(f"crop: {self.crop} is too small for a radius of {self.radius} cells of 4 pixels")
        return self

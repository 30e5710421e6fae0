"""Settings of the segmentation network (DeepLabV2), its training and its predictions."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wsss.settings.backbone import BackboneSettings
from wsss.settings.base import Settings
from wsss.settings.training import OptimiserSettings, Positive, Precision, Rate, Seed

Scales = Annotated[tuple[Rate, ...], Field(min_length=1)]


class SegmentationSettings(Settings):
    """Defaults are the widespread DeepLabV2-ResNet101 on PASCAL VOC 2012, apart from the backbone, which has none.

    Photographs are augmented as IRNet's: resized by Pillow (bicubic), small ones placed at random in the crop. It takes
    OpenCV (bilinear), and puts them at the top left.
    """

    backbone: BackboneSettings
    # native: as the network is, for those whose strides cannot be changed (docs/backbones.md)
    output_stride: Literal[8, 16, "native"] = 8
    # Dilation in every block makes up for the strides taken away; without it, features see less of the image.
    dilated: bool = True
    rates: Annotated[tuple[Positive, ...], Field(min_length=1)] = (6, 12, 18, 24)
    augment_scales: Scales = (0.5, 0.75, 1.0, 1.25, 1.5)
    crop: Positive = 321
    # Scales of the input that are trained together: one loss each and one for their pixel-wise maximum.
    input_scales: Scales = (1.0, 0.75, 0.5)
    batch: Positive = 10
    # A batch is worked through in this many parts, to fit into memory.
    accumulate: Positive = 2
    steps: Positive = 20_000
    lr: Rate = 2.5e-4
    lr_head_weights: Rate = 2.5e-3
    lr_head_biases: Rate = 5e-3
    optimiser: OptimiserSettings = OptimiserSettings(momentum=0.9, weight_decay=5e-4, decay_every=10)
    precision: Precision = "float32"
    seed: Seed = 0

    @model_validator(mode="after")
    def _parts_are_equal(self) -> Self:
        if self.batch % self.accumulate:
            raise ValueError(f"accumulate: a batch of {self.batch} does not split into {self.accumulate} equal parts")
        return self

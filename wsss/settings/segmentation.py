"""Settings of the segmentation network (DeepLabV2), its training and its predictions."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from wsss.settings.backbone import BackboneSettings
from wsss.settings.finished import TrainedPart
from wsss.settings.numbers import Batch, Factor, Rate, Seed, Side, Steps, Switch
from wsss.settings.training import OptimiserSettings, Precision

Scales = Annotated[tuple[Factor, ...], Field(min_length=1, max_length=32)]


class SegmentationSettings(TrainedPart):
    """Settings of the segmentation network. Defaults are the widespread DeepLabV2-ResNet101 on PASCAL VOC 2012.

    The backbone has no default. Augmentation differs from that code: here Pillow resizes photographs (bicubic), and
    small ones are placed at random in the crop, as for IRNet. That code resizes with OpenCV (bilinear) and places them
    at the top left.
    """

    of_the_network: ClassVar[frozenset[str]] = frozenset({"backbone", "output_stride", "dilated", "rates"})

    # The network that gives the features, and its initial weights.
    backbone: BackboneSettings
    # Stride of the last features. 8 is finer and slower than 16. native: the network's own stride, for networks whose
    # strides cannot be changed (docs/backbones.md).
    output_stride: Literal[8, 16, "native"] = 8
    # Whether dilated convolutions replace the strides that `output_stride` removes. Without dilation, each feature sees
    # less of the image.
    dilated: Switch = True
    # Dilations of the parallel 3x3 convolutions of the head.
    rates: Annotated[tuple[Side, ...], Field(min_length=1, max_length=32)] = (6, 12, 18, 24)
    # Augmentation: one of these factors of the image's size is drawn.
    augment_scales: Scales = (0.5, 0.75, 1.0, 1.25, 1.5)
    # Side of the random square crop, in pixels. Smaller images are padded.
    crop: Side = 321
    # Factors of the crop's size that are trained together. Each has a loss, and so has their pixel-wise maximum.
    # Three scales cost almost twice as much as one.
    input_scales: Scales = (1.0, 0.75, 0.5)
    # Images in a batch.
    batch: Batch = 10
    # Number of equal parts that a batch is computed in. Raise it if memory runs out.
    accumulate: Batch = 2
    # Steps of SGD. Take fewer for small datasets.
    steps: Steps = 20_000
    # First learning rate of the backbone.
    lr: Rate = 2.5e-4
    # First learning rate of the head's weights, 10 times `lr` by default.
    lr_head_weights: Rate = 2.5e-3
    # First learning rate of the head's biases, 20 times `lr` by default.
    lr_head_biases: Rate = 5e-3
    # SGD's momentum, weight decay and schedule.
    optimiser: OptimiserSettings = OptimiserSettings(momentum=0.9, weight_decay=5e-4, decay_every=10)
    # Number format of the forward pass. bfloat16 is faster, mainly on a GPU.
    precision: Precision = "float32"
    # Seed of the head's initial weights, the order of the images and the augmentation.
    seed: Seed = 0

    @model_validator(mode="after")
    def _parts_are_equal(self) -> Self:
        if self.batch % self.accumulate:
            raise ValueError(f"accumulate: a batch of {self.batch} does not split into {self.accumulate} equal parts")
        return self

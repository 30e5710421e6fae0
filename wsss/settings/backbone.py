"""Which network gives the features, and what its weights start from."""

import re
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from wsss.settings.base import Settings
from wsss.settings.training import Seed

BackboneName = Literal["efficientnet_lite0", "resnet18", "resnet34", "resnet50", "resnet101"]
# What stands before the name of a network of timm.
TIMM = "timm/"
_TIMM_NAME = re.compile(r"[A-Za-z0-9]\w*(\.\w+)*", re.ASCII)


def _known(name: str) -> str:
    if name in get_args(BackboneName) or (name.startswith(TIMM) and _TIMM_NAME.fullmatch(name.removeprefix(TIMM))):
        return name
    known = ", ".join(get_args(BackboneName))
    raise ValueError(f"{name!r} is none of {known}, and not timm/ with a name of timm's, such as timm/convnext_tiny")


class BackboneSettings(Settings):
    """A network and its initial weights; there is no default: random features must never be used unawares."""

    # One of the five, or any network of timm that gives features: timm/convnext_tiny (docs/backbones.md).
    name: Annotated[str, AfterValidator(_known)]
    # "imagenet" (checked download or package), "scratch" (random, from `seed`), or a file of weights
    weights: Literal["imagenet", "scratch", "file"]
    # The file's sum. Without it nothing notices that another file lies there; a warning says so, and names the sum.
    file_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    seed: Seed = 0
    # resnet50 and resnet101 only: strides on the first 1x1 convolution of a stage, a stem pooling that rounds up.
    caffe_style: bool = False
    # What the network is shown: its own convention (RGB), or Caffe's: BGR in 0..255, less a mean.
    input: Literal["native", "caffe"] = "native"

    @model_validator(mode="after")
    def _variant_is_possible(self) -> Self:
        if self.weights != "file" and self.file_sha256 is not None:
            raise ValueError(f"file_sha256 belongs to weights: file, and weights is {self.weights}")
        if self.caffe_style and self.name not in ("resnet50", "resnet101"):
            raise ValueError(f"caffe_style: {self.name} has no bottleneck blocks; it is for resnet50 and resnet101")
        if self.weights == "imagenet" and (self.caffe_style or self.input == "caffe"):
            raise ValueError("weights: imagenet were trained without caffe_style, on native input; use weights: file")
        return self

    @property
    def label(self) -> str:
        """Short name for paths and tables."""
        return f"{self.name.replace('/', '-')}-{self.weights}"

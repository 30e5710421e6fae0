"""Which network gives the features, and what its weights start from."""

import re
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from wsss.settings.base import Settings
from wsss.settings.numbers import Seed, Switch

BackboneName = Literal["efficientnet_lite0", "resnet18", "resnet34", "resnet50", "resnet101"]
# The prefix that marks the name of a timm network.
TIMM = "timm/"
_TIMM_NAME = re.compile(r"[A-Za-z0-9]\w*(\.\w+)*", re.ASCII)


def _known(name: str) -> str:
    if name in get_args(BackboneName) or (name.startswith(TIMM) and _TIMM_NAME.fullmatch(name.removeprefix(TIMM))):
        return name
    known = ", ".join(get_args(BackboneName))
    raise ValueError(f"{name!r} is none of {known}, and not timm/ with a name of timm's, such as timm/convnext_tiny")


class BackboneSettings(Settings):
    """A network and its initial weights. The weights have no default, so nobody uses random features by mistake."""

    # One of the five names above, or any timm network that gives features: timm/convnext_tiny (docs/backbones.md).
    name: Annotated[str, AfterValidator(_known)]
    # imagenet: a checked download or an installed package. scratch: random, from `seed`. file: the file that
    # `locations.backbones` names.
    weights: Literal["imagenet", "scratch", "file"]
    # SHA-256 of the file, for `weights: file`. Without it, a change of the file is not noticed, and a warning gives the
    # sum to put here.
    file_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    # Seed of random initial weights. It matters for `weights: scratch` only.
    seed: Seed = 0
    # resnet50 and resnet101 only: the stride is on the first 1x1 convolution of a stage, and the stem's pooling rounds
    # sizes up. Set it for weights that were trained in Caffe.
    caffe_style: Switch = False
    # How pixels are given to the network. native: RGB, as the network was trained. caffe: BGR in 0..255 minus a mean.
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

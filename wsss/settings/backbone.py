"""Which network gives the features, and what its weights start from."""

from typing import Annotated, Literal

from pydantic import Field

from wsss.settings.base import Settings
from wsss.settings.optimisation import Seed

BackboneName = Literal["efficientnet_lite0", "resnet18", "resnet34", "resnet50", "resnet101"]


class BackboneSettings(Settings):
    """A network and its initial weights; there is no default: random features must never be used unawares."""

    name: BackboneName
    # "imagenet" (checked download or package), "scratch" (random, from `seed`), or a file of weights whose sum is given
    weights: Literal["imagenet", "scratch", "file"]
    file_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    seed: Seed = 0

    @property
    def label(self) -> str:
        """Short name for paths and tables."""
        return f"{self.name}-{self.weights}"

"""Settings that every training shares."""

from typing import Annotated, Literal

from pydantic import Field

from wsss.settings.base import Settings

Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]
Precision = Literal["float32", "bfloat16"]


class OptimiserSettings(Settings):
    """SGD with polynomial decay: lr = lr0 (1 - t/T)^power, t = 0 at the first step."""

    momentum: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    power: Annotated[float, Field(ge=0)] = 0.9
    # The rate is set anew every so many steps; 1 is every step.
    decay_every: Positive = 1

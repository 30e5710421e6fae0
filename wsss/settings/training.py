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
    """SGD with polynomial decay: lr = lr0 (1 - t/T)^power, with t = 0 at the first step and T steps in all."""

    # SGD's momentum.
    momentum: Annotated[float, Field(ge=0, lt=1)]
    # SGD's weight decay.
    weight_decay: Annotated[float, Field(ge=0)]
    # The exponent of the decay. 0 keeps the learning rate constant.
    power: Annotated[float, Field(ge=0)] = 0.9
    # The learning rate changes after every so many steps. 1: after every step.
    decay_every: Positive = 1

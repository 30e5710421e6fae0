"""Settings that every training shares."""

from typing import Annotated, Literal

from wsss.settings.base import Settings
from wsss.settings.numbers import Real, Steps

Precision = Literal["float32", "bfloat16"]


class OptimiserSettings(Settings):
    """SGD with polynomial decay: lr = lr0 (1 - t/T)^power, with t = 0 at the first step and T steps in all."""

    # SGD's momentum.
    momentum: Annotated[float, Real(0, 1, below=True)]
    # SGD's weight decay.
    weight_decay: Annotated[float, Real(0, 10)]
    # The exponent of the decay. 0 keeps the learning rate constant.
    power: Annotated[float, Real(0, 100)] = 0.9
    # The learning rate changes after every so many steps. 1: after every step.
    decay_every: Steps = 1

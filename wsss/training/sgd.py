"""Stochastic gradient descent by torch's own step, without torch's class for it.

`torch.optim.SGD` imports torch's compiler as soon as it is made, which takes almost as long as torch itself: over a
second at the start of every training.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd


class Sgd:
    """v <- momentum v + (gradient + weight_decay w), w <- w - share rate v, as `torch.optim.SGD` to the last bit.

    `groups`: `params`, their first rate `lr` and, where it is not the one given, their `weight_decay`. Parameters
    without a gradient stay as they are. `share` is what is left of the first rates, all of them at first.
    """

    def __init__(self, groups: Sequence[Mapping[str, Any]], momentum: float, weight_decay: float) -> None:
        self.momentum = momentum
        self.parameters: list[list[nn.Parameter]] = [list(group["params"]) for group in groups]
        self.rates: list[float] = [group["lr"] for group in groups]
        self.decays: list[float] = [group.get("weight_decay", weight_decay) for group in groups]
        self.share = 1.0
        # v, for parameters that have had a gradient.
        self.velocities: list[list[Tensor | None]] = [[None] * len(parameters) for parameters in self.parameters]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameters in self.parameters:
            for parameter in parameters:
                parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameters by their gradients."""
        for parameters, velocities, rate, decay in zip(
            self.parameters, self.velocities, self.rates, self.decays, strict=True
        ):
            gradients = {place: one.grad for place, one in enumerate(parameters) if one.grad is not None}
            speeds = [velocities[place] for place in gradients]
            sgd(
                [parameters[place] for place in gradients],
                list(gradients.values()),
                speeds,
                weight_decay=decay,
                momentum=self.momentum,
                lr=rate * self.share,
                dampening=0,
                nesterov=False,
                maximize=False,
            )
            for place, speed in zip(gradients, speeds, strict=True):
                velocities[place] = speed

    def state_dict(self) -> list[list[Tensor | None]]:
        """The velocities, group by group."""
        return self.velocities

    def load_state_dict(self, state: Sequence[Sequence[Tensor | None]]) -> None:
        """Go on from the velocities of `state_dict`, on the parameters' device."""
        self.velocities = [
            [None if speed is None else speed.to(one.device) for one, speed in zip(parameters, speeds, strict=True)]
            for parameters, speeds in zip(self.parameters, state, strict=True)
        ]

"""The file that an interrupted training goes on from. Its sum is checked, so a damaged one is never used."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from wsss.files import atomic_path, remove_leftovers

logger = logging.getLogger("wsss")
LogRow = dict[str, float]


@dataclass(frozen=True)
class Checkpoint:
    """A training after a whole step.

    The file has a line with the SHA-256 of what follows, a line of JSON, and the tensors as safetensors.

    Parameters
    ----------
    fingerprint : str
        Identifies code, settings and inputs.
    step : int
        The number of steps that are done.
    rows : Sequence[LogRow]
        The rows of the log.
    count : int
        The number of steps since the last row.
    network : dict[str, Tensor]
        The network's state.
    momentum : dict[str, Tensor]
        The optimiser's momentum, by the number of the parameter.
    sums : dict[str, Tensor]
        Sums of the losses since the last row, by name.
    """

    fingerprint: str
    step: int
    rows: Sequence[LogRow]
    count: int
    network: dict[str, Tensor]
    momentum: dict[str, Tensor]
    sums: dict[str, Tensor]

    def write(self, path: Path) -> None:
        """Write the checkpoint, completely or not at all. Raises WsssError if the disk is full."""
        facts = {"fingerprint": self.fingerprint, "step": self.step, "rows": list(self.rows), "count": self.count}
        groups = {"network": self.network, "momentum": self.momentum, "sums": self.sums}
        tensors = {
            f"{group}/{name}": tensor.detach().cpu().contiguous()
            for group, named in groups.items()
            for name, tensor in named.items()
        }
        parts = [json.dumps(facts).encode() + b"\n", save(tensors)]
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            file.write(_sum_of(parts) + b"\n")
            file.writelines(parts)

    @classmethod
    def read(cls, path: Path, fingerprint: str) -> Self | None:
        """The checkpoint in a file; None if there is none, if it is damaged, or if it has another fingerprint."""
        remove_leftovers(path)
        if not path.is_file():
            return None
        start, _, rest = path.read_bytes().partition(b"\n")
        if start != _sum_of([rest]):
            logger.warning("checkpoint %s is damaged: starting over", path)
            return None
        line, _, tensors = rest.partition(b"\n")
        facts = json.loads(line)
        if facts["fingerprint"] != fingerprint:
            logger.info("checkpoint %s belongs to other code, settings or inputs: starting over", path)
            return None
        groups: dict[str, dict[str, Tensor]] = {"network": {}, "momentum": {}, "sums": {}}
        for name, tensor in load(tensors).items():
            group, _, own = name.partition("/")
            groups[group][own] = tensor
        return cls(**facts, network=groups["network"], momentum=groups["momentum"], sums=groups["sums"])


def momentum_of(optimiser: torch.optim.SGD) -> dict[str, Tensor]:
    """The momentum of each parameter that has one, by the number of the parameter."""
    states = (optimiser.state.get(parameter, {}) for parameter in _parameters(optimiser))
    found = ((str(number), state.get("momentum_buffer")) for number, state in enumerate(states))
    return {number: momentum for number, momentum in found if momentum is not None}


def set_momentum(optimiser: torch.optim.SGD, momentum: dict[str, Tensor]) -> None:
    """Set what `momentum_of` has given, on the device and in the layout of the parameters."""
    parameters = _parameters(optimiser)
    for number, value in momentum.items():
        parameter = parameters[int(number)]
        optimiser.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(value).detach()


def _parameters(optimiser: torch.optim.SGD) -> list[nn.Parameter]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]


def _sum_of(parts: Sequence[bytes]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest().encode()

"""Several processes that train one network together. Each is a rank; all of them have the same weights.

Each rank computes its share of every batch. The mean of the ranks' losses is the loss of the whole batch, and so is the
mean of their gradients. A mean over images is right as it is, since all ranks have as many images. A mean over other
things, such as pixels that are not ignored, is the rank's own sum times `sharers`, divided by `summed` of their number.

With one process, every function here leaves its arguments as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from wsss.errors import WsssError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Division:
    """How a batch is divided among ranks: each computes some of its parts alone, or all share every part.

    Parameters
    ----------
    parts : int
        Parts that a rank computes, one after the other.
    sharers : int
        The number of ranks that share a part.
    teams : int
        The number of parts that are computed at the same time.
    """

    parts: int
    sharers: int = 1
    teams: int = 1

    def own(self, batch: Sequence[Item], rank: int) -> list[Item]:
        """What a rank takes of a batch: its parts, or its share of each part, in the batch's order."""
        team, place = divmod(rank, self.sharers)
        size = len(batch) // (self.teams * self.parts)
        share = size // self.sharers
        starts = [(team * self.parts + part) * size + place * share for part in range(self.parts)]
        return [item for start in starts for item in batch[start : start + share]]


class _Current:
    """The division of the training that runs in this process."""

    division = Division(1)


def divided(batch: int, parts: int, ranks: int) -> Division:
    """How a batch that one process computes in equal parts is divided among ranks.

    Parameters
    ----------
    batch : int
        Samples in the batch.
    parts : int
        The number of parts that one process computes, one after the other.
    ranks : int
        The number of processes.

    Returns
    -------
    Division
        Whole parts for each rank where their number allows it, because then no rank waits for another within a part.

    Raises
    ------
    WsssError
        If the ranks cannot have equal shares.
    """
    if parts % ranks == 0:
        return Division(parts // ranks, teams=ranks)
    size = batch // parts
    if size % ranks:
        fewer = max(count for count in range(1, ranks) if parts % count == 0 or size % count == 0)
        raise WsssError(
            f"{ranks} devices cannot share a batch of {batch} in {parts} part(s) equally: ask for {fewer} (resource "
            "gpu of this rule), or choose another batch"
        )
    return Division(parts, sharers=ranks)


def divide(batch: int, parts: int) -> Division:
    """Divide the batches of the training that starts in this process. Raises as `divided`."""
    _Current.division = divided(batch, parts, world())
    return _Current.division


def world() -> int:
    """The number of ranks; 1 for a training in one process."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """The number of this rank, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def sharers() -> int:
    """The number of ranks that share each part of a batch."""
    return _Current.division.sharers


def summed(values: Tensor) -> Tensor:
    """The sum over the ranks that share a part of the batch, without gradient, equal on all of them to the byte.

    Parameters
    ----------
    values : Tensor
        A tensor that has the same shape and dtype on all ranks.

    Returns
    -------
    Tensor
        The sum, of the same shape, dtype and device.
    """
    return values if sharers() == 1 else summed_over_all(values)


def summed_over_all(values: Tensor) -> Tensor:
    """As `summed`, over all ranks, whether they share parts or not."""
    if world() == 1:
        return values
    total = values.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


def rows_of_part(rows: Tensor, numbers: Tensor) -> Tensor:
    """Rows of a table that the ranks which share a part hold together, one rank's rows after the other's.

    Parameters
    ----------
    rows : Tensor
        The rows of this rank, (n, d). All ranks have as many.
    numbers : Tensor
        Which rows to take, the same on all ranks, int64 (k,), each below n times `sharers`.

    Returns
    -------
    Tensor
        The rows, (k, d), without gradient, equal on all of these ranks.
    """
    if sharers() == 1:
        return rows[numbers]
    own = numbers - rank() * len(rows)
    mine = (own >= 0) & (own < len(rows))
    return summed(rows[own.clamp(0, len(rows) - 1)].where(mine[:, None], 0))


def mean_losses(values: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The mean over all ranks of each scalar, equal on all of them. It does not wait for the device."""
    if world() == 1:
        return values
    total = summed_over_all(torch.stack(list(values.values())))
    return dict(zip(values, total / world(), strict=True))


def check_start(step: int, device: torch.device) -> None:
    """Check that all ranks start from the same step. Raises WsssError if they do not read the same checkpoint."""
    if world() == 1:
        return
    bounds = torch.tensor([step, -step], device=device)
    dist.all_reduce(bounds, dist.ReduceOp.MAX)
    last, first = int(bounds[0]), -int(bounds[1])
    if first != last:
        raise WsssError(
            f"the processes of this training would go on from steps {first} and {last}, as they do not see the same "
            "checkpoint: put `results` on a disk that all nodes share, or remove the *.checkpoint beside the weights"
        )

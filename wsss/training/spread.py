"""The losses of a network that several ranks train: torch's DistributedDataParallel around network and losses.

It takes the mean of the ranks' gradients while the backward pass goes on.
"""

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from wsss.errors import WsssError
from wsss.training.ranks import world

Network = TypeVar("Network", bound=nn.Module)
ComputeLosses = Callable[[Network, list[Tensor]], Any]


def spread(network: Network, compute_losses: ComputeLosses[Network], parts: int) -> ComputeLosses[Network]:
    """Losses whose gradients are the means over all ranks. In one process they are `compute_losses` itself.

    Parameters
    ----------
    network : Network
        The network, on its device, with its weights. All ranks get those of rank 0.
    compute_losses : ComputeLosses[Network]
        Gives the losses of a batch, or of a part of one.
    parts : int
        The number of parts of a batch. Gradients are exchanged with the last part alone.

    Returns
    -------
    ComputeLosses[Network]
        Called as `compute_losses`.

    Raises
    ------
    WsssError
        If a part of the network normalises by the batch, which each rank sees only a share of.
    """
    if world() == 1:
        return compute_losses
    _check_norms(network)
    return _Spread(network, compute_losses, parts)


class _Spread:
    """Calls DistributedDataParallel, and lets it exchange gradients once a batch."""

    def __init__(self, network: nn.Module, compute_losses: ComputeLosses[Any], parts: int) -> None:
        with warnings.catch_warnings():
            # torch 2.14 has another name for `broadcast_buffers`, which torch 2.9 does not know.
            warnings.simplefilter("ignore", FutureWarning)
            # Buffers need no broadcast: they stay, or change equally on all ranks (`ranks.summed`).
            self._module = DistributedDataParallel(_WithLosses(network, compute_losses), broadcast_buffers=False)
        self._parts, self._calls = parts, 0

    def __call__(self, network: nn.Module, batch: list[Tensor]) -> Any:
        self._calls += 1
        with self._module.no_sync() if self._calls % self._parts else nullcontext():
            return self._module(*batch)


class _WithLosses(nn.Module):
    """A network whose forward pass gives its losses, as DistributedDataParallel needs it."""

    def __init__(self, network: nn.Module, compute_losses: ComputeLosses[Any]) -> None:
        super().__init__()
        self.network, self.compute_losses = network, compute_losses

    def forward(self, *batch: Tensor) -> Any:
        return self.compute_losses(self.network, list(batch))


def _check_norms(network: nn.Module) -> None:
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm) and module.training:
            raise WsssError(f"{name} normalises by the batch, which several devices share: train on one (gpu: 1)")

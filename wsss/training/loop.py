"""The training loop of all networks: SGD with polynomial decay, mixed precision, checkpoints, progress and a log.

Every batch depends only on (seed, step). So a resumed training gives exactly the same result as one without a break.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.utils.data import DataLoader

from wsss.errors import WsssError
from wsss.files import write_bytes, write_csv, write_json
from wsss.networks.finite import require_finite_weights
from wsss.progress import track
from wsss.runtime.device import move_to_device
from wsss.runtime.signals import Interrupted, signals_held
from wsss.settings.training import OptimiserSettings, Precision
from wsss.training.checkpoint import Checkpoint, LogRow, momentum_of, set_momentum
from wsss.training.ranks import Division, check_start, divide, mean_losses, rank, world
from wsss.training.shared_memory import loaders_that_fit
from wsss.training.spread import spread

logger = logging.getLogger("wsss")
Batch = list[Tensor]
Losses = Mapping[str, Tensor]
Network = TypeVar("Network", bound=nn.Module)
SECONDS_BETWEEN_CHECKPOINTS = 120.0
STEPS_BETWEEN_LOG_ROWS = 10
# What torch says of a loader process that was killed.
LOADER_DIED = re.compile(r"DataLoader worker \(pid")


class Samples(Protocol):
    """Training samples. The same (epoch, index) always gives the same tensors."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, ...]: ...


@dataclass(frozen=True)
class Plan:
    """What a training does.

    Parameters
    ----------
    name : str
        Its name in the log and the progress bar.
    batch : int
        Samples in a batch.
    steps : int
        The training ends after this number of steps.
    total_steps : int
        The number of steps in the schedule of the learning rate.
    optimiser : OptimiserSettings
        SGD's settings.
    precision : {"float32", "bfloat16"}
        The precision of the forward pass.
    seed : int
        Every batch and every random draw depends on it.
    accumulate : int
        The number of equal parts that a batch is computed in.
    """

    name: str
    batch: int
    steps: int
    total_steps: int
    optimiser: OptimiserSettings
    precision: Precision
    seed: int
    accumulate: int = 1


@dataclass(frozen=True)
class Machine:
    """Resources of a training. They do not change its results.

    Parameters
    ----------
    workers : int
        Processes that load samples; 0 loads them in this process.
    checkpoint : Path or None
        The file of the checkpoint. None: no checkpoint.
    fingerprint : str
        Identifies code, settings and inputs. A checkpoint with another fingerprint is not used.
    """

    workers: int = 0
    checkpoint: Path | None = None
    fingerprint: str = ""


def rng_for(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The generator of one sample in one epoch."""
    return np.random.default_rng((seed, epoch, index))


def steps_per_epoch(images: int, batch: int, name: str) -> int:
    """The number of complete batches in an epoch. An incomplete one is dropped.

    Raises WsssError, with the name of the training, if it is 0.
    """
    if images < batch:
        raise WsssError(
            f"{name}: a batch of {batch} is larger than the train list ({images} images): make the batch smaller"
        )
    return images // batch


def rate_share(plan: Plan, step: int) -> float:
    """The learning rate at a step as a share of the first: (1 - t/T)^power. t changes every `decay_every` steps."""
    shown = step // plan.optimiser.decay_every * plan.optimiser.decay_every
    share: float = (1 - shown / plan.total_steps) ** plan.optimiser.power
    return share


def train(
    network: Network,
    groups: Sequence[dict[str, Any]],
    compute_losses: Callable[[Network, Batch], Losses],
    samples: Samples,
    plan: Plan,
    machine: Machine,
    set_progress: Callable[[float], None] = lambda progress: None,
) -> list[LogRow]:
    """Train a network in place, and return the log.

    Before each step, `set_progress` is called with the share of `total_steps` that is done.

    Parameters
    ----------
    network : Network
        The network. It is moved to the device of this process.
    groups : Sequence[dict[str, Any]]
        SGD's parameter groups, each with its own `lr`.
    compute_losses : Callable[[Network, Batch], Losses]
        Gives named scalar losses of one batch; their sum is minimised.
    samples : Samples
        The training samples. The same (epoch, index) always gives the same tensors.
    plan : Plan
        What the training does.
    machine : Machine
        Resources of the training.
    set_progress : Callable[[float], None]
        Called with the share that is done: 0 at the first step, below 1 at the last.

    Returns
    -------
    list[LogRow]
        Rows of step, learning rate, and the mean of each loss since the last row.

    Raises
    ------
    WsssError
        When a loss or a weight is no longer finite. The message names the step and the rate.
    Interrupted
        When this process is asked to end (`end_on_signals`). The step in hand is then finished, and a checkpoint saved.

    Notes
    -----
    lr = lr0 (1 - t/T)^power, with step t and T = `plan.total_steps`. lr changes every `plan.optimiser.decay_every`
    steps only.
    """
    device = move_to_device(network.train())
    optimiser = sgd(groups, plan.optimiser)
    rates = [group["lr"] for group in optimiser.param_groups]
    state = _Progress(network, optimiser, machine)
    start = state.resume()
    check_start(start, device)
    division = divide(plan.batch, plan.accumulate)
    batches = _batches(samples, plan, division, machine.workers, start)
    compute_losses, plan = spread(network, compute_losses, division.parts), replace(plan, accumulate=division.parts)
    try:
        for step, batch in enumerate(track(batches, plan.steps, plan.name, "step", start), start):
            with signals_held(), state.whole_step():
                torch.manual_seed(plan.seed * 1_000_003 + step)
                share = rate_share(plan, step)
                for group, rate in zip(optimiser.param_groups, rates, strict=True):
                    group["lr"] = rate * share
                set_progress(step / plan.total_steps)
                state.add(mean_losses(training_step(network, optimiser, compute_losses, batch, plan, device)))
                if (step + 1) % STEPS_BETWEEN_LOG_ROWS == 0 or step + 1 == plan.steps:
                    state.log(plan.name, step + 1, rates[0] * share)
            state.save_if_due()
    except Interrupted as signal:
        state.save_if_whole()
        raise Interrupted(f"{signal} after {state.step} of {plan.steps} steps of {plan.name}") from None
    except (RuntimeError, ConnectionError) as error:
        # torch tells of a loader process that has died in one of two ways.
        if isinstance(error, ConnectionError) or LOADER_DIED.match(str(error)):
            state.save_if_whole()
        raise
    state.require_finite(plan.name)
    state.discard()
    return state.rows


def sgd(groups: Sequence[dict[str, Any]], settings: OptimiserSettings) -> torch.optim.SGD:
    """torch's SGD. A group without its own weight decay has that of the settings."""
    return torch.optim.SGD(groups, momentum=settings.momentum, weight_decay=settings.weight_decay)


def save_training(folder: Path, name: str, network: nn.Module, log: Sequence[LogRow], settings: dict[str, Any]) -> None:
    """Write <name>.safetensors, training.csv and settings.json of a trained network; the weights come last.

    Of several ranks, the first one writes.
    """
    if rank():
        return
    write_csv(folder / "training.csv", log)
    write_json(folder / "settings.json", settings)
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    require_finite_weights(f"the trained {name}", state, "lower the learning rate")
    # Not save_file, because only the owner could read its files.
    write_bytes(folder / f"{name}.safetensors", save(state))


def training_step(
    network: Network,
    optimiser: torch.optim.SGD,
    compute_losses: Callable[[Network, Batch], Losses],
    batch: Batch,
    plan: Plan,
    device: torch.device,
) -> dict[str, Tensor]:
    """One step on a batch, in `plan.accumulate` parts. The losses stay on the device, so that the CPU does not wait."""
    optimiser.zero_grad()
    sums: dict[str, Tensor] = {}
    for part in zip(*(tensor.to(device, non_blocking=True).chunk(plan.accumulate) for tensor in batch), strict=True):
        with torch.autocast(device.type, torch.bfloat16, enabled=plan.precision == "bfloat16"):
            losses = compute_losses(network, list(part))
        total = torch.stack(list(losses.values())).sum() / plan.accumulate
        total.backward()  # type: ignore[no-untyped-call]
        for name, loss in losses.items():
            sums[name] = sums.get(name, loss.new_zeros(())) + loss.detach() / plan.accumulate
    optimiser.step()
    return sums


def _batches(samples: Samples, plan: Plan, division: Division, workers: int, start: int) -> Iterator[Batch]:
    """This rank's share of the batches from step `start` on. The order of images depends on the seed and the epoch."""
    keys, ahead = [division.own(batch, rank()) for batch in _keys(len(samples), plan, start)], None
    if workers and keys:
        sample_bytes = sum(tensor.nbytes for tensor in samples[keys[0][0]])
        workers, ahead = loaders_that_fit(workers, len(keys[0]) * sample_bytes * world())
    loader: DataLoader[Any] = DataLoader(
        samples,  # type: ignore[arg-type]
        batch_sampler=keys,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        prefetch_factor=ahead if workers else None,
    )
    return iter(loader)


def _keys(images: int, plan: Plan, start: int) -> list[list[tuple[int, int]]]:
    per_epoch = steps_per_epoch(images, plan.batch, plan.name)
    orders: dict[int, np.ndarray] = {}
    keys = []
    for step in range(start, plan.steps):
        epoch, position = divmod(step, per_epoch)
        if epoch not in orders:
            orders[epoch] = np.random.default_rng((plan.seed, epoch)).permutation(images)
        chosen = orders[epoch][position * plan.batch : (position + 1) * plan.batch]
        keys.append([(epoch, int(index)) for index in chosen])
    return keys


class _Progress:
    """Checkpoint and log of one training."""

    def __init__(self, network: nn.Module, optimiser: torch.optim.SGD, machine: Machine) -> None:
        self.network, self.optimiser, self.machine = network, optimiser, machine
        self.step = 0
        self.rows: list[LogRow] = []
        self._sums: dict[str, Tensor] = {}
        # The total loss of each step since the last row, to name the step at which it is no longer finite.
        self._totals: list[Tensor] = []
        self._count = 0
        self._saved_at = time.monotonic()
        self._is_whole = True

    @contextmanager
    def whole_step(self) -> Iterator[None]:
        """Count a step. If the block does not come to its end, nothing is saved any more."""
        self._is_whole = False
        yield
        self.step += 1
        self._is_whole = True

    def add(self, losses: Mapping[str, Tensor]) -> None:
        # Sums stay on the device. Reading a loss at every step would make the CPU wait for the GPU.
        for name, loss in losses.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(loss)) + loss
        self._totals.append(torch.stack(list(losses.values())).sum())
        self._count += 1

    def log(self, name: str, step: int, rate: float) -> None:
        means = {loss: float(value) / self._count for loss, value in self._sums.items()}
        if not all(np.isfinite(list(means.values()))):
            first = next((n for n, total in enumerate(self._totals) if not total.isfinite()), len(self._totals) - 1)
            raise WsssError(
                f"{name}: the loss is no longer finite at step {step - len(self._totals) + first + 1}, at a learning "
                f"rate of {rate:.3g} ({means}): lower the learning rate"
            )
        self.rows.append({"step": step, "lr": rate, **means})
        logger.info("%s: step %d, lr %.5f, %s", name, step, rate, ", ".join(f"{k} {v:.4f}" for k, v in means.items()))
        self._sums, self._totals, self._count = {}, [], 0

    def require_finite(self, name: str) -> None:
        """Raise WsssError if a weight or the momentum is not finite. The losses of the step before it were."""
        row = self.rows[-1] if self.rows else {"step": 0, "lr": 0.0}
        states = {
            f"momentum {number}": value
            for number, state in enumerate(self.optimiser.state.values())
            if isinstance(value := state.get("momentum_buffer"), Tensor)
        }
        where = f"{name}: after step {row['step']:.0f}, at a learning rate of {row['lr']:.3g}"
        require_finite_weights(where, {**self.network.state_dict(), **states}, "lower the learning rate")

    def save_if_due(self) -> None:
        """Save if enough time has passed, right after a row of the log. A row shows that the losses are finite."""
        if not self._count and time.monotonic() - self._saved_at > SECONDS_BETWEEN_CHECKPOINTS:
            self.save_if_whole()

    def save_if_whole(self) -> None:
        """Save a checkpoint, unless a step was broken off in the middle, or a loss is no longer finite."""
        finite = all(bool(total.isfinite().all()) for total in self._sums.values())
        if self.machine.checkpoint is None or not self._is_whole or not finite or rank():
            return
        self.require_finite("no checkpoint is saved")
        with signals_held():
            network, momentum = self.network.state_dict(), momentum_of(self.optimiser)
            facts = (self.machine.fingerprint, self.step, self.rows, self._count)
            Checkpoint(*facts, network, momentum, self._sums).write(self.machine.checkpoint)
        logger.info("saved %s after step %d", self.machine.checkpoint, self.step)
        self._saved_at = time.monotonic()

    def resume(self) -> int:
        """Load the checkpoint if its fingerprint is the same. Returns the step to continue from."""
        path = self.machine.checkpoint
        saved = None if path is None else Checkpoint.read(path, self.machine.fingerprint)
        if saved is None:
            return 0
        self.network.load_state_dict(saved.network)
        set_momentum(self.optimiser, saved.momentum)
        self.step, self.rows, self._count, self._sums = saved.step, list(saved.rows), saved.count, saved.sums
        logger.info("resuming from step %d of %s", saved.step, path)
        return saved.step

    def discard(self) -> None:
        if self.machine.checkpoint is not None and rank() == 0:
            self.machine.checkpoint.unlink(missing_ok=True)

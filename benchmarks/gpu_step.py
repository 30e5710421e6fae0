"""Faster ways for a training step of DeepLabV2-ResNet101 on a GPU, against today's: pace, and losses over 50 steps.

python benchmarks/gpu_step.py    # crops of 321 at three scales, batches of 10, TF32 and bfloat16: five minutes

Every way starts from the same weights, sees the same 50 batches, and must have the same losses. The goals are 2.5 times
today's images a second in float32 and 4 times in bfloat16. A way that reaches them becomes the way of the workflow.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from gpu import card
from gpu_training import PRECISIONS, segmentation_training
from made_dataset import make_dataset
from record import Row, command_line, write_record
from torch import Tensor, nn

from wsss.data.dataset import Dataset
from wsss.runtime.device import move_to_device
from wsss.settings.training import Precision
from wsss.training.loop import Samples, sgd, training_step

# The first steps compile, and are not timed.
STEPS, UNTIMED, IMAGES = 50, 10, 64
GOALS: dict[Precision, float] = {"float32": 2.5, "bfloat16": 4.0}
# Losses of two ways may differ by rounding, as a share of the loss.
TOLERANCES: dict[Precision, float] = {"float32": 1e-3, "bfloat16": 2e-2}


@dataclass(frozen=True)
class Way:
    """How the network is changed before its training, what surrounds a step, and in how many parts a batch goes."""

    prepare: Callable[[nn.Module], None] = lambda network: None
    surroundings: Callable[[], AbstractContextManager[object]] = nullcontext
    accumulate: int | None = None


def compiled(network: nn.Module, mode: str) -> None:
    """Let torch compile the whole network. With `reduce-overhead`, its kernels are replayed as CUDA graphs."""
    network.compile(mode=mode)


def searched() -> AbstractContextManager[object]:
    """cuDNN tries its kernels for each size and takes the fastest. The bytes of results may then change."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=True, deterministic=False)


WAYS: dict[str, Way] = {
    "today": Way(),
    "a batch in one part": Way(accumulate=1),
    "cuDNN's search": Way(surroundings=searched),
    "torch.compile": Way(partial(compiled, mode="default")),
    "CUDA graphs": Way(partial(compiled, mode="reduce-overhead")),
    "CUDA graphs, a batch in one part, cuDNN's search": Way(partial(compiled, mode="reduce-overhead"), searched, 1),
}


@dataclass(frozen=True)
class Measured:
    """Images a second of the timed steps, GiB of GPU memory at most, and the loss of every step."""

    pace: float
    gibibytes: float
    losses: list[float]


def batches(batch: int, samples: Samples, device: torch.device) -> Iterator[list[Tensor]]:
    """The batches of all steps, one after the other, in the device's memory."""
    for step in range(STEPS):
        keys = [(0, (step * batch + index) % IMAGES) for index in range(batch)]
        parts = zip(*(samples[key] for key in keys), strict=True)
        yield [torch.stack(part).to(device) for part in parts]


def measure(dataset: Dataset, precision: Precision, way: Way) -> Measured:
    """Train 50 steps in this way, from the weights that the seed gives."""
    torch.manual_seed(0)
    training = segmentation_training(dataset, precision)
    plan = replace(training.plan, accumulate=way.accumulate or training.plan.accumulate)
    device = move_to_device(training.network.train())
    way.prepare(training.network)
    optimiser = sgd(training.slow_groups, plan.optimiser.model_copy(update={"weight_decay": 0}))
    losses, seconds = [], 0.0
    torch.cuda.reset_peak_memory_stats()
    with way.surroundings():
        for number, batch in enumerate(batches(plan.batch, training.samples, device)):
            torch.manual_seed(number)
            start = time.perf_counter()
            found = training_step(training.network, optimiser, training.losses, batch, plan, device)
            losses.append(sum(map(float, found.values())))
            torch.cuda.synchronize()
            seconds += time.perf_counter() - start if number >= UNTIMED else 0.0
    return Measured(plan.batch * (STEPS - UNTIMED) / seconds, torch.cuda.max_memory_allocated() / 2**30, losses)


def rows_of(precision: Precision, measured: Mapping[str, Measured]) -> list[Row]:
    """A row for each way, against today's."""
    today, goal, tolerance = measured["today"], GOALS[precision], TOLERANCES[precision]
    rows = []
    for name, way in measured.items():
        apart = max(abs(one - other) / other for one, other in zip(way.losses, today.losses, strict=True))
        ratio = way.pace / today.pace
        rows.append(
            Row(
                f"a step of DeepLabV2, {precision}: {name}",
                f"ResNet101, crops of 321 at three scales; {STEPS} steps",
                ours=way.pace,
                unit="images/s",
                threads=1,
                reference=today.pace,
                ratio=ratio,
                error=f"losses {apart:.0e} of today's",
                memory=f"{way.gibibytes:.1f} GiB",
                goal=f"at least {goal} times, losses within {tolerance:g}" if name != "today" else "",
                met=ratio >= goal and apart <= tolerance if name != "today" else None,
            )
        )
    return rows


def main() -> None:
    """Measure every way in both precisions, write the record, and print every row."""
    given = command_line(__doc__).parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        dataset = make_dataset(Path(name), IMAGES)
        for precision in PRECISIONS:
            measured = {way: measure(dataset, precision, WAYS[way]) for way in WAYS}
            rows += rows_of(precision, measured)
            print(*rows[-len(WAYS) :], sep="\n", flush=True)
    write_record(given.record, rows, card())


if __name__ == "__main__":
    main()

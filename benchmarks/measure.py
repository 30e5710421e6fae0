"""Measurements that benchmarks share, on Linux: seconds in turns, memory of a new process, and the machine's speed."""

import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import torch

Call = Callable[[], object]
SECONDS_OF_CALLS = 0.5


def median_seconds(
    calls: Mapping[str, Call], repetitions: Mapping[str, int], clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """The median seconds of each call, over as many repetitions as its name is given.

    Calls take turns, so that a change of the machine's speed affects all of them equally. `clock`: time.process_time is
    the processor time of all threads of this process, which other processes hardly change.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(max(repetitions.values())):
        for name, call in calls.items():
            if turn < repetitions[name]:
                start = clock()
                call()
                seconds[name].append(clock() - start)
    return {name: median(measured) for name, measured in seconds.items()}


@dataclass(frozen=True)
class Cost:
    """Processor seconds that a call takes, and MiB by which it raises the memory of a new process."""

    seconds: float
    mib: float


def peak_mib(prepare: Callable[..., Call], *arguments: object) -> float:
    """MiB by which the call that `prepare(*arguments)` returns raises the memory of a new process.

    Input that `prepare` makes does not count. `prepare` must be at the top of a module. It should run what happens only
    once, such as compiling.
    """
    return cost(prepare, *arguments).mib


def cost(prepare: Callable[..., Call], *arguments: object) -> Cost:
    """Memory as of `peak_mib`, and the mean seconds of as many calls as fit into half a second, at least one.

    Seconds are processor time over all threads, which other processes hardly change.
    """
    with _fresh_process(_send_cost, prepare, *arguments) as child:
        found = child.recv()
    assert isinstance(found, Cost)
    return found


@contextmanager
def in_own_process(prepare: Callable[..., Call], *arguments: object) -> Iterator[Call]:
    """The call that `prepare(*arguments)` returns, in its own process. It has been run once already.

    Settings of this process, such as how memory is reused, do not affect it. `prepare` must be at the top of a module.
    """
    with _fresh_process(_answer, prepare, *arguments) as child:

        def call() -> None:
            child.send("run")
            child.recv()

        call()
        yield call


@contextmanager
def _fresh_process(
    serve: Callable[..., None], prepare: Callable[..., Call], *arguments: object
) -> Iterator[Connection]:
    """The connection to a new process in which `serve` answers with what `prepare(*arguments)` returns."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=serve, args=(there, torch.get_num_threads(), prepare, *arguments))
    child.start()
    there.close()
    try:
        yield here
    finally:
        here.close()
        child.join()


def _answer(there: Connection, threads: int, prepare: Callable[..., Call], *arguments: object) -> None:
    torch.set_num_threads(threads)
    call = prepare(*arguments)
    with suppress(EOFError):
        while there.recv():
            call()
            there.send("ran")


def reset_peak() -> float:
    """Reset the highest memory of this process to its current memory. Returns that in MiB."""
    before = _memory_mib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    return before


def highest_mib() -> float:
    """The highest memory of this process, in MiB, since `reset_peak`."""
    return _memory_mib("VmHWM")


def _send_cost(sending: Connection, threads: int, prepare: Callable[..., Call], *arguments: object) -> None:
    torch.set_num_threads(threads)
    call = prepare(*arguments)
    before = reset_peak()
    start, calls = time.process_time(), 0
    while calls == 0 or time.process_time() - start < SECONDS_OF_CALLS:
        call()
        calls += 1
    sending.send(Cost((time.process_time() - start) / calls, highest_mib() - before))


def _memory_mib(field: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def machine() -> str:
    """A line about the machine: processor, threads, versions, and its speed in a product and in a copy."""
    side, copied = 2048, 2**26
    factor, source = torch.rand(side, side), torch.rand(copied)
    target = torch.empty_like(source)
    calls = {"product": lambda: factor @ factor, "copy": lambda: target.copy_(source)}
    median_seconds(calls, dict.fromkeys(calls, 1))
    seconds = median_seconds(calls, dict.fromkeys(calls, 5))
    return (
        f"{_processor()}, {torch.get_num_threads()} of {os.cpu_count()} threads, Python {platform.python_version()}, "
        f"torch {torch.__version__}: {2 * side**3 / seconds['product'] / 1e9:.0f} GFLOP/s in a float32 product, "
        f"{2 * 4 * copied / seconds['copy'] / 1e9:.1f} GB/s in a copy, read and written"
    )


def has_tiles() -> bool:
    """Whether the processor has matrix tiles (AMX), according to Linux."""
    return " amx_tile" in Path("/proc/cpuinfo").read_text()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), sys.platform)

"""GPU measurements that benchmarks share: seconds of calls, memory, and the speed of the card."""

import platform
from collections.abc import Callable, Mapping
from functools import cache

import torch
from measure import Call, median_seconds

SIDE, COPIED = 8192, 2**29


def finished(call: Call) -> Call:
    """The call, followed by waiting for the GPU."""

    def run() -> None:
        call()
        torch.cuda.synchronize()

    return run


def gpu_seconds(calls: Mapping[str, Call], repetitions: int, warm_up: int = 3) -> dict[str, float]:
    """The median seconds of each call until the GPU has finished. Calls take turns; the first ones do not count."""
    waiting = {name: finished(call) for name, call in calls.items()}
    median_seconds(waiting, dict.fromkeys(waiting, warm_up))
    return median_seconds(waiting, dict.fromkeys(waiting, repetitions))


def gpu_mib(call: Callable[[], object]) -> float:
    """MiB by which a call raises the GPU's memory above what is in use."""
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    call()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


@cache
def peak_gigaflops(precision: torch.dtype, tf32: bool = False) -> float:
    """The card's speed in products of 8192 x 8192. `tf32`: float32 in its matrix units, as for convolutions."""
    factor = torch.randn(SIDE, SIDE, device="cuda").to(precision)
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32
    seconds = gpu_seconds({"product": lambda: factor @ factor}, 10)["product"]
    torch.backends.cuda.matmul.allow_tf32 = before
    return float(2 * SIDE**3 / seconds / 1e9)


def card() -> str:
    """A line about the card: its name, versions, and its speed in products and in a copy."""
    source = torch.empty(COPIED, device="cuda")
    target = torch.empty_like(source)
    copy = gpu_seconds({"copy": lambda: target.copy_(source)}, 10)["copy"]
    products = {"float32": (torch.float32, False), "TF32": (torch.float32, True), "bfloat16": (torch.bfloat16, False)}
    reached = ", ".join(f"{peak_gigaflops(*kind) / 1e3:.0f} in {name}" for name, kind in products.items())
    return (
        f"{torch.cuda.get_device_name()}, Python {platform.python_version()}, torch {torch.__version__}: TFLOP/s in a "
        f"product {reached}; {2 * 4 * COPIED / copy / 1e9:,.0f} GB/s in a copy, read and written"
    )

"""`wsss info`: what a bug report needs to know of the machine."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

from wsss.commands.version import version
from wsss.runtime.device_lock import holder_of, lock_file
from wsss.runtime.devices import usable_devices

PACKAGES = ("torch", "torchvision", "numpy", "pillow", "zarr", "snakemake", "timm")


def lines() -> Iterator[str]:
    """Versions, devices, cores and memory, one a line. No path and no name of this machine is among them.

    Yields
    ------
    str
        A line `<what>: <value>`.
    """
    yield f"wsss: {version()}"
    yield f"Python: {platform.python_version()}"
    yield f"system: {platform.system()} {platform.machine()}"
    for name in PACKAGES:
        yield f"{name}: {_version(name)}"
    yield f"devices: {_devices()}"
    yield from _devices_of_jobs()
    yield f"cores: {_cores()}"
    yield f"memory: {_memory()}"


def _version(package: str) -> str:
    try:
        return version_of(package)
    except PackageNotFoundError:
        return "not installed"


def _devices() -> str:
    try:
        # Imported here, because it takes seconds.
        import torch

        count = torch.cuda.device_count()
        named = [torch.cuda.get_device_name(number) for number in range(count)]
    except (ImportError, OSError, RuntimeError) as error:
        return f"torch cannot be used ({' '.join(str(error).split())})"
    return ", ".join([*named, "CPU"])


def _devices_of_jobs() -> Iterator[str]:
    """What jobs of the workflow have: how many run at once, and who holds each device now."""
    devices = usable_devices()
    yield f"GPU jobs of `snakemake` at once: {devices.jobs_at_once} ({devices.source})"
    for device in devices.devices:
        holder = holder_of(lock_file(device, devices))
        yield f"{device.label}: {f'held by {holder}' if holder else 'free'}"


def _cores() -> str:
    """The cores that this process may use, and those of the machine."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{usable} of {os.cpu_count()}"


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return "unknown"
    return f"{total / 2**30:.1f} GiB"

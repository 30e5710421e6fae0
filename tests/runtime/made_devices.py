"""Devices that are made up, for machines with and without GPUs."""

import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from wsss.runtime.device_lock import lock_file
from wsss.runtime.devices import Device, Devices, usable_devices


def made(*names: str, scheduled_job: str = "") -> Devices:
    """Devices of these names."""
    return Devices(tuple(Device(name, name) for name in names), "made", scheduled_job)


def write_nvidia_smi(folder: Path, listing: str, code: int = 0) -> Path:
    """Write an nvidia-smi into `folder` that prints `listing` for `-L`. Returns the folder, for PATH."""
    program = folder / "nvidia-smi"
    program.write_text(f'#!/bin/sh\n[ "$*" = -L ] || exit 1\necho {shlex.quote(listing)}\nexit {code}\n')
    program.chmod(0o755)
    return folder


@contextmanager
def made_host(count: int) -> Iterator[Path]:
    """The folder of an nvidia-smi that lists `count` GPUs, which no other host has. Their locks are removed later."""
    with tempfile.TemporaryDirectory() as folder:
        listing = "\n".join(f"GPU {index}: Made (UUID: GPU-{uuid4()})" for index in range(count))
        host = write_nvidia_smi(Path(folder), listing)
        devices = usable_devices({"PATH": str(host)})
        try:
            yield host
        finally:
            for device in devices.devices:
                lock_file(device, devices).unlink(missing_ok=True)

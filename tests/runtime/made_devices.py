"""Devices that are made up, for machines with and without GPUs."""

import shlex
from pathlib import Path

from wsss.runtime.devices import Device, Devices


def made(*names: str, scheduled_job: str = "") -> Devices:
    """Devices of these names."""
    return Devices(tuple(Device(name, name) for name in names), "made", scheduled_job)


def write_nvidia_smi(folder: Path, listing: str, code: int = 0) -> Path:
    """Write an nvidia-smi into `folder` that prints `listing` for `-L`. Returns the folder, for PATH."""
    program = folder / "nvidia-smi"
    program.write_text(f'#!/bin/sh\n[ "$*" = -L ] || exit 1\necho {shlex.quote(listing)}\nexit {code}\n')
    program.chmod(0o755)
    return folder

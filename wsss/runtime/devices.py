"""The devices (GPUs, or MIG instances of them) that this process may use. torch is not needed to know them.

They are those of CUDA_VISIBLE_DEVICES where it is set, else all that `nvidia-smi -L` lists.
"""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

LISTED_GPU = re.compile(r"GPU (?P<index>\d+): .*\(UUID: (?P<uuid>GPU-[^)]+)\)")
LISTED_INSTANCE = re.compile(r"\s+MIG .*\(UUID: (?P<uuid>MIG-[^)]+)\)")
# Variables that schedulers set in a job, to a value that no other job of the host has: SLURM, PBS, LSF, Flux, HTCondor,
# Grid Engine.
SCHEDULED_JOB = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "FLUX_JOB_ID", "_CONDOR_SCRATCH_DIR", "SGE_JOB_SPOOL_DIR")


@dataclass(frozen=True)
class Device:
    """One device.

    Attributes
    ----------
    name
        Its name in CUDA_VISIBLE_DEVICES. It is the UUID if nvidia-smi tells it, so that every process calls the device
        by the same name; otherwise it is the entry of CUDA_VISIBLE_DEVICES.
    label
        Its name for people, with the number that nvidia-smi gives it.
    """

    name: str
    label: str


@dataclass(frozen=True)
class Devices:
    """The devices that a process may use.

    Attributes
    ----------
    devices
        The devices, in the order of their source. Empty if there are none.
    source
        Where they are known from, for people.
    scheduled_job
        The job of a scheduler that was given these devices. Empty if no scheduler has set them.
    listed
        Whether nvidia-smi lists them. Otherwise nothing but CUDA_VISIBLE_DEVICES speaks for them.
    """

    devices: tuple[Device, ...]
    source: str
    scheduled_job: str = ""
    listed: bool = False

    @property
    def jobs_at_once(self) -> int:
        """How many jobs with `gpu: 1` plain `snakemake` runs at once: one for each device, and one on the CPU."""
        return max(1, len(self.devices))


def usable_devices(environment: Mapping[str, str] = os.environ) -> Devices:
    """Find the devices that a process may use.

    CUDA_VISIBLE_DEVICES is read as CUDA reads it. Entries are numbers, or UUIDs of GPUs or MIG instances, which may be
    shortened. The list ends at the first entry that names no device. A list that names a device twice is empty. Numbers
    are those of nvidia-smi. Without nvidia-smi every well-formed entry counts as a device.

    Parameters
    ----------
    environment
        Variables of the process: CUDA_VISIBLE_DEVICES, PATH, and those of a scheduler.

    Returns
    -------
    Devices
        The devices and where they are known from.
    """
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None and not chosen.strip():
        return Devices((), "CUDA_VISIBLE_DEVICES is empty")
    gpus = _listed_gpus(environment.get("PATH", os.defpath))
    if chosen is None:
        devices = tuple(device for gpu in gpus or () for device in gpu)
        return Devices(devices, "no nvidia-smi" if gpus is None else "nvidia-smi", listed=bool(devices))
    job = next((f"{name}={environment[name]}" for name in SCHEDULED_JOB if environment.get(name)), "")
    source = f"CUDA_VISIBLE_DEVICES={chosen}" + (f", set for {job}" if job else "")
    return Devices(_named(chosen, gpus), source, job, listed=gpus is not None)


@cache
def _listed_gpus(path: str) -> Sequence[Sequence[Device]] | None:
    """The GPUs of this host, each as its devices: itself or its MIG instances. None if nvidia-smi does not tell."""
    try:
        ran = subprocess.run(
            ["nvidia-smi", "-L"], env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return _parsed(ran.stdout) if ran.returncode == 0 else None


def _parsed(listing: str) -> Sequence[Sequence[Device]]:
    """The GPUs of the output of `nvidia-smi -L`. The instances of a GPU follow its line."""
    gpus: list[list[Device]] = []
    instances: list[list[Device]] = []
    for line in listing.splitlines():
        if found := LISTED_GPU.match(line):
            gpus.append([Device(found["uuid"], f"GPU {found['index']} ({_short(found['uuid'])})")])
            instances.append([])
        elif gpus and (found := LISTED_INSTANCE.match(line)):
            instances[-1].append(Device(found["uuid"], f"{gpus[-1][0].label}, {_short(found['uuid'])}"))
    return [parts or gpu for gpu, parts in zip(gpus, instances, strict=True)]


def _short(uuid: str) -> str:
    return uuid[:12]


def _named(chosen: str, gpus: Sequence[Sequence[Device]] | None) -> tuple[Device, ...]:
    """The devices of a value of CUDA_VISIBLE_DEVICES."""
    found: list[Device] = []
    for entry in chosen.split(","):
        device = _unlisted(entry.strip()) if gpus is None else _listed(entry.strip(), gpus)
        if device is None:
            break
        if device in found:
            return ()
        found.append(device)
    return tuple(found)


def _unlisted(entry: str) -> Device | None:
    """The device of an entry, where nothing else tells of devices."""
    if entry.startswith(("GPU-", "MIG-")):
        return Device(entry, entry)
    number = _number(entry)
    return None if number is None else Device(str(number), f"GPU {number}")


def _listed(entry: str, gpus: Sequence[Sequence[Device]]) -> Device | None:
    """The device of an entry among those that nvidia-smi lists. A number of a GPU with instances is the first one's."""
    number = _number(entry)
    if number is not None:
        return gpus[number][0] if number < len(gpus) else None
    if not entry.startswith(("GPU-", "MIG-")):
        return None
    found = [device for gpu in gpus for device in gpu if device.name.startswith(entry)]
    return found[0] if len(found) == 1 else None


def _number(entry: str) -> int | None:
    """The number that an entry begins with. CUDA reads no further."""
    found = re.match(r"\+?(\d+)", entry)
    return int(found[1]) if found else None

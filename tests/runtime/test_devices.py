"""Which devices a process may use, from CUDA_VISIBLE_DEVICES, nvidia-smi and a scheduler."""

import re
from pathlib import Path

import pytest

from tests.runtime.made_devices import write_nvidia_smi
from wsss.runtime.devices import usable_devices

GPU_0, GPU_1, GPU_2 = (f"GPU-{start}5-3f01-4d6a-9a70-9f1c33a0b8d2" for start in ("a1c0de0", "a1c0de1", "b2d41c7"))
# The two instances of GPU 2, which is not used as a whole then.
MIG_0, MIG_1 = "MIG-5f0c2b11-1d52-5b2f-8d59-1ad1e3f6a1b0", "MIG-77aa9c42-9be7-58d4-9d2a-6a3b1c0d2e4f"
LISTING = f"""\
GPU 0: NVIDIA GeForce RTX 4090 (UUID: {GPU_0})
GPU 1: NVIDIA A100-SXM4 (80GB) (UUID: {GPU_1})
GPU 2: NVIDIA A100-SXM4 (80GB) (UUID: {GPU_2})
  MIG 3g.40gb     Device  0: (UUID: {MIG_0})
  MIG 3g.40gb     Device  1: (UUID: {MIG_1})
"""


def names(folder: Path, chosen: str | None, **more: str) -> list[str]:
    """Names of the devices that a process may use which finds programs in `folder` only."""
    value = {} if chosen is None else {"CUDA_VISIBLE_DEVICES": chosen}
    return [device.name for device in usable_devices({"PATH": str(folder), **value, **more}).devices]


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The folder of an nvidia-smi that lists three GPUs, of which one is split in two."""
    return write_nvidia_smi(tmp_path, LISTING)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, [GPU_0, GPU_1, MIG_0, MIG_1]),
        ("", []),
        (" ", []),
        ("1,0", [GPU_1, GPU_0]),
        (" 0 , 1", [GPU_0, GPU_1]),
        ("2", [MIG_0]),
        (f"{GPU_1},{MIG_1}", [GPU_1, MIG_1]),
        ("GPU-a1c0de1,MIG-77", [GPU_1, MIG_1]),
        # Two GPUs begin so.
        ("GPU-a1c0de", []),
        ("0,GPU-ffff,1", [GPU_0]),
        # The list ends at what names no device.
        ("1,-1,0", [GPU_1]),
        ("-1", []),
        ("0,7,1", [GPU_0]),
        ("NoDevFiles", []),
        ("0,,1", [GPU_0]),
        # CUDA gives no device at all if one is there twice.
        ("0,1,0", []),
        ("0,GPU-a1c0de0", []),
    ],
)
def test_devices_are_chosen_as_cuda_chooses(host: Path, chosen: str | None, expected: list[str]) -> None:
    assert names(host, chosen) == expected


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, []),
        ("", []),
        ("0,1", ["0", "1"]),
        ("3,GPU-a1c0de1,MIG-77", ["3", "GPU-a1c0de1", "MIG-77"]),
        ("1,-1,0", ["1"]),
        ("+1,2nd,x,0", ["1", "2"]),
        ("0,00", []),
    ],
)
def test_without_nvidia_smi_every_entry_is_a_device(tmp_path: Path, chosen: str | None, expected: list[str]) -> None:
    assert names(tmp_path, chosen) == expected


def test_an_nvidia_smi_that_fails_counts_as_none(tmp_path: Path) -> None:
    write_nvidia_smi(tmp_path, "NVIDIA-SMI has failed because it couldn't communicate with the driver", code=9)
    assert names(tmp_path, None) == []
    assert names(tmp_path, "0,1") == ["0", "1"]


def test_two_names_of_a_device_are_one(host: Path) -> None:
    """Two workflows that name a device in different ways meet at its lock."""
    found = {usable_devices({"PATH": str(host), "CUDA_VISIBLE_DEVICES": name}).devices for name in ("1", GPU_1[:12])}
    assert len(found) == 1


def test_only_what_a_scheduler_has_set_belongs_to_its_job(host: Path) -> None:
    def job(**variables: str) -> str:
        return usable_devices({"PATH": str(host), **variables}).scheduled_job

    assert job(CUDA_VISIBLE_DEVICES="0", SLURM_JOB_ID="7") == "SLURM_JOB_ID=7"
    assert job(CUDA_VISIBLE_DEVICES="0", PBS_JOBID="7.host") == "PBS_JOBID=7.host"
    # The scheduler has set no devices, or there is none.
    assert job(SLURM_JOB_ID="7") == job(CUDA_VISIBLE_DEVICES="0") == ""
    assert job(CUDA_VISIBLE_DEVICES="0", SLURM_JOB_ID="") == ""


@pytest.mark.parametrize(("chosen", "at_once"), [(None, 4), ("0,1", 2), ("1", 1), ("", 1)])
def test_a_job_runs_for_each_device_and_one_on_the_cpu(host: Path, chosen: str | None, at_once: int) -> None:
    value = {} if chosen is None else {"CUDA_VISIBLE_DEVICES": chosen}
    assert usable_devices({"PATH": str(host), **value}).jobs_at_once == at_once


def test_people_are_told_where_devices_are_known_from(host: Path) -> None:
    found = usable_devices({"PATH": str(host), "CUDA_VISIBLE_DEVICES": "1", "SLURM_JOB_ID": "7"})
    assert found.source == "CUDA_VISIBLE_DEVICES=1, set for SLURM_JOB_ID=7"
    assert [device.label for device in found.devices] == [f"GPU 1 ({GPU_1[:12]})"]
    labels = [device.label for device in usable_devices({"PATH": str(host)}).devices]
    assert labels[-1] == f"GPU 2 ({GPU_2[:12]}), {MIG_1[:12]}"
    assert all(re.fullmatch(r"GPU \d \(GPU-\w+\)(, MIG-\w+)?", label) for label in labels)

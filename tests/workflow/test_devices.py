"""Jobs of one host get a device each: how many run at once, what they tell, and when they end with a clear line."""

import os
import re
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from tests.runtime.device_jobs import Job, until
from tests.runtime.made_devices import made_host
from tests.workflow.conftest import PROJECT, TINY, Workplace, environment, on_host
from tests.workflow.forks import run_snakemake
from wsss.runtime.devices import usable_devices

STAMPED = re.compile(r"^(\d{4}-\d\d-\d\d \S+) (.*)$", re.MULTILINE)
# A job of a rule that asks for devices, without anything to do.
SCRIPT = """
import os, sys
from types import SimpleNamespace
from step import step

log, count = sys.argv[1:]
job = SimpleNamespace(log=[log], rule="make_cams", resources={"gpu": int(count)}, params={}, input=[], output=[log])
with step(job):
    print("visible:", os.environ.get("CUDA_VISIBLE_DEVICES"), "torch" in sys.modules)
"""


def spans(workplace: Workplace) -> dict[str, list[tuple[str, str]]]:
    """For each device, the times of the first and the last line in the logs of the jobs that used it."""
    found = defaultdict(list)
    for log in workplace.work.glob("logs/**/*.log"):
        lines = STAMPED.findall(log.read_text())
        if used := next((use for _, line in lines if (use := re.search(r" uses (.+)$", line))), None):
            found[used[1]].append((lines[0][0], lines[-1][0]))
    return {device: sorted(times) for device, times in found.items()}


def test_jobs_at_once_have_different_devices(finished: Workplace) -> None:
    found = spans(finished)
    assert len(found) == 2
    # Three trainings, and two shards of both splits' CAMs, of the pseudo labels and of the predictions.
    assert sum(map(len, found.values())) == 11
    for device, times in found.items():
        assert all(before[1] <= after[0] for before, after in pairwise(times)), device


def test_without_devices_none_is_taken(folder_run: Workplace) -> None:
    assert spans(folder_run) == {}


@pytest.mark.parametrize(
    ("arguments", "threads", "devices"),
    [
        # Each job has its share of the cores.
        ([], 6, 2),
        (["--resources", "gpu=1"], 8, 1),
        (["--resources", "mem_mb=32000"], 6, 2),
        (["--max-threads", "3"], 3, 2),
        # Jobs of a cluster are limited by its profile. Snakemake takes one core for the host of a dry run.
        (["--workflow-profile", PROJECT / "profiles" / "slurm", "--executor", "dryrun"], 1, 4),
    ],
)
def test_plain_snakemake_runs_a_job_for_each_device(
    workplace: Workplace, arguments: list[str | Path], threads: int, devices: int
) -> None:
    """A training that asks for four devices is given as many as may be used at once."""
    with made_host(2) as host:
        assert planned_training(workplace, arguments, on_host(host)) == (threads, devices)


def test_on_the_cpu_one_job_with_all_cores_runs_at_a_time(workplace: Workplace) -> None:
    """Two devices that only CUDA_VISIBLE_DEVICES tells of leave the cores as they are, because results would change."""
    assert planned_training(workplace, [], environment()) == (8, 1)
    assert planned_training(workplace, [], environment() | {"CUDA_VISIBLE_DEVICES": "0,1", "PATH": "/bin"}) == (8, 2)


def planned_training(workplace: Workplace, arguments: list[str | Path], variables: dict[str, str]) -> tuple[int, int]:
    """Threads and devices of the classifier's training in a dry run on 12 cores, where it asks for four devices."""
    command = ["-n", "--set-resources", "train_classifier:gpu=4", *arguments]
    command += [] if "--workflow-profile" in arguments else ["--cores", "12"]
    command += ["--snakefile", workplace.project / "Snakefile", "--directory", workplace.work, "--configfile", TINY]
    output = workplace.root / "output.txt"
    assert run_snakemake(list(map(str, command)), workplace.work, variables, output, sys.executable) == 0
    job = re.search(r"^rule train_classifier:\n(?:    .+\n)+", output.read_text(), re.MULTILINE)
    assert job, output.read_text()
    threads, devices = re.search(r"^    threads: (\d+)", job[0], re.MULTILINE), re.search(r"\bgpu=(\d+)", job[0])
    assert devices, job[0]
    # A single thread is not listed.
    return int(threads[1]) if threads else 1, int(devices[1])


def started(log: Path, count: int, host: Path) -> "subprocess.Popen[str]":
    """A job that asks for devices."""
    command = [sys.executable, "-c", SCRIPT, str(log), str(count)]
    folder = PROJECT / "workflow_scripts"
    variables = on_host(host) | {"PYTHONPATH": os.pathsep.join(map(str, (folder, PROJECT)))}
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_job_says_in_log_and_terminal_that_it_waits(tmp_path: Path) -> None:
    with made_host(1) as host:
        devices = usable_devices({"PATH": str(host)})
        (device,) = devices.devices
        holder = Job(tmp_path, 1, devices, "train_irnet")
        until(lambda: holder.visible)
        job = started(tmp_path / "job.log", 1, host)
        assert job.stderr
        waits = job.stderr.readline().strip()
        what = f"{device.label}: process {holder.pid}, train_irnet"
        assert waits == f"make_cams waits until 1 of these devices are free: {what}"
        holder.kill()
        output, errors = job.communicate(timeout=60)
    assert errors.strip() == f"make_cams uses {device.label}"
    assert output.strip() == f"visible: {device.name} False"
    told = [line for _, line in STAMPED.findall((tmp_path / "job.log").read_text())]
    assert told == [waits, errors.strip()]


def test_a_job_that_asks_for_more_than_there_are_ends_with_one_line(tmp_path: Path) -> None:
    with made_host(2) as host:
        job = started(tmp_path / "job.log", 3, host)
        output, errors = job.communicate(timeout=60)
    assert job.returncode == 1
    assert output == ""
    line = r"error: make_cams asks for 3 devices, and there are 2: GPU 0 .+, GPU 1 .+ \(nvidia-smi\); lower .+:gpu=2\n"
    assert re.fullmatch(line, errors)
    assert "Traceback" not in (tmp_path / "job.log").read_text()

"""What partitions give is read from SLURM's words, and jobs that fit on no node are told why."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from wsss.errors import WsssError
from wsss.runtime.slurm import Amounts, read_limits, refuse_jobs_that_cannot_start, why_never

NODES = """\
gpu|64|256000|gpu:a100:4(S:0-1),nvme:1
gpu|64|256000|gpu:a100:4(S:0-1),nvme:1
gpu|32|512000|gpu:nvidia_a100_80gb_pcie_1g.10gb:2,gpu:v100:1
cpu|8|16000|(null)
"""
PARTITIONS = """\
PartitionName=gpu Default=NO MaxTime=2-12:30:00 MaxCPUsPerNode=48 MaxMemPerNode=UNLIMITED
PartitionName=cpu Default=YES MaxTime=UNLIMITED MaxCPUsPerNode=UNLIMITED MaxMemPerNode=12000
PartitionName=empty MaxTime=01:00:00
"""
LIMITS = {
    "gpu": [Amounts(48, 256000, 4, 3630), Amounts(32, 512000, 3, 3630)],
    "cpu": [Amounts(8, 12000, 0, math.inf)],
    "empty": [],
}


def test_limits_are_those_of_partition_and_node() -> None:
    assert read_limits(NODES, PARTITIONS) == LIMITS


@pytest.mark.parametrize(
    ("asked", "partition", "why"),
    [
        (Amounts(48, 256000, 4, 3630), "gpu", ""),
        (Amounts(8, 12000, 0, 10**6), "cpu", ""),
        (Amounts(49, 1000, 1, 3631), "gpu", "partition gpu gives at most 48 cores and 3630 minutes"),
        (Amounts(1, 12001, 1, 1), "cpu", "partition cpu gives at most 12000 MB and 0 GPUs"),
        (Amounts(33, 300000, 1, 1), "gpu", "no node of partition gpu has all of that"),
        (Amounts(1, 1, 0, 1), "empty", "partition empty has no nodes"),
        (Amounts(1, 1, 0, 1), "gone", "there is no partition gone"),
    ],
)
def test_a_job_that_fits_on_no_node_is_told_why(asked: Amounts, partition: str, why: str) -> None:
    assert why_never(asked, partition, LIMITS) == why


def test_what_is_asked_is_said_in_words() -> None:
    assert str(Amounts(1, 4000, 0, 60)) == "1 core, 4000 MB, 60 minutes"
    assert str(Amounts(8, 1234567, 2, 1)) == "8 cores, 1234567 MB, 2 GPUs, 1 minute"


class Job:
    """What the check reads of Snakemake's jobs: memory and time grow, as in the rules."""

    is_local = False

    def __init__(self, name: str, memory: int, retries: int = 2) -> None:
        self.name, self.memory, self.attempt = name, memory, 1
        self.rule, self.threads = SimpleNamespace(restart_times=retries), 4

    @property
    def restart_times(self) -> int:
        return self.rule.restart_times

    @property
    def resources(self) -> dict[str, object]:
        return {"mem_mb": self.memory * self.attempt, "runtime": 60 * self.attempt, "slurm_extra": "--signal=TERM@60"}

    def is_group(self) -> bool:
        return False


class Dag:
    def __init__(self, *jobs: Job) -> None:
        self.jobs = jobs

    def needrun_jobs(self) -> tuple[Job, ...]:
        return self.jobs

    def get_job_group(self, job: Job) -> None:
        return None


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that print what a cluster's do."""
    for name, text in (("sinfo", NODES), ("scontrol", PARTITIONS)):
        (tmp_path / f"{name}.txt").write_text(text)
        (tmp_path / name).write_text(f"#!/bin/sh\nexec /bin/cat {tmp_path / name}.txt\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


def executor_of(job: Job) -> SimpleNamespace:
    return SimpleNamespace(get_partition_arg=lambda job: " -p cpu")


@pytest.mark.usefixtures("answering")
def test_attempts_that_fit_nowhere_are_not_made() -> None:
    small, large = Job("small", 4000), Job("large", 5000)
    assert refuse_jobs_that_cannot_start(Dag(small, large), executor_of) == [
        "no attempt 3: large asks for 4 cores, 15000 MB, 180 minutes, and partition cpu gives at most 12000 MB: "
        "see docs/cluster.md, 'A job can never start'"
    ]
    assert (small.restart_times, large.restart_times) == (2, 1)
    assert small.attempt == large.attempt == 1


@pytest.mark.usefixtures("answering")
def test_a_first_attempt_that_fits_nowhere_is_refused() -> None:
    with pytest.raises(WsssError, match=r"can never start: larger asks for 4 cores, 13000 MB, 60 minutes, and part"):
        refuse_jobs_that_cannot_start(Dag(Job("large", 5000), Job("larger", 13000)), executor_of)


def test_a_slurm_that_does_not_answer_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WsssError, match=r"SLURM does not answer .*: run snakemake on a node where sinfo works"):
        refuse_jobs_that_cannot_start(None, lambda job: None)
    (tmp_path / "sinfo").write_text("#!/bin/sh\necho 'no\ncontroller' >&2\nexit 1\n")
    (tmp_path / "sinfo").chmod(0o755)
    with pytest.raises(WsssError, match=r"SLURM does not answer \(sinfo: no controller\)"):
        refuse_jobs_that_cannot_start(None, lambda job: None)

"""What partitions give is read from SLURM's words, and jobs that fit on no node are told why."""

import math
from pathlib import Path

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


def test_a_slurm_that_does_not_answer_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WsssError, match=r"SLURM does not answer .*: run snakemake on a node where sinfo works"):
        refuse_jobs_that_cannot_start(None, lambda job: None)
    (tmp_path / "sinfo").write_text("#!/bin/sh\necho 'no\ncontroller' >&2\nexit 1\n")
    (tmp_path / "sinfo").chmod(0o755)
    with pytest.raises(WsssError, match=r"SLURM does not answer \(sinfo: no controller\)"):
        refuse_jobs_that_cannot_start(None, lambda job: None)

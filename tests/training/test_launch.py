"""Ranks that fail: one line says why, and no process is left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("failing_ranks.py")


def job(folder: Path, how: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(folder), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def is_running(process: int) -> bool:
    """Whether a process is there. One that has ended may wait for its parent to look."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def ranks_of(folder: Path) -> list[int]:
    return [int((folder / f"{rank}.pid").read_text()) for rank in (0, 1)]


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("this did not happen in a minute")


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ("refuse", "error: the file x is damaged: copy it again"),
        (
            "kill",
            "error: rank 1 of 2 ended by SIGKILL: if nobody ended it, memory ran out, so lower the batch size; the "
            "same command goes on from the last checkpoint",
        ),
    ],
)
def test_a_rank_that_fails_ends_the_job_with_one_line(tmp_path: Path, how: str, line: str) -> None:
    process = job(tmp_path, how)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert output.splitlines() == [line]
    assert (tmp_path / "job.log").read_text().endswith(f"{line}\n")
    assert not any(map(is_running, ranks_of(tmp_path)))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell a process that its parent has died")
def test_ranks_end_with_a_job_that_is_killed(tmp_path: Path) -> None:
    process = job(tmp_path, "wait")
    wait_for(lambda: all((tmp_path / f"{rank}.pid").exists() for rank in (0, 1)))
    ranks = ranks_of(tmp_path)
    assert all(map(is_running, ranks))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    wait_for(lambda: not any(map(is_running, ranks)))

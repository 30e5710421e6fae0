"""Ranks that fail: one line says why, and no process is left."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wsss.runtime.parent import WORKFLOW

SCRIPT = Path(__file__).with_name("failing_ranks.py")


def job(folder: Path, how: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(folder), how]
    workflow = {WORKFLOW: str(os.getpid())}
    return subprocess.Popen(
        command, env=os.environ | workflow, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


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


@pytest.fixture
def training(tmp_path: Path) -> subprocess.Popen[str]:
    """A job whose two ranks train."""
    process = job(tmp_path, "train")
    log = tmp_path / "job.log"
    wait_for(lambda: log.exists() and "step 10," in log.read_text())
    assert all(map(is_running, ranks_of(tmp_path)))
    return process


def test_ranks_that_are_asked_to_end_save_a_checkpoint(training: subprocess.Popen[str], tmp_path: Path) -> None:
    training.terminate()
    output, _ = training.communicate(timeout=300)
    assert output.splitlines() == ["error: interrupted by SIGTERM; to go on from here, run again: the same command"]
    assert training.returncode == 1
    assert (tmp_path / "of.checkpoint").is_file()
    assert not any(map(is_running, ranks_of(tmp_path)))


def test_ranks_end_with_a_job_that_is_killed(training: subprocess.Popen[str], tmp_path: Path) -> None:
    training.kill()
    training.communicate(timeout=300)
    wait_for(lambda: not any(map(is_running, ranks_of(tmp_path))))

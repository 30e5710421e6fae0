"""A job does not outlive the workflow that started it, and writes nothing more."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import PROJECT

# Writes its own number and that of a process that it has started, then works on until something ends it.
JOB = """
import multiprocessing, os, sys, time
from pathlib import Path
if sys.argv[2] == "looks":
    del os.pidfd_open
from wsss.runtime.parent import end_with_workflow
end_with_workflow()
child = multiprocessing.get_context("fork").Process(target=time.sleep, args=[1000])
child.start()
Path(sys.argv[1] + ".tmp").write_text(f"{os.getpid()} {child.pid}")
Path(sys.argv[1] + ".tmp").rename(sys.argv[1])
while True:
    time.sleep(1000)
"""
# As snakemake does it: the job is below a shell, and told the number of the workflow.
WORKFLOW = """
import os, subprocess, sys
environment = os.environ | {"WSSS_WORKFLOW_PID": str(os.getpid())}
subprocess.run(["bash", "-c", "$0 -c \\"$1\\" $2 $3; true", sys.executable, *sys.argv[1:]], env=environment)
"""
# Writes a file; the workflow that has started it has ended.
ORPHAN = """
import sys
from pathlib import Path
from wsss.errors import WsssError
from wsss.files import write_as_job, write_text
import wsss.runtime.parent as parent
write_as_job(parent._Above({int(sys.argv[2])}).are_running)
try:
    write_text(Path(sys.argv[1]), "of an orphan")
except WsssError as error:
    print(error)
"""


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_running(number: int) -> bool:
    """Whether a process runs. One that has ended and waits for its parent does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{number}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("way", ["is told", "looks"])
@pytest.mark.parametrize("who", ["the workflow", "the shell"])
def test_a_job_and_its_processes_end_with_what_is_above(tmp_path: Path, way: str, who: str) -> None:
    numbers = tmp_path / "numbers"
    command = [sys.executable, "-c", WORKFLOW, JOB, str(numbers), way.split()[-1]]
    workflow = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(PROJECT)})
    try:
        wait_for(numbers.exists)
        job, child = map(int, numbers.read_text().split())
        status = Path(f"/proc/{job}/status").read_text()
        shell = int(status.split("PPid:")[1].split()[0])
        assert shell != workflow.pid
        if who == "the workflow":
            workflow.kill()
            workflow.wait()
        else:
            os.kill(shell, signal.SIGKILL)
        wait_for(lambda: not is_running(job) and not is_running(child))
    finally:
        workflow.kill()
        workflow.wait()


def test_an_orphan_gives_no_file_its_name(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    file = tmp_path / "weights"
    file.write_text("of the run that came after")
    done = subprocess.run(
        [sys.executable, "-c", ORPHAN, file, str(ended.pid)],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{file} is not written, because the workflow that started this job has ended\n"
    assert file.read_text() == "of the run that came after"
    assert list(tmp_path.iterdir()) == [file]

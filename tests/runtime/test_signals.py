"""Signals to snakemake itself. Those to jobs are in tests/training/test_interrupted.py."""

import subprocess
import sys

from tests.conftest import PROJECT

INTERRUPTED = """
import os, signal, threading
from snakemake.scheduling.job_scheduler import JobScheduler
from wsss.runtime.signals import end_in_a_thread

class Scheduler:
    exit_gracefully = JobScheduler.exit_gracefully

    def __init__(self):
        self._lock, self._open_jobs, self._user_kill = threading.Lock(), threading.Semaphore(0), None

scheduler = Scheduler()
signal.signal(signal.SIGTERM, scheduler.exit_gracefully)
end_in_a_thread(scheduler)
with scheduler._lock:
    os.kill(os.getpid(), signal.SIGTERM)
assert scheduler._open_jobs.acquire(timeout=30)
print(scheduler._user_kill)
"""


def test_sigterm_ends_a_workflow_whose_scheduler_holds_its_lock() -> None:
    """With Snakemake's own handler the workflow waits for itself."""
    command = [sys.executable, "-c", INTERRUPTED]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=120)
    assert ran.stdout == "graceful\n"

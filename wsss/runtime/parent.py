"""A job ends with the workflow that started it, however that ends: nothing may write when a later run has begun."""

import logging
import multiprocessing
import os
import select
import threading
import time

from wsss.files import is_running, write_as_job

logger = logging.getLogger("wsss")
# What the workflow tells its jobs (rules/start.smk): the number of the process that runs snakemake, and the command of
# the user.
WORKFLOW, COMMAND = "WSSS_WORKFLOW_PID", "WSSS_COMMAND"
SECONDS_BETWEEN_LOOKS = 0.5


def end_with_workflow() -> None:
    """End this process and its children as soon as the workflow has ended, or the shell that it started for this job.

    From then on, no file gets its final name any more. Until then, files are written as `wsss.files.write_as_job` says.
    A process that no workflow has started is left alone.
    """
    workflow = os.environ.get(WORKFLOW)
    if workflow is None:
        return
    above = _Above({int(workflow), os.getppid()})
    write_as_job(above.are_running)
    threading.Thread(target=_wait_and_end, args=[above], daemon=True).start()


class _Above:
    """Processes that this one hangs on. Linux tells at once when one ends; elsewhere they are looked at."""

    def __init__(self, numbers: set[int]) -> None:
        self._numbers = numbers
        try:
            # A descriptor stays that of the process, also when its number is given to another one.
            self._descriptors = [os.pidfd_open(number) for number in numbers] if hasattr(os, "pidfd_open") else None
            self._were_running = self._descriptors is not None or all(map(is_running, numbers))
        except ProcessLookupError:
            self._were_running = False

    def are_running(self) -> bool:
        if not self._were_running:
            return False
        if self._descriptors is None:
            return os.getppid() in self._numbers and all(map(is_running, self._numbers))
        return not self._ended(0)

    def wait(self) -> None:
        """Return when one of them has ended."""
        while self.are_running():
            if self._descriptors is None:
                time.sleep(SECONDS_BETWEEN_LOOKS)
            else:
                self._ended(None)

    def _ended(self, milliseconds: int | None) -> bool:
        # Made anew each time, because one object does not serve several threads.
        poll = select.poll()
        for descriptor in self._descriptors or []:
            poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(milliseconds))


def _wait_and_end(above: _Above) -> None:
    above.wait()
    logger.error("the workflow that started this job has ended: the job ends too")
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(1)

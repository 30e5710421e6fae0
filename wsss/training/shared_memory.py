"""Loader processes give their batches over in shared memory, which a container may have little of."""

import logging
import shutil
from pathlib import Path
from typing import NamedTuple

logger = logging.getLogger("wsss")
FOLDER = Path("/dev/shm")
# Batches that each process makes ahead.
AHEAD = 4
# Batches that are on their way to the device, or used by the step.
IN_USE = 2


class Loaders(NamedTuple):
    """Processes that load samples, and the batches that each makes ahead."""

    processes: int
    ahead: int


def loaders_that_fit(processes: int, batch_bytes: int) -> Loaders:
    """Loader processes, and batches ahead, whose batches fit into the shared memory that is free.

    Their number changes no result. Where it must be smaller, the log says why.

    Parameters
    ----------
    processes : int
        The wanted number of processes.
    batch_bytes : int
        The size of a batch.

    Returns
    -------
    Loaders
        At most `processes`, and none if not even three batches fit.
    """
    if not processes or not FOLDER.is_dir():
        return Loaders(processes, AHEAD)
    free = shutil.disk_usage(FOLDER).free
    batches = free // batch_bytes - IN_USE
    if batches >= processes * AHEAD:
        return Loaders(processes, AHEAD)
    fitting = Loaders(max(min(processes, batches), 0), max(batches // processes, 1))
    logger.warning(
        "%s has %.0f MB free, and a batch takes %.0f MB: %d of %d loader processes are used, with %d batches ahead. "
        "Give a container more, such as docker run --shm-size=8g",
        *(FOLDER, free / 1e6, batch_bytes / 1e6, fitting.processes, processes, fitting.ahead),
    )
    return fitting

"""Starts the ranks of a training: torchrun's agent runs the script of the job once for each device.

`run_ranks` is for the job's own process. It trains nothing and waits. Each rank runs the same script again, and there
`member` joins it to the others.
"""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from wsss.errors import WsssError
from wsss.runtime.signals import Interrupted

# torchrun sets these for each rank: the file that its error is written to, and its number.
ERROR_FILE, NUMBER = "TORCHELASTIC_ERROR_FILE", "RANK"
# Seconds that ranks have to end after a signal. SLURM gives 30.
SECONDS_TO_END = 20
# A rank whose peer was killed fails too, at about the same time.
SECONDS_BETWEEN_PEERS = 2


def is_rank() -> bool:
    """Whether this process is one of several ranks."""
    return ERROR_FILE in os.environ


def is_first() -> bool:
    """Whether this process writes the results: it is alone, or it is rank 0."""
    return not is_rank() or os.environ[NUMBER] == "0"


def ranks_here() -> int:
    """The number of ranks on this host that share its cores, this process included."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if is_rank() else 1


def run_ranks(count: int, script: Sequence[str], threads: int) -> None:
    """Run a Python script in `count` processes, one for each device, and wait until all have ended.

    If one fails or is killed, the others are ended too.

    Parameters
    ----------
    count : int
        The number of ranks.
    script : Sequence[str]
        The script with its arguments.
    threads : int
        The number of threads of all ranks together.

    Raises
    ------
    WsssError
        If a rank raised one, or was killed.
    Interrupted
        If this process was asked to end. The ranks have then had time to save a checkpoint.
    RuntimeError
        If a rank failed in another way. It has the traceback of the rank.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # The agent's own lines would stand beside the one that says what happened.
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("torch.distributed.elastic")]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    os.environ["OMP_NUM_THREADS"] = str(max(threads // count, 1))
    with TemporaryDirectory() as folder:
        # Only rank 0 shows its progress.
        specs = DefaultLogsSpecs(folder, redirects=dict.fromkeys(range(1, count), Std.ALL))
        config = LaunchConfig(
            1,
            1,
            count,
            logs_specs=specs,
            run_id="wsss",
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=0,
            shutdown_timeout=SECONDS_TO_END,
        )
        try:
            elastic_launch(config, sys.executable)(*script)
        except ChildFailedError as error:
            raise _told(error.failures, count) from None
        except SignalException as error:
            raise Interrupted(error.sigval.name) from None


@contextmanager
def member() -> Iterator[None]:
    """Be one of the ranks while the block runs. In a process that is no rank, nothing happens."""
    if not is_rank():
        yield
        return
    import torch
    import torch.distributed as dist

    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if gpu else "gloo")
    yield
    dist.destroy_process_group()


def record(error: BaseException) -> None:
    """Give the error of a rank to the process that has started it."""
    from torch.distributed.elastic.multiprocessing.errors import get_error_handler

    get_error_handler().record_exception(error)


def _told(failures: Mapping[int, Any], count: int) -> BaseException:
    """The failure that came first, as an error."""
    number, failure = min(failures.items(), key=lambda item: _order(item[1]))
    if isinstance(failure.message, dict):
        kind, _, text = str(failure.message["message"]).partition(": ")
        if kind in (WsssError.__name__, Interrupted.__name__):
            return WsssError(text) if kind == WsssError.__name__ else Interrupted(text)
        return RuntimeError(f"rank {number} of {count} failed:\n{failure.message['extraInfo']['py_callstack']}")
    how = f"by {failure.signal_name()}" if failure.exitcode < 0 else f"with exit code {failure.exitcode}"
    return WsssError(
        f"rank {number} of {count} ended {how}: if nobody ended it, memory ran out, so lower the batch size; the same "
        "command goes on from the last checkpoint"
    )


def _order(failure: Any) -> tuple[bool, float]:
    """What failed first: not what was asked to end because of another failure, nor what lost its peer."""
    recorded = str(failure.message["message"]) if isinstance(failure.message, dict) else ""
    was_asked = failure.exitcode == -signal.SIGTERM or recorded.startswith(f"{Interrupted.__name__}: ")
    return was_asked, failure.timestamp - SECONDS_BETWEEN_PEERS * (not recorded)

"""Code that all scripts of the workflow share: the log, devices, ranks, records, and errors in one line."""

import atexit
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

# Until `step` begins, Ctrl-C ends a script as SIGTERM does, without a traceback.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
# Scripts import wsss from the project's folder, so it need not be installed in conda environments.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from wsss.errors import WsssError
from wsss.files import sha256_of
from wsss.manifests.rows import is_manifest
from wsss.manifests.single_files import FOLDER, check_file, list_file
from wsss.runtime.device_lock import take_devices
from wsss.runtime.failures import one_line, unexpected
from wsss.runtime.made_by import write_record
from wsss.runtime.parent import COMMAND, end_with_workflow
from wsss.runtime.signals import Interrupted, end_on_signals, ignore_signals
from wsss.stores.journal import allow_continuing
from wsss.training.launch import is_first, is_rank, member, ranks_here, record, run_ranks

logger = logging.getLogger("wsss")
# Python looks through all that was imported once more when it ends. Without that, a job ends half a second earlier.
atexit.register(gc.freeze)


@contextmanager
def step(snakemake: Any) -> Iterator[None]:
    """Log to the rule's log file while the block runs. On a user's error, exit with code 1 and one clear line.

    So it ends also on a signal that asks it to end, after a training has saved its checkpoint. It does not outlive the
    workflow. The block begins when this job has the devices that its rule asks for. They are this process's until it
    ends. Inputs are compared with their sums before the block, and outputs are listed with theirs after it.
    """
    end_with_workflow()
    _log_to(Path(snakemake.log[0]), "w")
    end_on_signals()
    try:
        for file in snakemake.input:
            sum_of(file)
        take_devices(snakemake.resources.get("gpu", 0), snakemake.rule, _tell)
        _allow_continuing(snakemake)
        yield
        _finish(snakemake)
    except Interrupted as interruption:
        _exit_with_error(f"interrupted by {interruption}; to go on from here, run again: {command()}")
    except Exception as error:
        _exit_with_error(_message(error, snakemake.log[0]))


@contextmanager
def training(snakemake: Any) -> Iterator[None]:
    """As `step`, for a training: the block runs in as many processes as the job has devices (docs/several-devices.md).

    With several, this process starts them and does nothing else. Each runs the same script, and there the block runs.
    """
    if is_rank():
        with _rank(snakemake):
            yield
        return
    with step(snakemake):
        if (count := snakemake.resources.get("gpu", 1)) > 1:
            run_ranks(count, sys.argv, snakemake.threads)
            _finish(snakemake)
            sys.exit(0)
        yield


@contextmanager
def _rank(snakemake: Any) -> Iterator[None]:
    """Be one of several processes that train. What goes wrong is told by the process that has started them."""
    end_with_workflow()
    if is_first():
        # Only rank 0 heeds signals. It writes the checkpoint, and needs the others for the step that it is in.
        _log_to(Path(snakemake.log[0]), "a")
        end_on_signals()
    else:
        ignore_signals()
    try:
        with member():
            yield
    except (Exception, Interrupted) as error:
        # The process that started this one sends a signal as soon as another rank fails.
        ignore_signals()
        record(error if isinstance(error, Interrupted) else WsssError(_message(error, snakemake.log[0])))
        sys.exit(1)


def _finish(snakemake: Any) -> None:
    """List the outputs of a job with their sums, and record who has made them."""
    for file in map(Path, snakemake.output):
        if not is_manifest(file) and file.parent.name != FOLDER:
            list_file(file)
    write_record(Path(snakemake.output[0]), snakemake.rule, dict(snakemake.params.items()))


def _allow_continuing(snakemake: Any) -> None:
    """Keep what an interrupted job has finished of a shard if it was the same job."""
    for output in map(Path, snakemake.output):
        if output.parent.parent.name == "shards":
            allow_continuing(output, fingerprint(snakemake))


def command() -> str:
    """The command that the user has given, as the workflow tells it to its jobs (rules/start.smk)."""
    return os.environ.get(COMMAND, "the same command")


def machine(snakemake: Any) -> Any:
    """Resources of a training: loader processes, and a checkpoint for this code, these settings and inputs."""
    from wsss.runtime.device import pick_device
    from wsss.training.loop import Machine

    checkpoint = Path(snakemake.output.weights).with_suffix(".checkpoint")
    # A checkpoint of a GPU is not gone on with on a CPU, since both round in other ways.
    own = f"{fingerprint(snakemake)}\ndevice {pick_device().type}"
    return Machine(loader_processes(snakemake.threads // ranks_here()), checkpoint, own)


def fingerprint(snakemake: Any) -> str:
    """What the results of a job depend on: code and settings, which are in its parameters, and sums of its inputs."""
    inputs = [f"{file} {sum_of(file)}" for file in snakemake.input]
    return "\n".join([*(f"{name} {value}" for name, value in snakemake.params.items()), *inputs])


@cache
def sum_of(file: str) -> str:
    """The SHA-256 of an input. A file of no image is compared with its list.

    A manifest has its own sum, and whoever opens what it lists checks that.
    """
    return sha256_of(Path(file)) if is_manifest(Path(file)) else check_file(Path(file))


def write_code(snakemake: Any) -> None:
    """Write the digest of the code that has trained a network, beside its weights."""
    from wsss.files import write_text

    if is_first():
        write_text(Path(snakemake.output.code), f"{snakemake.params.code}\n")


def loader_processes(threads: int) -> int:
    """The number of loader processes. On few cores it is 0, because the network already uses all cores."""
    return 0 if threads < 4 else min(threads - 1, 8)


def stage_folder(manifest: Any) -> Path:
    """The folder of a stage, from the path of its manifest."""
    from wsss.manifests.listed_files import folder_of

    return folder_of(Path(manifest))


def locations(snakemake: Any) -> Any:
    """Where files are on this machine. They are read from the config, not from params, so that files can be moved."""
    from wsss.settings.locations import LocationSettings

    return LocationSettings.read("locations", snakemake.config.get("locations") or {})


def _log_to(path: Path, mode: str) -> None:
    """Write to a log file from its start ("w"), or go on with it ("a"): several processes of a job may write to it."""
    # A full disk stops what is made. What cannot be logged then needs no traceback.
    logging.raiseExceptions = False
    logger.setLevel(logging.INFO)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open(mode).close()
        handler = logging.FileHandler(path, mode="a")
    except OSError as error:
        _exit_with_error(f"the log {path} cannot be written ({error.strerror}): run the same command when it can")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)


def _tell(line: str) -> None:
    """Write a line to the log and to the terminal."""
    logger.info(line)
    print(line, file=sys.stderr)


def _message(error: Exception, log: str) -> str:
    """The line that tells a user what happened. The traceback of an error that is not known goes to the log."""
    # torch raises another error whenever a loader process ends, also while this one is told.
    ignore_signals()
    message = one_line(error)
    if message is None:
        logger.exception("unexpected error")
        message = unexpected(error, log)
    return message


def _exit_with_error(message: str) -> NoReturn:
    ignore_signals()
    logger.error("error: %s", message)
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)

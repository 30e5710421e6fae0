"""Code that all scripts of the workflow share, such as the log and errors in one line."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Scripts import wsss from the project's folder, so it need not be installed in conda environments.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from wsss.errors import WsssError
from wsss.training.launch import is_first, is_rank, member, ranks_here, record, run_ranks


@contextmanager
def step(snakemake: Any) -> Iterator[None]:
    """Log to the rule's log file while the block runs. On a user's error, exit with code 1 and one clear line."""
    logger = logging.getLogger("wsss")
    Path(snakemake.log[0]).parent.mkdir(parents=True, exist_ok=True)
    Path(snakemake.log[0]).write_text("")
    _log_to(logger, snakemake.log[0])
    try:
        yield
    except Exception as error:
        message = _message(error)
        if message is None:
            logger.exception("unexpected error")
            raise
        logger.error("error: %s", message)
        print(f"error: {message}", file=sys.stderr)
        sys.exit(1)


@contextmanager
def training(snakemake: Any) -> Iterator[None]:
    """As `step`, for a training: the block runs in as many processes as the job has devices (docs/several-devices.md).

    With several, this process starts them and does nothing else. Each runs the same script, and there the block runs.
    """
    if is_rank():
        if is_first():
            _log_to(logging.getLogger("wsss"), snakemake.log[0])
        try:
            with member():
                yield
        except Exception as error:
            message = _message(error)
            record(error if message is None else WsssError(message))
            sys.exit(1)
        return
    with step(snakemake):
        if (count := snakemake.resources.get("gpu", 1)) > 1:
            run_ranks(count, sys.argv, snakemake.threads)
            sys.exit(0)
        yield


def machine(snakemake: Any) -> Any:
    """Resources of a training: loader processes, and a checkpoint for this code, these settings and inputs."""
    from wsss.files import sha256_of
    from wsss.training.loop import Machine

    inputs = [f"{file} {sha256_of(Path(file))}" for file in snakemake.input]
    fingerprint = "\n".join([snakemake.params.code, snakemake.params.settings, *inputs])
    checkpoint = Path(snakemake.output.weights).with_suffix(".checkpoint")
    return Machine(
        workers=loader_processes(snakemake.threads // ranks_here()), checkpoint=checkpoint, fingerprint=fingerprint
    )


def write_code(snakemake: Any) -> None:
    """Write the digest of the code that has trained a network, beside its weights."""
    from wsss.files import write_text

    if is_first():
        write_text(Path(snakemake.output.code), f"{snakemake.params.code}\n")


def loader_processes(threads: int) -> int:
    """The number of loader processes. On few cores it is 0, because the network already uses all cores."""
    return 0 if threads < 4 else min(threads - 1, 8)


def stage_folder(manifest: Any) -> Path:
    """The folder of a stage, from <folder>/<split>.tsv or <folder>/shards/<split>/<shard>.tsv of a shard."""
    path = Path(manifest)
    return path.parents[2] if path.parents[1].name == "shards" else path.parent


def locations(snakemake: Any) -> Any:
    """Where files are on this machine. They are read from the config, not from params, so that files can be moved."""
    from wsss.settings.locations import LocationSettings

    return LocationSettings.read("locations", snakemake.config.get("locations") or {})


def own_lists(places: Any) -> Path | None:
    """The folder of the user's own image lists; None if it is not set."""
    from wsss.data.sources.voc_layout import own_lists_folder

    return own_lists_folder(places.lists, Path(__file__).resolve().parents[1])


def _log_to(logger: logging.Logger, file: str) -> None:
    """Append to a log. Several processes of a job may write to it."""
    logger.setLevel(logging.INFO)
    handler = logging.FileHandler(file, mode="a")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)


def _message(error: Exception) -> str | None:
    """The line that tells a user what happened; None for an error of the code."""
    if isinstance(error, WsssError | MemoryError):
        return str(error) or "out of memory: lower the batch size or run fewer jobs at once"
    if type(error).__name__ == "OutOfMemoryError":
        return f"out of GPU memory: lower this stage's batch or crop, or raise accumulate ({error})"
    return None

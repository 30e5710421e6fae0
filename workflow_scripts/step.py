"""Code that all scripts of the workflow share, such as the log and errors in one line."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

# Scripts import wsss from the project's folder, so it need not be installed in conda environments.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from wsss.errors import WsssError
from wsss.runtime.made_by import write_record


@contextmanager
def step(snakemake: Any) -> Iterator[None]:
    """Log to the rule's log file while the block runs. On a user's error, exit with code 1 and one clear line."""
    logger = logging.getLogger("wsss")
    logger.setLevel(logging.INFO)
    _log_to(logger, Path(snakemake.log[0]))
    try:
        yield
        write_record(Path(snakemake.output[0]), snakemake.rule, dict(snakemake.params.items()))
    except (WsssError, MemoryError) as error:
        _exit_with_error(logger, str(error) or "out of memory: lower the batch size or run fewer jobs at once")
    except RuntimeError as error:
        if type(error).__name__ != "OutOfMemoryError":
            logger.exception("unexpected error")
            raise
        _exit_with_error(logger, f"out of GPU memory: lower this stage's batch or crop, or raise accumulate ({error})")
    except Exception:
        logger.exception("unexpected error")
        raise


def machine(snakemake: Any) -> Any:
    """Resources of a training: loader processes, and a checkpoint for this code, these settings and inputs."""
    from wsss.files import sha256_of
    from wsss.training.loop import Machine

    inputs = [f"{file} {sha256_of(Path(file))}" for file in snakemake.input]
    fingerprint = "\n".join([snakemake.params.code, snakemake.params.settings, *inputs])
    checkpoint = Path(snakemake.output.weights).with_suffix(".checkpoint")
    return Machine(workers=loader_processes(snakemake.threads), checkpoint=checkpoint, fingerprint=fingerprint)


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


def _log_to(logger: logging.Logger, path: Path) -> None:
    # A full disk stops what is made. What cannot be logged then needs no traceback.
    logging.raiseExceptions = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, mode="w")
    except OSError as error:
        _exit_with_error(
            logger, f"the log {path} cannot be written ({error.strerror}): run the same command when it can"
        )
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)


def _exit_with_error(logger: logging.Logger, message: str) -> NoReturn:
    logger.error("error: %s", message)
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)

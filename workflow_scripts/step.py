"""Code that all scripts of the workflow share, such as the log and errors in one line."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Until `step` begins, Ctrl-C ends a script as SIGTERM does, without a traceback.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
# Scripts import wsss from the project's folder, so it need not be installed in conda environments.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from wsss.errors import WsssError
from wsss.files import remove_leftovers, sha256_of
from wsss.runtime.parent import end_with_workflow
from wsss.runtime.signals import Interrupted, end_in_peace, end_on_signals
from wsss.stores.journal import allow_continuing


@contextmanager
def step(snakemake: Any) -> Iterator[None]:
    """Log to the rule's log file while the block runs. On a user's error, exit with code 1 and one clear line.

    So it ends also on a signal that asks it to end, after a training has saved its checkpoint. It does not outlive the
    workflow.
    """
    end_with_workflow()
    logger = logging.getLogger("wsss")
    logger.setLevel(logging.INFO)
    Path(snakemake.log[0]).parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(snakemake.log[0], mode="w")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)
    end_on_signals()
    try:
        _after_an_interruption(snakemake)
        yield
    except Interrupted as asked:
        _exit_with_error(logger, f"interrupted by {asked}; to go on from here, run again: {command()}")
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


def _after_an_interruption(snakemake: Any) -> None:
    """Remove temporary files of an interrupted job, and keep what it has finished of a shard if it was the same job."""
    outputs = [Path(output) for output in snakemake.output]
    remove_leftovers(outputs)
    for output in outputs:
        if output.parent.parent.name == "shards":
            allow_continuing(output, fingerprint(snakemake))


def command() -> str:
    """The command that the user has given, as the workflow tells it to its jobs (rules/common.smk)."""
    return os.environ.get("WSSS_COMMAND", "the same command")


def machine(snakemake: Any) -> Any:
    """Resources of a training: loader processes, and a checkpoint for this code, these settings and inputs."""
    from wsss.training.loop import Machine

    checkpoint = Path(snakemake.output.weights).with_suffix(".checkpoint")
    return Machine(loader_processes(snakemake.threads), checkpoint, fingerprint(snakemake))


def fingerprint(snakemake: Any) -> str:
    """What the results of a job depend on: code and settings, which are in its parameters, and sums of its inputs."""
    inputs = [f"{file} {sha256_of(Path(file))}" for file in snakemake.input]
    return "\n".join([*(f"{name} {value}" for name, value in snakemake.params.items()), *inputs])


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


def _exit_with_error(logger: logging.Logger, message: str) -> None:
    end_in_peace()
    logger.error("error: %s", message)
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)

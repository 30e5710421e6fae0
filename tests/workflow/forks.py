"""Snakemake's command in forks of a process that has imported it. That saves half of a plan's time.

No module of the project is imported here, because a fork imports that of the workflow it runs.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

# What planning a workflow imports, besides the project itself.
IMPORTS = ["snakemake.cli", "snakemake.report.html_reporter", "pandas", "smart_open", "yte", "pydantic", "yaml"]
IMPORTS += ["snakemake.profiles", "snakemake.storage", "argparse_dataclass", "nbformat", "psutil"]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(IMPORTS)


def run_snakemake(
    arguments: list[str], folder: Path, environment: Mapping[str, str], output: Path, python: Path | str
) -> int:
    """Run `snakemake <arguments>` in `folder`, with its output and errors in a file. Returns its exit code.

    `python` is the program that runs scripts of jobs.
    """
    fork = start_snakemake(arguments, folder, environment, output, python)
    fork.join(timeout=600)
    if fork.exitcode is None:
        fork.kill()
        raise TimeoutError(f"snakemake {' '.join(arguments)}: {output.read_text()}")
    return fork.exitcode


def start_snakemake(
    arguments: list[str], folder: Path, environment: Mapping[str, str], output: Path, python: Path | str
) -> multiprocessing.context.ForkServerProcess:
    """Start `snakemake <arguments>` as `run_snakemake` does, without waiting for its end."""
    fork = FORKS.Process(target=_snakemake, args=(arguments, folder, dict(environment), output, str(python)))
    fork.start()
    return fork


def _snakemake(arguments: list[str], folder: Path, environment: dict[str, str], output: Path, python: str) -> None:
    from snakemake.cli import main

    # It is ignored in what a shell has started in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["snakemake", *arguments]
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.executable = python
    with output.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    main(arguments)

"""The command that makes files again, for messages."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

# The options of the command that runs now: its config files, and the folders if it was not started in the project's.
OPTIONS = "WSSS_SNAKEMAKE_OPTIONS"


def making_again(*files: Path) -> str:
    """What makes files again that are damaged. They need not be deleted before.

    Parameters
    ----------
    *files : Path
        Outputs of the workflow, named as it names them.

    Returns
    -------
    str
        The command, as the end of a message. Outside the workflow its config is not known, and `wsss verify` tells it.
    """
    options = os.environ.get(OPTIONS)
    if options is None:
        return "`wsss verify CONFIG`, with the config of the run, tells the command that makes it again"
    return f"`{command(files, options)}` makes it again"


def command(files: Sequence[Path], options: str) -> str:
    """The command that makes files again, and nothing else.

    Parameters
    ----------
    files : Sequence[Path]
        Outputs of the workflow.
    options : str
        Options of snakemake.

    Returns
    -------
    str
        A line for the shell.
    """
    return " ".join(["snakemake", *(shlex.quote(str(file)) for file in files), "--force", options]).strip()


def options_of(configs: Sequence[Path], snakefile: Path, folder: Path) -> str:
    """The options of snakemake for some config files.

    Parameters
    ----------
    configs : Sequence[Path]
        The config files, in their order.
    snakefile : Path
        The project's Snakefile.
    folder : Path
        The folder that holds the results.

    Returns
    -------
    str
        Options for the shell. Places are left out where snakemake, started in `folder`, finds them by itself.
    """
    is_own = snakefile.resolve().parent == folder.resolve()
    shown = [_short(config, folder) if is_own else config.resolve() for config in configs]
    parts = ["--configfile", *shown] if shown else []
    parts += [] if is_own else ["--snakefile", snakefile.resolve(), "--directory", folder.resolve()]
    return " ".join(shlex.quote(str(part)) for part in parts)


def _short(file: Path, folder: Path) -> Path:
    whole = folder / file
    return whole.relative_to(folder) if whole.is_relative_to(folder) else file

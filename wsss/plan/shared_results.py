"""What Snakemake knows of the artifacts is kept in the results themselves, for all clones that share them.

Snakemake writes the parameters of each artifact, and a mark while it is made, into `.snakemake` of the folder where it
runs. A second clone would not see them: it would take artifacts of other code, and unfinished ones.
"""

import os
import shutil
from pathlib import Path

from wsss.errors import WsssError
from wsss.plan.stages import ROOT

STATE = Path(".snakemake")
# Parameters and sums of inputs of each artifact; marks of those that are being made.
SHARED = ("metadata", "incomplete")


def share_provenance(results: Path = Path(ROOT)) -> None:
    """Let Snakemake keep what it knows of artifacts in `results/.snakemake`. What it knows already is moved there.

    Where there are no results yet, nothing is done.

    Raises
    ------
    WsssError
        If this folder cannot be written, or the folder of the results is a link to a place that is not there.
    """
    if results.is_symlink() and not results.exists():
        raise WsssError(f"{results} leads to {results.readlink()}, which is not there: mount its disk, or make it")
    _refuse_unwritable(STATE if STATE.exists() else Path())
    for name in SHARED if results.is_dir() else ():
        shared, link = results / STATE.name / name, STATE / name
        target = os.path.relpath(shared, STATE)
        if link.is_symlink() and os.readlink(link) == target and shared.is_dir():  # noqa: PTH115 (as it was written)
            continue
        try:
            shared.mkdir(parents=True, exist_ok=True)
        except OSError:
            # Results that cannot be written, from before they held this folder: what this clone knows stays with it.
            continue
        _move(link, shared)
        STATE.mkdir(exist_ok=True)
        link.symlink_to(target)


def _refuse_unwritable(folder: Path) -> None:
    if not os.access(folder, os.W_OK):
        raise WsssError(
            f"{folder.absolute()} cannot be written, and Snakemake keeps its state there: make a folder that can be "
            "written, let `results` in it be a link to these results, and run snakemake --snakefile there"
        )


def _move(old: Path, shared: Path) -> None:
    """Move a folder's files into another one. What is there already is newer, and stays."""
    if old.is_symlink():
        old.unlink()
    elif old.is_dir():
        for file in [path for path in old.rglob("*") if path.is_file()]:
            target = shared / file.relative_to(old)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(file, target)
        shutil.rmtree(old)

"""Where the stages of a finished run lie, from the table artifacts.tsv on its page."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from wsss.errors import WsssError
from wsss.manifests.single_files import content_of

ARTIFACTS = "artifacts.tsv"
COLUMNS = ("stage", "path", "settings")


def read_artifacts(run: Path) -> dict[str, Mapping[str, str]]:
    """The rows of a run's table by stage: its path, which begins with the folder of the results, and its settings.

    Raises WsssError if the table is missing or damaged.
    """
    path = run / ARTIFACTS
    way_out = "run `snakemake` with the run's config again"
    try:
        text = content_of(path).decode()
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE))
    except (ValueError, csv.Error) as error:
        raise WsssError(f"{path} cannot be read ({error}): {way_out}") from None
    for number, row in enumerate(rows, 2):
        whole = tuple(row) == COLUMNS and None not in row.values()
        if not whole or ".." in PurePosixPath(row["path"]).parts or PurePosixPath(row["path"]).is_absolute():
            raise WsssError(f"{path}, line {number} is damaged: {way_out}")
    return {row["stage"]: row for row in rows}


def stage_folder(run: str | Path, stage: str) -> Path:
    """The folder of a stage's artifacts.

    Parameters
    ----------
    run : str or Path
        The folder of the run, such as results/runs/default.
    stage : str
        The stage, such as `data` or `cams`.

    Returns
    -------
    Path
        The folder, beside results/runs. It is found from any working directory, also if the results were moved.

    Raises
    ------
    WsssError
        If the run has no artifacts.tsv, it cannot be read, it lacks the stage, or the folder is gone.
    """
    return listed_folder(Path(run), read_artifacts(Path(run)), stage)


def listed_folder(run: Path, rows: Mapping[str, Mapping[str, str]], stage: str) -> Path:
    """As `stage_folder`, of a run whose table has been read."""
    if stage not in rows:
        raise WsssError(f"the run {run} has no stage {stage!r}; it has {', '.join(rows) or 'none'}")
    path = PurePosixPath(rows[stage]["path"])
    # The listed paths begin with the name that the folder of results had in the workflow.
    folder = run.absolute().parents[1].joinpath(*path.parts[1:])
    if not folder.is_dir():
        raise WsssError(f"{run / ARTIFACTS} names {path}, and {folder} is not there: run the workflow again")
    return folder

"""Where a prepared dataset lies that a user names by its folder or by a finished run."""

import csv
from pathlib import Path, PurePosixPath

from wsss.errors import WsssError

ARTIFACTS = "artifacts.tsv"
# One of these is in every prepared dataset, a damaged one included.
OWN_FILES = ("images.tsv", "dataset.json", "lists")
COLUMNS = ["stage", "path", "settings"]


def prepared_folder(place: Path) -> Path:
    """The prepared dataset at a place: the folder itself, or that of the run whose folder it is."""
    if (place / ARTIFACTS).is_file():
        return stage_folder(place, "data")
    if not place.is_dir():
        raise WsssError(f"no folder {place}: name results/data-<name>-<hash>, or a finished run's results/runs/<run>")
    if not any((place / name).exists() for name in OWN_FILES):
        raise WsssError(
            f"{place} is neither a prepared dataset nor a finished run: name results/data-<name>-<hash>, or "
            f"results/runs/<run> with its {ARTIFACTS}"
        )
    return place


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
        The folder, beside results/runs. It is found from any working directory.

    Raises
    ------
    WsssError
        If the run has no artifacts.tsv, it cannot be read, it lacks the stage, or the folder is gone.
    """
    listed = Path(run) / ARTIFACTS
    try:
        with listed.open(newline="") as file:
            header, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        paths = {name: PurePosixPath(path) for name, path, _ in rows}
    except (OSError, ValueError, csv.Error) as error:
        raise WsssError(f"{listed} cannot be read ({error}): `snakemake` with the run's config makes it") from None
    if header != COLUMNS:
        raise WsssError(f"{listed} has another header than {' '.join(COLUMNS)}: delete it and run the workflow again")
    if stage not in paths:
        raise WsssError(f"the run {run} has no stage {stage!r}; it has {', '.join(paths) or 'none'}")
    # The listed paths begin with the name that the folder of results had in the workflow.
    folder = Path(run).absolute().parents[1].joinpath(*paths[stage].parts[1:])
    if not folder.is_dir():
        raise WsssError(f"{listed} names {paths[stage]}, and {folder} is not there: run the workflow again")
    return folder

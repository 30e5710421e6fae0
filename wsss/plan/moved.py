"""Datasets that have been moved: their artifacts stay, and photographs are read from the new folder.

A dataset whose disk is away stays as it is. So does one that another clone has prepared from its own folder, as long as
that folder is there: its jobs may be reading from it.
"""

from collections.abc import Iterator
from pathlib import Path

from wsss.data.index import INDEX_COLUMNS
from wsss.errors import WsssError
from wsss.files import replace_link, sha256_of
from wsss.plan.away import is_away
from wsss.plan.plan import Plan
from wsss.plan.stages import ROOT, STAGES
from wsss.runtime.made_by import is_of_another

# Number of photographs that are compared to check that a folder contains the dataset.
LOOKED_AT = 8


def follow_moved_datasets(plan: Plan) -> None:
    """Link every dataset that was prepared from a folder to the folder that the config names now.

    Raises
    ------
    WsssError
        If the new folder contains other photographs than those that were prepared.
    """
    for name, folder in plan.dataset_folders().items():
        root = Path(ROOT) / name
        link = root / "dataset"
        if link.is_symlink() and not is_away(folder) and link.resolve() != folder.resolve():
            index = root / STAGES["data"].file
            _check_photographs(index, folder)
            if is_away(link) or not is_of_another(index):
                _lead(link, folder.resolve())


def _lead(link: Path, folder: Path) -> None:
    try:
        replace_link(link, folder)
    except OSError as error:
        raise WsssError(
            f"{link} leads to {link.readlink()} and cannot be changed ({error.strerror}): put the dataset there, or "
            "let the results be written"
        ) from None


def _check_photographs(index: Path, folder: Path) -> None:
    for name, digest in _first_photographs(index):
        file = folder / name
        if not file.is_file() or sha256_of(file) != digest:
            raise WsssError(
                f"{file} is not the photograph that {index} was made from: correct locations.dataset, or give this "
                "dataset a data.name of its own"
            )


def _first_photographs(index: Path) -> Iterator[tuple[str, str]]:
    """Paths below the dataset's folder and sums of the first photographs of an index."""
    if not index.is_file():
        return
    with index.open() as lines:
        for _, line in zip(range(LOOKED_AT + 1), lines, strict=False):
            cells = dict(zip(INDEX_COLUMNS, line.rstrip("\n").split("\t"), strict=False))
            if cells["file"] != "file":
                yield cells["file"].removeprefix("dataset/"), cells["sha256"]

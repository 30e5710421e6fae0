"""Files that users have for images of a dataset, matched by name."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from wsss.data.index import IndexRow
from wsss.data.sources.photograph_files import look_into
from wsss.data.sources.photograph_names import PhotographNames, without_ending
from wsss.errors import WsssError


def files_of_images(index: Mapping[str, IndexRow], folder: Path, ending: str) -> dict[str, Path | WsssError]:
    """The file of each image, found by name in a folder and in all folders below.

    A file has the image's id as its name, or else the path or the name of the photograph, with or without the
    photograph's own ending: `a/cow.png`, `cow.png` or `cow.jpg.png` for `a/cow.jpg`. All images of a dataset are
    matched together, so that no file is taken for two of them.

    Parameters
    ----------
    index : Mapping[str, IndexRow]
        The images of the dataset by their ids.
    folder : Path
        An existing folder.
    ending : str
        The files' ending in small letters, with the dot.

    Returns
    -------
    dict[str, Path | WsssError]
        For each id, the file, or why there is none: it is missing, several fit the image, or it fits several images.

    Raises
    ------
    WsssError
        If the folder cannot be read.
    """
    names = PhotographNames(folder, look_into(folder, endings=(ending,)).photographs)
    candidates = {image_id: _candidates(row, names) for image_id, row in index.items()}
    owners: dict[str, list[str]] = {}
    for image_id, files in candidates.items():
        owners.setdefault(files[0] if files else "", []).append(image_id)
    found: dict[str, Path | WsssError] = {}
    for image_id, files in candidates.items():
        others = [index[one].file for one in owners[files[0]] if one != image_id] if files else []
        why = _why_none(index[image_id], files, others, folder, ending)
        found[image_id] = WsssError(why) if why else folder / files[0]
    return found


def _why_none(row: IndexRow, files: list[str], others: list[str], folder: Path, ending: str) -> str:
    """Why no file is the image's; empty if one is. `others` are other photographs that the file fits."""
    if not files:
        return f"{folder / row.id}{ending} is missing, and no other name there fits the photograph {row.file}"
    if len(files) > 1:
        return f"{folder / files[0]} and {folder / files[1]} may both be of the photograph {row.file}: keep one of them"
    if others:
        return f"{folder / files[0]} may be of {row.file} and of {others[0]}: name files by ids: {row.id}{ending}"
    return ""


def _candidates(row: IndexRow, names: PhotographNames) -> list[str]:
    """The files that fit an image by the first name that fits any."""
    return next((list(found) for name in _names_of(row) if (found := names.candidates(name))), [])


def _names_of(row: IndexRow) -> Iterator[str]:
    """Names that a file of an image may have without its ending: the id, then the photograph's, longest path first."""
    yield row.id
    path = row.file
    while path:
        yield path
        yield without_ending(path)
        path = path.partition("/")[2]

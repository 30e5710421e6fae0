"""The photographs that a user names: files, folders and patterns."""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from wsss.data.sources.own_files import refuse
from wsss.data.sources.photograph_files import ENDINGS, look_into
from wsss.errors import WsssError


def chosen_photographs(named: Sequence[str], without: Path) -> tuple[list[Path], list[str]]:
    """The photographs at some places.

    Parameters
    ----------
    named : Sequence[str]
        Files, folders (with all folders below) and patterns such as `photographs/**/*.jpg`.
    without : Path
        A folder that is passed over: the one that is written.

    Returns
    -------
    tuple[list[Path], list[str]]
        Absolute paths without doubles, and a sentence for each kind of file that is not read.

    Raises
    ------
    WsssError
        If nothing is at a place, or a folder cannot be read.
    """
    notes: list[str] = []
    found = (path for name in named for path in _at(name, without, notes))
    # Two names may lead to the same photograph.
    # The parts `..` go, so that masks get no such names. Links stay, because people see their names.
    paths = {path.resolve(): Path(os.path.normpath(path.absolute())) for path in found}
    refuse(
        f"the name {str(path)!r} holds a control character or is no UTF-8: rename it"
        for path in paths.values()
        if not str(path).isprintable()
    )
    return list(paths.values()), notes


def _at(name: str, without: Path, notes: list[str]) -> Iterator[Path]:
    place = Path(name)
    if place.is_file():
        yield place
    elif place.is_dir():
        yield from _in_folder(place, without, notes)
    else:
        paths = [Path(path) for path in sorted(glob.glob(name, recursive=True))]  # noqa: PTH207 (a pattern may be absolute)
        images = [path for path in paths if path.is_file() and _is_photograph(path) and not _is_below(path, without)]
        if not images:
            what = f"{len(paths)} files there are no photographs" if paths else "there is nothing"
            raise WsssError(f"no photograph at {name}: {what}; name files that end in {', '.join(ENDINGS)}")
        yield from images


def _in_folder(folder: Path, without: Path, notes: list[str]) -> Iterator[Path]:
    if folder.resolve() == without.resolve():
        raise WsssError(f"{folder} is both the folder of photographs and that of the masks: name another one with -o")
    own = [str(without.resolve().relative_to(folder.resolve()))] if _is_below(without, folder) else []
    content = look_into(folder, own)
    unread = ", ".join(f"{count} {ending}" for ending, count in sorted(content.unread.items()))
    if unread:
        notes.append(f"{folder}: not read: {unread} (save them as JPEG or PNG)")
    if not content.photographs:
        raise WsssError(f"no photograph in {folder}: {unread or 'no file'} there ends in {', '.join(ENDINGS)}")
    yield from (folder / path for path in content.photographs)


def _is_photograph(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS


def _is_below(path: Path, folder: Path) -> bool:
    """Whether a path is a folder or below it, with links followed."""
    return path.resolve().is_relative_to(folder.resolve())

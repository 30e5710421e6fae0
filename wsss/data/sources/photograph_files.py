"""The photographs in a folder: where they are, and what else is there."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from wsss.data.sources.own_files import refuse
from wsss.errors import WsssError

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp")
# Photographs in formats that are not read.
UNREAD_ENDINGS = (".heic", ".heif", ".avif", ".gif", ".jp2", ".jxl", ".cr2", ".cr3", ".nef", ".arw", ".dng")
# Folders that operating systems put beside photographs. Names that begin with a dot are hidden.
DEBRIS = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information")


@dataclass(frozen=True)
class FolderContent:
    """What is in a folder.

    Parameters
    ----------
    photographs : Sequence[str]
        Paths of the photographs below the folder, sorted, with `/` between folders.
    others : Counter[str]
        How many other files there are, by their ending in small letters.
    """

    photographs: Sequence[str]
    others: Counter[str] = field(default_factory=Counter)

    @property
    def unread(self) -> Counter[str]:
        """How many photographs there are in formats that are not read, by their ending."""
        return Counter({ending: self.others[ending] for ending in UNREAD_ENDINGS if self.others[ending]})


def look_into(folder: Path, without: Sequence[str] = (), endings: Sequence[str] = ENDINGS) -> FolderContent:
    """Look for photographs in a folder and in all folders below.

    Hidden files and what operating systems leave there are passed over. Links to folders are followed, each folder is
    looked into once.

    Parameters
    ----------
    folder : Path
        The folder.
    without : Sequence[str]
        Folders below it that are passed over, such as that of the masks.
    endings : Sequence[str]
        Endings of photographs in small letters.

    Returns
    -------
    FolderContent
        What was found.

    Raises
    ------
    WsssError
        If the folder is missing or cannot be read, or a name cannot be written into a table.
    """
    if not folder.is_dir():
        raise WsssError(f"no folder of photographs at {folder}: set locations.dataset in the config")
    names = {PurePosixPath(name) for name in without}
    files = [str(path) for path in _files(folder, names)]
    photographs = sorted(path for path in files if PurePosixPath(path).suffix.lower() in endings)
    refuse(
        f"{folder}: the name of the photograph {path!r} holds a control character or is no UTF-8: rename it"
        for path in photographs
        if not _is_writable(path)
    )
    others = Counter(PurePosixPath(path).suffix.lower() for path in files)
    return FolderContent(photographs, others - Counter({ending: others[ending] for ending in endings}))


def _is_writable(path: str) -> bool:
    # What is not UTF-8 comes as single surrogates. They are not printable.
    return all(one.isprintable() or one.isspace() for one in path) and not set(path) & set("\t\r\n\v\f\x85\u2028\u2029")


def _files(folder: Path, without: set[PurePosixPath]) -> Iterator[PurePosixPath]:
    """Paths of all files below a folder. Links to folders come last, so that a folder is found under its own name."""
    waiting, links = [PurePosixPath()], list[PurePosixPath]()
    seen: set[tuple[int, int]] = set()
    while waiting or links:
        place = waiting.pop() if waiting else links.pop(0)
        status = (folder / place).stat()
        if place in without or (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        for entry in _entries(folder / place):
            if _leads_to(entry, entry.is_dir):
                (links if entry.is_symlink() else waiting).append(place / entry.name)
            elif _leads_to(entry, entry.is_file):
                yield place / entry.name


def _leads_to(entry: os.DirEntry[str], asked: Callable[[], bool]) -> bool:
    """What an entry says it is, after links. A link that leads nowhere, or to itself, is nothing."""
    try:
        return asked()
    except OSError:
        if entry.is_symlink():
            return False
        raise


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, sorted, without hidden files and debris."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".") and entry.name not in DEBRIS]
    except OSError as error:
        raise WsssError(f"the folder {folder} cannot be read ({error.strerror}): change its permissions") from None
    return sorted(found, key=lambda entry: entry.name)

"""What a folder of masks holds already, so that interrupted work goes on where it was.

The journal has a line for each finished photograph. A line is written after the files of the photograph are complete.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wsss.errors import WsssError
from wsss.stores.journal import add_to_journal, begin_journal, read_journal

JOURNAL = ".segmented.jsonl"
ENTRIES = {"photograph", "of", "files", "shares"}


class Journal:
    """The journal of a folder of masks.

    Parameters
    ----------
    folder : Path
        The folder.
    maker : Mapping[str, Any]
        What the masks depend on besides the photographs.

    Raises
    ------
    WsssError
        If the folder holds masks that were made in another way, or by something else.
    """

    def __init__(self, folder: Path, maker: Mapping[str, Any]) -> None:
        self._folder, self._path, self._maker = folder, folder / JOURNAL, dict(maker)
        head, rows = read_journal(self._path)
        if head is None and (folder / "labels").exists():
            raise WsssError(
                f"{folder} holds label images that `wsss segment` has not made: name another folder with -o"
            )
        if head is not None and head != self._maker:
            raise WsssError(
                f"{folder} holds masks of another model or with another choice of --crf or --full-size: name another "
                "folder with -o, or remove it"
            )
        self._rows = {row["photograph"]: row for row in rows if isinstance(row, dict) and row.keys() >= ENTRIES}

    def begin(self) -> None:
        """Write the journal as it was read. A line that was cut off by an interruption goes."""
        begin_journal(self._path, self._maker, self._rows.values())

    def shares(self, photograph: Path, files: Sequence[str]) -> dict[str, float] | None:
        """The shares of the classes in a photograph's masks; None if one of `files` must be made (again)."""
        row = self._rows.get(str(photograph))
        if row is None or row["of"] != _state(photograph):
            return None
        if any(file not in row["files"] or row["files"][file] != _size(self._folder / file) for file in files):
            return None
        shares: dict[str, float] = row["shares"]
        return shares

    def add(self, photograph: Path, state: Sequence[int], files: Sequence[str], shares: Mapping[str, float]) -> None:
        """Note that the files of a photograph are complete. `state` is that of the photograph before it was read."""
        sizes = {file: _size(self._folder / file) for file in files}
        row = {"photograph": str(photograph), "of": list(state), "files": sizes, "shares": dict(shares)}
        self._rows[str(photograph)] = row
        add_to_journal(self._path, row)


def state_of(photograph: Path) -> list[int]:
    """Size and time of change of a photograph. They tell whether it was replaced."""
    return _state(photograph) or []


def _state(photograph: Path) -> list[int] | None:
    try:
        status = photograph.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None

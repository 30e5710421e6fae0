"""What a folder of masks holds already, so that interrupted work goes on where it was.

The journal has a line for each finished photograph. A line is written after the files of the photograph are complete.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wsss.errors import WsssError
from wsss.files import write_text

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
        head, *rows = self._lines()
        if head is None and (folder / "labels").exists():
            raise WsssError(
                f"{folder} holds label images that `wsss segment` has not made: name another folder with -o"
            )
        if head is not None and head != self._maker:
            raise WsssError(
                f"{folder} holds masks of another model or with another choice of --crf or --full-size: name another "
                "folder with -o, or remove it"
            )
        self._rows = {row["photograph"]: row for row in rows if row is not None and row.keys() >= ENTRIES}

    def begin(self) -> None:
        """Write the journal as it was read. A line that was cut off by an interruption goes."""
        lines = [self._maker, *self._rows.values()]
        write_text(self._path, "".join(f"{json.dumps(one)}\n" for one in lines))

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
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def _lines(self) -> list[dict[str, Any] | None]:
        """The lines of the journal, first that of the maker. None for a line that is damaged or not there."""
        try:
            lines = self._path.read_text(errors="replace").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return [None]
        return [_read(line) for line in lines] or [None]


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


def _read(line: str) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None

"""Lists of finished work in files, so that interrupted work goes on where it was.

A journal has a line of JSON that says what the work is, and then a line for each piece that is finished.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wsss.files import write_text


def read_journal(path: Path) -> tuple[Any, list[Any]]:
    """The first line of a journal and the others.

    Parameters
    ----------
    path : Path
        The journal.

    Returns
    -------
    tuple[Any, list[Any]]
        The first line is None if it is damaged or there is no journal. Other lines that are damaged are left out: an
        interruption may have cut one off.
    """
    try:
        lines = path.read_text(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None, []
    head, *rows = [_read(line) for line in lines] or [None]
    return head, [row for row in rows if row is not None]


def begin_journal(path: Path, head: Any, rows: Iterable[Any] = ()) -> None:
    """Write a journal with its first line and the lines that it has from before."""
    write_text(path, "".join(f"{json.dumps(one)}\n" for one in (head, *rows)))


def add_to_journal(path: Path, row: Any) -> None:
    """Add a line to a journal. Its piece of work must be finished."""
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def allow_continuing(manifest: Path, fingerprint: str) -> None:
    """Let the writer of a shard (`wsss.stores.shards`) keep what an interrupted job has finished.

    Parameters
    ----------
    manifest : Path
        The manifest of the shard.
    fingerprint : str
        Identifies the code, settings and inputs of the job. What was finished from others is not kept.
    """
    journal = journal_of(manifest)
    digest = hashlib.sha256(fingerprint.encode()).hexdigest()
    head, rows = read_journal(journal)
    begin_journal(journal, digest, rows if head == digest else ())


def journal_of(manifest: Path) -> Path:
    """The journal of a shard, which is there until its manifest is written."""
    return manifest.with_name(f".{manifest.name}.journal")


def _read(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None

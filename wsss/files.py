"""Writing the files of a step: each file is written completely or not at all."""

import csv
import errno
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from wsss.errors import WsssError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`. The file gets its final name only when the block succeeds.

    Raises WsssError when the disk is full. An old file at `path` then stays as it is.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with full_disk_as_wsss_error(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _Writing.remove_leftovers(path)
            yield temporary
            if not _Writing.is_wanted():
                raise WsssError(f"{path} is not written, because the workflow that started this job has ended")
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class _Writing:
    """How this process and its forks write files."""

    # Whether files still get their final names.
    is_wanted: Callable[[], bool] = staticmethod(lambda: True)
    # In a job, the temporary files that were in a folder when it first wrote there, by the names of their files.
    found: dict[Path, dict[str, list[Path]]] | None = None

    @classmethod
    def remove_leftovers(cls, path: Path) -> None:
        if cls.found is None:
            return
        if path.parent not in cls.found:
            cls.found[path.parent] = _temporary_files(path.parent)
        for file in cls.found[path.parent].get(path.name, []):
            # Several shards write what their labels mean, which is the same file for all.
            if not is_running(int(file.name.rsplit(".", 2)[1])):
                file.unlink(missing_ok=True)


def write_as_job(is_wanted: Callable[[], bool]) -> None:
    """Let `atomic_path` do what a job of a workflow needs, in this process and its forks.

    Nobody else writes the files of a job. So what killed jobs have left of a file is removed when it is written. And
    it is asked whether the job is still wanted before a file gets its final name. If not, WsssError is raised.
    """
    _Writing.is_wanted, _Writing.found = staticmethod(is_wanted), {}


def remove_leftovers(path: Path) -> None:
    """Remove temporary files of `path` that `atomic_path` left because its process was killed."""
    for leftover in _temporary_files(path.parent).get(path.name, []):
        leftover.unlink(missing_ok=True)


def _temporary_files(folder: Path) -> dict[str, list[Path]]:
    """The temporary files of `atomic_path` in a folder, by the names of the files that they were for."""
    found: dict[str, list[Path]] = {}
    for file in folder.glob(".*.*.tmp"):
        name, number, _ = file.name[1:].rsplit(".", 2)
        if number.isdecimal():
            found.setdefault(name, []).append(file)
    return found


def is_running(number: int) -> bool:
    """Whether a process of this number runs on this host."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def full_disk_as_wsss_error(path: Path) -> Iterator[None]:
    """Raise WsssError that names `path` if the disk or the user's quota is full."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WsssError(
                f"no space left while writing {path}: free some space and run the same command again"
            ) from None
        raise


def remove_tree(folder: Path) -> None:
    """Remove a folder with its content. Of a link to a folder, only the link is removed."""
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def replace_link(link: Path, target: str | Path) -> None:
    """Make `link` lead to `target`, in one step. Raises OSError if something else than a link has this name."""
    temporary = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    try:
        temporary.symlink_to(target)
        temporary.replace(link)
    finally:
        temporary.unlink(missing_ok=True)


def link_file(file: Path, link: Path) -> None:
    """Give a file a second name: a hard link, or a symbolic one across file systems or for another user's file."""
    try:
        link.hardlink_to(file.resolve())
    except OSError:
        link.symlink_to(file.resolve())


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, completely or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` as UTF-8 to `path`, completely or not at all."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON to `path`, completely or not at all. Raises ValueError for NaN and infinity."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def write_items(file: TextIO, items: Iterable[Any]) -> None:
    """Write `items` to an open file as a JSON list, one at a time, each on a line."""
    file.write("[")
    for number, item in enumerate(items):
        file.write(("," if number else "") + "\n" + json.dumps(item, ensure_ascii=False))
    file.write("\n]")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], first: Sequence[str] = ()) -> None:
    """Write `rows` as CSV to `path`, completely or not at all. A row without some column is empty there.

    The columns `first` come first, and are there without rows too.
    """
    text = io.StringIO(newline="")
    columns = list(dict.fromkeys([*first, *(name for row in rows for name in row)]))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

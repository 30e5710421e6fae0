"""The digest of a user's files, from their content. Sums that are already known are not computed anew.

Planning imports this module, so it imports nothing large.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from wsss.errors import WsssError
from wsss.files import sha256_of, write_text
from wsss.progress import track

# A file that was changed so shortly before could change again with the same time.
SECONDS_UNSURE = 2
MOST_READERS = 8
Sums = dict[str, list[Any]]


def digest_of_place(place: Path, ending: str, memory: Path) -> str:
    """A digest of the files below a folder, of their paths there and of their content; or of a single file.

    It does not depend on where they are, nor on the times of its files. A sum is taken from `memory` if the file's
    size and times are those of when it was computed; so the first call reads all files, and later ones read none.

    Parameters
    ----------
    place : Path
        The folder, or the file. If nothing is there, it counts as empty.
    ending : str
        How the names of a folder's files end. Hidden files and folders do not count.
    memory : Path
        A file for the sums, which this function writes. It may be deleted. One file serves one place
        and ending.

    Returns
    -------
    str
        Twelve hex digits; empty if there is no such file.

    Raises
    ------
    WsssError
        If a file cannot be read.
    """
    states = {"": _state(place)} if place.is_file() else _states(place, ending)
    if not states:
        return ""
    known = _read(memory)
    sums = {name: row[-1] for name, row in known.items() if row[:-1] == states.get(name)}
    new = [name for name in states if name not in sums]
    if new:
        began = time.time_ns()
        with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_READERS)) as pool:
            found = pool.map(lambda name: _sum(place / name), new)
            sums |= zip(new, track(found, len(new), f"reading {place}", "file"), strict=True)
        sure = {name: [*state, sums[name]] for name, state in states.items() if _is_sure(state, began)}
        # Without the memory, the next call takes longer. That is all.
        with suppress(OSError, WsssError):
            write_text(memory, json.dumps(sure))
    text = "".join(f"{name}\0{sums[name]}\n" for name in states)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:12]


def _states(folder: Path, ending: str) -> dict[str, list[int]]:
    """Size and times of each file, by its path below the folder, in the order of the paths."""
    found = {}
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            if name.endswith(ending) and not name.startswith(".") and path.is_file():
                found[path.relative_to(folder).as_posix()] = _state(path)
    return dict(sorted(found.items()))


def _state(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _sum(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise WsssError(f"{path} cannot be read: {error.strerror}") from None


def _read(memory: Path) -> Sums:
    """Size, times and sum of each file that is remembered; nothing if the memory is missing or damaged."""
    with suppress(OSError, ValueError):
        found = json.loads(memory.read_text())
        if isinstance(found, Mapping) and all(isinstance(row, list) and len(row) == 4 for row in found.values()):
            return dict(found)
    return {}


def _is_sure(state: list[int], now: int) -> bool:
    """Whether a file was last changed long enough ago, by each of its times."""
    return max(state[1:]) < now - SECONDS_UNSURE * 10**9

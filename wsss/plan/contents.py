"""The content of files that a user brings in place of a stage, as a digest.

Reading gigabytes at every start of Snakemake would take long. So the sum of each file is kept, with the size and the
time of the file that it is of.
"""

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from wsss.files import sha256_of, write_json
from wsss.plan.provenance import short_hash
from wsss.plan.stages import ROOT
from wsss.progress import track

# The folder of the kept sums, below the folder of the results.
SUMS = ".sums"
READERS = 4


@cache
def content_of_place(place: Path) -> str:
    """A digest of the content of a file, or of the names and the contents of all files in a folder.

    Files and folders whose name starts with a dot do not count, nor does the place itself.

    Parameters
    ----------
    place : Path
        The file or the folder.

    Returns
    -------
    str
        Twelve hex digits; empty if nothing is there.
    """
    states = dict(_states(place))
    if not states:
        return ""
    kept = Path(ROOT) / SUMS / f"{short_hash(str(place.absolute()), 12)}.json"
    sums = {name: own for name, own in _read(kept).items() if states.get(name) == own[:2]}
    missing = [name for name in states if name not in sums]
    with ThreadPoolExecutor(READERS) as pool:
        found = track(pool.map(lambda name: sha256_of(place / name), missing), len(missing), f"sums of {place}", "file")
        sums |= {name: [*states[name], digest] for name, digest in zip(missing, found, strict=True)}
    if missing:
        write_json(kept, sums)
    return short_hash(json.dumps([[name, sums[name][2]] for name in sorted(states)]), 12)


def _states(place: Path) -> Iterator[tuple[str, list[int]]]:
    """Size and time of each file by its path below `place`; of a file, by an empty path."""
    if place.is_file():
        yield "", _state(place)
    for folder, folders, files in os.walk(place, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(folder) / name
            if not name.startswith(".") and path.is_file():
                yield str(path.relative_to(place)), _state(path)


def _state(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


def _read(kept: Path) -> Mapping[str, list[int | str]]:
    """The sums that were kept; none if there are none, or the file is damaged."""
    try:
        content = json.loads(kept.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

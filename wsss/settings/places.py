"""Relative places of a config count from the folder of the file that sets them, wherever snakemake is started."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wsss.errors import WsssError

BLOCK = "locations"


class ConfigFile(NamedTuple):
    """What a file of a config says."""

    # The folder that the file is in.
    folder: Path
    # Its content.
    values: Mapping[str, Any]


def place_locations(
    locations: Any, files: Sequence[ConfigFile], on_command_line: Mapping[str, Any] | None = None
) -> Any:
    """The block `locations` with each relative place counted from the folder of the file that sets it.

    Parameters
    ----------
    locations : Any
        The block as the merged config has it. What is not of its form stays as it is.
    files : Sequence[ConfigFile]
        The files of the config. Where several set a place, the last one counts.
    on_command_line : Mapping[str, Any] or None
        What `--config` sets. Its places count from the working directory, and are not changed.

    Returns
    -------
    Any
        The block with absolute places.

    Raises
    ------
    WsssError
        If a place is missing there, and the working directory has one of that name.
    """
    if not isinstance(locations, Mapping):
        return locations
    placed = {key: dict(value) if isinstance(value, Mapping) else value for key, value in locations.items()}
    for keys, value in _places(locations):
        folder = _folder_of(keys, files, on_command_line or {})
        if folder is not None and not os.path.isabs(os.path.expanduser(value)):  # noqa: PTH111, PTH117
            block = placed if len(keys) == 1 else placed[keys[0]]
            block[keys[-1]] = str(_place(".".join((BLOCK, *keys)), value, folder))
    return placed


def _places(locations: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Keys and value of each place: `dataset` has one, `cams` has one for each name."""
    for key, value in locations.items():
        named = {(key, name): place for name, place in value.items()} if isinstance(value, Mapping) else {(key,): value}
        yield from ((keys, place) for keys, place in named.items() if isinstance(place, str) and place)


def _folder_of(keys: Sequence[str], files: Sequence[ConfigFile], on_command_line: Mapping[str, Any]) -> Path | None:
    """The folder of the file that sets a place; None if it counts from the working directory."""
    if _sets((BLOCK, *keys), on_command_line):
        return None
    return next((file.folder for file in reversed(files) if _sets((BLOCK, *keys), file.values)), None)


def _sets(keys: Sequence[str], values: Any) -> bool:
    for key in keys:
        if not isinstance(values, Mapping) or key not in values:
            return False
        values = values[key]
    return True


def _place(name: str, value: str, folder: Path) -> Path:
    """A place counted from a folder. `..` in front is taken out, for short messages."""
    parts, start = Path(value).parts, folder.resolve()
    up = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    place = Path(start, *[".."] * up).resolve().joinpath(*parts[up:])
    if not place.exists() and Path(value).exists():
        raise WsssError(
            f"config: {name}: {place} is not there: {value!r} counts from the folder of the config, {start}. "
            f"Write {os.path.relpath(value, start)!r} for that of the working directory"
        )
    return place

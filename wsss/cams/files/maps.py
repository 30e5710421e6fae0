"""Maps of classes as the arrays of a file name them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wsss.errors import WsssError

# The two sizes that IRNet writes: a quarter of the image's, and the image's.
PAIR = {"cam", "high_res"}
KEYS = "keys"


@dataclass(frozen=True)
class FileMaps:
    """The maps of one image as a file has them.

    Parameters
    ----------
    labels : Sequence[str | int] or None
        The name or number of each map's class. None: the maps are of all classes, in the order of their numbers.
    arrays : Sequence[np.ndarray]
        Arrays of numbers (n, h, w). Two are the same maps in two sizes. None where there is no class.
    """

    labels: Sequence[str | int] | None
    arrays: Sequence[np.ndarray]


def maps_of_content(content: Mapping[str | int, Any], array: str) -> FileMaps:
    """The maps in a dictionary of arrays.

    Parameters
    ----------
    content : Mapping[str | int, Any]
        `keys` with arrays (n, h, w) of these classes; or an array (h, w) for each class, by its name or number; or
        arrays (n, h, w) of all classes.
    array : str
        The name of the array to take. Empty: `cam` and `high_res`, or the only array there is.

    Returns
    -------
    FileMaps
        The maps.

    Raises
    ------
    WsssError
        If the dictionary is none of these, or leaves a choice.
    """
    values = {name: value for name, value in content.items() if isinstance(value, np.ndarray)}
    if not array and all(value.ndim == 2 for value in values.values()) and (values or not content):
        return FileMaps(list(values), [_stacked(list(values.values()))] if values else [])
    labels = _numbers(content[KEYS]) if KEYS in content else None
    if labels == []:
        return FileMaps([], [])
    values.pop(KEYS, None)
    arrays = [values[name] for name in _chosen(values, array)]
    for one in arrays:
        if one.ndim != 3:
            raise WsssError(f"an array of shape {one.shape}, and maps have the shape (classes, height, width)")
        if labels is not None and len(one) != len(labels):
            raise WsssError(f"{len(one)} maps and {len(labels)} keys")
    return FileMaps(labels, arrays)


def _chosen(values: Mapping[str | int, np.ndarray], array: str) -> Sequence[str | int]:
    """The names of the arrays to take."""
    there = f"it holds {', '.join(sorted(map(str, values))[:10]) or 'no array'}"
    if array:
        if array not in values:
            raise WsssError(f"no array {array!r}; {there}: correct cams.array")
        return [array]
    if len(values) == 1 or (values and values.keys() <= PAIR):
        return list(values)
    raise WsssError(f"{there}: " + ("name the one to read in cams.array" if values else "get the file anew"))


def _numbers(keys: Any) -> list[int]:
    """The classes that `keys` lists."""
    found = np.asarray(keys if isinstance(keys, np.ndarray | list | tuple) else None)
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise WsssError("keys is no list of whole numbers")
    return [int(key) for key in found]


def _stacked(maps: Sequence[np.ndarray]) -> np.ndarray:
    if len(sizes := {one.shape for one in maps}) > 1:
        raise WsssError(f"maps of {len(sizes)} different sizes")
    return np.stack(maps)

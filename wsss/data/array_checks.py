"""Checks of the arrays that a user gives to a function: one line says which one is wrong, and what it should be."""

import re
import sys
from collections.abc import Sequence
from typing import Literal

import numpy as np

from wsss.errors import WsssError

DTYPES = {"uint8": "uint8", "integer": r"u?int\d+", "float": r"b?float\d+"}
KINDS = {"numpy": "numpy array", "torch": "torch tensor"}
CONVERTERS = {"numpy": "numpy.asarray", "torch": "torch.from_numpy"}


def check_array(
    name: str,
    given: object,
    library: Literal["numpy", "torch"],
    numbers: Literal["uint8", "integer", "float"],
    shape: Sequence[int | str],
) -> None:
    """Check one argument of a function.

    Parameters
    ----------
    name : str
        The name of the argument, for messages.
    given : object
        The argument.
    library : {"numpy", "torch"}
        Whether it must be a numpy array or a torch tensor.
    numbers : {"uint8", "integer", "float"}
        Its dtype; `integer` and `float` are those of any size.
    shape : Sequence[int | str]
        Its shape. A name stands for any length of at least 1, and the name n for 0 too.

    Raises
    ------
    WsssError
        If it is something else.
    """
    found = _library(given)
    if found == library:
        dtype, sizes = str(given.dtype).removeprefix("torch."), tuple(given.shape)  # type: ignore[attr-defined]
        fits = len(sizes) == len(shape) and all(
            (size > 0 or wanted == "n") if isinstance(wanted, str) else size == wanted
            for wanted, size in zip(shape, sizes, strict=True)
        )
        if fits and re.fullmatch(DTYPES[numbers], dtype):
            return
        told = f"{dtype} {_shown(sizes)}"
    else:
        told = f"a {KINDS.get(found) or _type_of(given)}"
        if found or hasattr(given, "__array_interface__"):
            told += f": {CONVERTERS[library]} converts it"
    raise WsssError(f"{name} must be a {KINDS[library]}, {numbers} {_shown(shape)}, and is {told}")


def check_count(count: int) -> None:
    """Check a number of labels. Raises WsssError if it is below 1."""
    if count < 1:
        raise WsssError(f"count is the number of labels: at least 1, and not {count}")


def check_labels(labels: object, size: Sequence[int], count: int) -> None:
    """Check labels that a user gives to a function.

    Parameters
    ----------
    labels : object
        The argument: a numpy array of integers (H, W), 0..count-1.
    size : Sequence[int]
        (H, W) of the photograph.
    count : int
        The number of labels.

    Raises
    ------
    WsssError
        If it is something else.
    """
    check_array("labels", labels, "numpy", "integer", size)
    strange = labels[(labels < 0) | (labels >= count)]  # type: ignore[index, operator]
    if strange.size:
        raise WsssError(f"labels must be 0..{count - 1}, and {strange[0]} is among them")


def _library(given: object) -> str:
    """The library of an array; empty for anything else. It does not load torch: without it there are no tensors."""
    if isinstance(given, np.ndarray):
        return "numpy"
    torch = sys.modules.get("torch")
    return "torch" if torch is not None and isinstance(given, torch.Tensor) else ""


def _type_of(given: object) -> str:
    module = type(given).__module__.partition(".")[0]
    return type(given).__name__ if module == "builtins" else f"{module}.{type(given).__name__}"


def _shown(shape: Sequence[int | str]) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"

"""Loops that numba compiles, also where it can keep nothing on disk."""

import logging
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from numba import njit

logger = logging.getLogger("wsss")
Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function at its first call, without Python's lock, and keep the result on disk.

    numba keeps it beside the module, or in the user's home. In a container both may be read-only: then each process
    compiles anew, which takes it some seconds.
    """
    made: Any
    try:
        made = njit(nogil=True, cache=True)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        _tell()
        made = njit(nogil=True)(function)
    found: Function = made
    return found


@cache
def _tell() -> None:
    """Say it once in a process."""
    logger.info(
        "loops are compiled anew in every process, as neither the folder of wsss nor the home can be written: set "
        "NUMBA_CACHE_DIR to a folder of yours"
    )

"""What jobs ask of a cluster."""

from collections.abc import Callable
from typing import Any


def growing(first: int) -> Callable[[Any, int], int]:
    """A resource of a rule that grows with each attempt: `first`, then twice and three times as much.

    A job that was killed because its memory or its time had run out is tried again where a profile says so (`retries`).

    Parameters
    ----------
    first : int
        What the first attempt asks for, such as megabytes or minutes.

    Returns
    -------
    Callable[[Any, int], int]
        Snakemake calls it with the wildcards and the number of the attempt, from 1.
    """

    def amount(wildcards: Any, attempt: int) -> int:
        return first * attempt

    return amount

"""Places of users' files that are not there: the disk is not mounted. What was made from them stays as it is."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from wsss.runtime.made_by import read_record

# What formatting leaves on an empty disk.
OF_NO_USE = ("lost+found",)


def is_away(place: Path) -> bool:
    """Whether nothing is at a place. The folder that a disk is mounted on is empty without the disk."""
    with suppress(OSError):
        if place.is_dir():
            return all(one.name in OF_NO_USE or one.name.startswith(".") for one in place.iterdir())
        return not place.exists()
    return True


def unless_away(places: Iterable[Path], outputs: Iterable[Path], param: str, digest: Callable[[], str]) -> str:
    """A digest of places; or, if one of them is away, that of the places as they were when an artifact was made.

    Parameters
    ----------
    places : Iterable[Path]
        The places.
    outputs : Iterable[Path]
        The artifacts that may have been made from them, by their first output.
    param : str
        The parameter of the artifacts' rule that holds the digest.
    digest : Callable[[], str]
        Computes the digest from the places.

    Returns
    -------
    str
        The digest. If a place is away and nothing was made from it, what `digest` returns then.
    """
    if any(is_away(place) for place in places):
        for output in outputs:
            made = read_record(output) if output.exists() else None
            if made is not None and isinstance(known := made.params.get(param), str):
                return known
    return digest()

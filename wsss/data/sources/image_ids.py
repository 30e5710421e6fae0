"""Ids of images: plain file names, made from the paths of photographs."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

LONGEST_ID = 200
LONGEST_READABLE = 100
DIGITS_OF_HASH = 8


def why_unsafe(image_id: str) -> str:
    """Why a text cannot be an image's id, which is a plain file name; empty if it can.

    Parameters
    ----------
    image_id : str
        An id as a list or a table gives it.

    Returns
    -------
    str
        The reason.
    """
    if "/" in image_id or "\\" in image_id or image_id in ("", ".", ".."):
        return "it is no plain file name"
    if not image_id.isprintable():
        return "it holds a control character"
    if len(image_id.encode(errors="surrogatepass")) > LONGEST_ID:
        return f"it is longer than {LONGEST_ID} bytes"
    return ""


def image_ids(photographs: Sequence[str]) -> dict[str, str]:
    """A readable id for each photograph. No two ids are equal, also where upper and lower case are not told apart.

    An id depends on the photograph's own path. Only if another photograph would get the same id, both get a hash at
    the end. A hash is also added if the path has letters without a form in ASCII, or is too long.

    Parameters
    ----------
    photographs : Sequence[str]
        Different paths below one folder, with `/` between folders.

    Returns
    -------
    dict[str, str]
        The path of each photograph by its id, in the order of `photographs`. Ids are at most 165 ASCII letters, digits
        and `_-.`, and begin with a letter, a digit or `_`.
    """
    chosen = dict(zip(photographs, map(_own_id, photographs), strict=True))
    for digits in (DIGITS_OF_HASH, 64):
        for photograph in _clashing(chosen):
            chosen[photograph] = f"{_readable(photograph)[0]}-{_hash(photograph, digits)}"
    return {image_id: photograph for photograph, image_id in chosen.items()}


def _own_id(photograph: str) -> str:
    readable, lost = _readable(photograph)
    return f"{readable}-{_hash(photograph, DIGITS_OF_HASH)}" if lost else readable


def _readable(photograph: str) -> tuple[str, bool]:
    """A path in ASCII without its ending, and whether letters were lost. `Feld Süd/IMG (1).JPG`: Feld_Sud-IMG_1."""
    path = PurePosixPath(photograph)
    parts, losses = zip(*(_in_ascii(part) for part in path.with_suffix("").parts), strict=True)
    text = "-".join(parts)
    return text[:LONGEST_READABLE].rstrip("-_.") or "_", any(losses) or len(text) > LONGEST_READABLE


def _in_ascii(part: str) -> tuple[str, bool]:
    """A name in ASCII, and whether letters or digits had no form there."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", part) if not unicodedata.combining(one))
    lost = any(one.isalnum() and not one.isascii() for one in plain)
    text = re.sub(r"_*[^A-Za-z0-9_.-]+_*", "_", plain).strip("_-.")
    return text or "_", lost or not text


def _hash(photograph: str, digits: int) -> str:
    """A hash of a path. The short one is equal for the two ways in which Unicode writes accents.

    File systems change between them. The long one tells all paths apart.
    """
    text = unicodedata.normalize("NFC", photograph) if digits == DIGITS_OF_HASH else photograph
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:digits]


def _clashing(chosen: dict[str, str]) -> Iterable[str]:
    """The photographs whose id another one has too."""
    by_id: dict[str, list[str]] = {}
    for photograph, image_id in chosen.items():
        by_id.setdefault(image_id.casefold(), []).append(photograph)
    return [photograph for same in by_id.values() if len(same) > 1 for photograph in same]

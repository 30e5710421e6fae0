"""What the headers of photographs say. No photograph is decoded."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from wsss.data.images import FORMATS, REMEDY
from wsss.data.photographs import DEEP_MODES, UPRIGHT, look
from wsss.errors import WsssError
from wsss.progress import track

WORKERS = 8


@dataclass(frozen=True)
class Header:
    """What the header of a photograph says.

    Parameters
    ----------
    size : tuple[int, int]
        Height and width of the upright photograph.
    turned : bool
        Whether its EXIF data turn it.
    deep : bool
        Whether it has more than 8 bits a channel.
    transparent : bool
        Whether it may have transparent parts.
    """

    size: tuple[int, int]
    turned: bool = False
    deep: bool = False
    transparent: bool = False


@dataclass(frozen=True)
class Headers:
    """Headers by the photograph's path, and what is wrong with the others."""

    read: Mapping[str, Header]
    problems: Mapping[str, str]


def read_headers(folder: Path, photographs: Sequence[str]) -> Headers:
    """Read the headers of photographs.

    Parameters
    ----------
    folder : Path
        The folder that the paths start at.
    photographs : Sequence[str]
        Paths of the photographs.

    Returns
    -------
    Headers
        The headers, in the order of `photographs`.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        rows = pool.map(lambda one: _read(folder / one), photographs)
        found = dict(zip(photographs, track(rows, len(photographs), "reading headers"), strict=True))
    return Headers(
        {path: one for path, one in found.items() if isinstance(one, Header)},
        {path: one for path, one in found.items() if isinstance(one, str)},
    )


def _read(path: Path) -> Header | str:
    """The header of a photograph, or what is wrong with it."""
    try:
        found = look(path)
        if found.plain:
            return Header(found.size)
        with Image.open(path, formats=FORMATS) as image:
            deep = image.mode in (*DEEP_MODES, "F")
            return Header(found.size, found.orientation != UPRIGHT, deep, image.has_transparency_data)
    except WsssError as error:
        return str(error).removesuffix(f"; {REMEDY}")

"""Lists of images as users have them: one image a line, in any of the usual forms."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wsss.data.sources.image_ids import why_unsafe
from wsss.data.sources.own_files import read_own_text
from wsss.data.sources.photograph_files import ENDINGS
from wsss.errors import WsssError

PHOTOGRAPH = f"(?:{'|'.join(map(re.escape, ENDINGS))})"
# `/JPEGImages/x.jpg /SegmentationClass/x.png`: a photograph and its mask.
PAIR = re.compile(rf"(?P<photograph>\S.*?{PHOTOGRAPH})\s+(?P<mask>\S.*\.png)", re.IGNORECASE)
# `x 1`, `x  0`, `x -1`: an image and whether it has a class, as the lists in VOC's folder Main.
FLAGGED = re.compile(r"(?P<photograph>\S.*?)\s+(?:-1|0|1)")
# Names of files are shorter. The forms above are not looked for in longer lines, where that would take long.
LONGEST_LINE = 5000
ENDING = re.compile(PHOTOGRAPH + "$", re.IGNORECASE)


@dataclass(frozen=True)
class Listed:
    """An image of a list.

    Parameters
    ----------
    line : int
        The line of the list, from 1.
    photograph : str
        The image's name or id as the list writes it.
    mask : str or None
        The mask that the line names too.
    """

    line: int
    photograph: str
    mask: str | None = None


def read_entries(path: Path, known: Callable[[str], bool]) -> list[Listed]:
    """The images of a list, one on each line. Blank lines are passed over.

    A line may hold a name or an id; a photograph and its mask; or an image and 1, 0 or -1. Lists of the last form, in
    VOC's folder Main, name all images of a split and say which of them have a class. All of them are taken, because
    classes are in the table of labels.

    Parameters
    ----------
    path : Path
        A text file in UTF-8, or in UTF-16 with a byte-order mark, with any ends of lines.
    known : Callable[[str], bool]
        Whether a text is the name of an image. A line that is one as a whole is not divided.

    Returns
    -------
    list[Listed]
        The images in the order of the list.

    Raises
    ------
    WsssError
        If the file is missing, empty or no text.
    """
    lines = enumerate(re.split(r"\r\n|\r|\n", read_own_text(path, "image list")), 1)
    entries = [_entry(number, line.strip(), known) for number, line in lines if line.strip()]
    if not entries:
        raise WsssError(f"image list {path} is empty: name images, or take it out of data.lists (val: null for no val)")
    return entries


def read_list(path: Path, known: Callable[[str], bool] | None = None) -> list[str]:
    """Ids of a list of a dataset in VOC layout.

    Parameters
    ----------
    path : Path
        The list; see `read_entries`. Of names such as `JPEGImages/x.jpg` and `x.jpg` the id `x` is taken.
    known : Callable[[str], bool] or None
        Whether a text is an id; see `read_entries`. None: only the form of a line counts.

    Returns
    -------
    list[str]
        The ids in the order of the list.

    Raises
    ------
    WsssError
        If the file is missing, empty or no text, names an id twice, or has a line that is no id.
    """
    known = known or (lambda _: False)
    lines: dict[str, int] = {}
    for entry in read_entries(path, known):
        image_id = entry.photograph if known(entry.photograph) else _id_in_voc_layout(entry)
        if reason := why_unsafe(image_id):
            raise WsssError(
                f"image list {path}, line {entry.line}: {image_id[:80]!r} is no id of an image: {reason}; "
                "an id is the name of a file of JPEGImages without .jpg"
            )
        if image_id in lines:
            raise WsssError(
                f"image list {path} names {image_id} more than once, on the lines {lines[image_id]} and {entry.line}: "
                "delete one of them"
            )
        lines[image_id] = entry.line
    return list(lines)


def _entry(number: int, text: str, known: Callable[[str], bool]) -> Listed:
    if len(text) > LONGEST_LINE or known(text):
        return Listed(number, text)
    if pair := PAIR.fullmatch(text):
        return Listed(number, pair["photograph"], pair["mask"])
    if flagged := FLAGGED.fullmatch(text):
        return Listed(number, flagged["photograph"])
    return Listed(number, text)


def _id_in_voc_layout(entry: Listed) -> str:
    """The id of a line that names a file of JPEGImages, or is an id. Other paths stay, and are refused as ids."""
    name = PurePosixPath(entry.photograph)
    without_ending = ENDING.sub("", name.name)
    return without_ending if name.parts[:-1] in ((), ("JPEGImages",), ("/", "JPEGImages")) else entry.photograph

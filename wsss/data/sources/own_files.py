"""Text files and tables that users have written: where they are, and how they are read. It imports nothing large."""

import codecs
from collections.abc import Iterable
from pathlib import Path

from wsss.errors import WsssError
from wsss.settings.own_images import FOLDERS

# Names under which labels are looked for beside the photographs.
USUAL_LABELS = ("labels.csv", "labels.tsv", "labels.txt", "image_labels.csv", "cls_labels.npy")
LARGEST_TEXT = 512 * 2**20
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def find_own_file(name: str, folder: Path, own_lists: Path | None, key: str) -> Path:
    """The path of a file that the setting `key` names: in `own_lists` if it is there, else in `folder`.

    Raises WsssError if it is in neither.
    """
    places = [place / name for place in (own_lists, folder) if place is not None]
    for path in places:
        if path.is_file():
            return path
    raise WsssError(f"{key}: no file {' nor '.join(map(str, places))}: put it there, or correct the name in the config")


def find_labels(labels: str, folder: Path, own_lists: Path | None) -> Path | None:
    """The file of labels, for the setting `data.labels`. None: the folders are the labels.

    Raises WsssError if the named file is missing, or if none is named and several of the usual names are there.
    """
    if labels == FOLDERS:
        return None
    if labels:
        return find_own_file(labels, folder, own_lists, "data.labels")
    for place in (own_lists, folder):
        found = [name for name in USUAL_LABELS if place is not None and (place / name).is_file()]
        if len(found) > 1:
            raise WsssError(f"{place} holds {' and '.join(found)}: say with data.labels which of them has the labels")
        if place is not None and found:
            return place / found[0]
    return None


def read_own_text(path: Path, what: str) -> str:
    """The text of a file in UTF-8, or in UTF-16 with a byte-order mark.

    Other encodings are refused, because bytes do not say which one they are in. Raises WsssError with the line.
    `what` names the file's purpose in messages.
    """
    if not path.is_file():
        raise WsssError(f"missing {what}: {path}")
    if path.stat().st_size > LARGEST_TEXT:
        raise WsssError(f"{what} {path} is larger than {LARGEST_TEXT // 2**20} MiB: is this the right file?")
    content = path.read_bytes()
    try:
        text = content.decode("utf-16" if content.startswith(UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise WsssError(f"{what} {path} is no text in UTF-8 (line {line}): save it as such") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise WsssError(f"{what} {path} is no text (line {line} holds a zero byte): save it as text in UTF-8")
    return text


def refuse(problems: Iterable[str]) -> None:
    """Raise WsssError with the first problem and the count of the others, if there are any."""
    found = list(problems)
    if found:
        more = f" (and {len(found) - 1} more like this)" if len(found) > 1 else ""
        raise WsssError(f"{found[0]}{more}")

"""Which prediction belongs to which mask, in two folders of label images."""

from collections.abc import Sequence
from pathlib import Path

from wsss.data.lists import read_entries
from wsss.data.photograph_files import look_into
from wsss.data.photograph_names import PhotographNames, without_ending
from wsss.errors import WsssError

ENDINGS = (".png", ".tif", ".tiff", ".bmp")
LEGEND = "labels.json"


def labels_in(folder: Path) -> Path:
    """The folder of label images: that of `wsss segment` and of the workflow's masks is labels/ in theirs."""
    return folder / "labels" if (folder / "labels").is_dir() and (folder / LEGEND).is_file() else folder


def pairs_of(predictions: Path, truth: Path, listed: Path | None) -> list[tuple[Path, Path]]:
    """The files of each prediction and its mask: of the same path below their folders, or else of the same name.

    Raises WsssError if a mask has no prediction or several. If `listed` is a list, only its images count.
    """
    masks = _images(truth)
    if listed is not None:
        names = PhotographNames(truth, masks)
        entries = read_entries(listed, names.__contains__)
        masks = [names.find(one.photograph, f"{listed}, line {one.line}") for one in entries]
    found = _Predictions(predictions)
    missing = [mask for mask in masks if found.of(mask) is None]
    if missing:
        raise WsssError(
            f"{len(missing)} of {len(masks)} masks in {truth} have no prediction in {predictions}, the first is "
            f"{missing[0]}: make them, or name the images to score with --list FILE"
        )
    return [(predictions / str(found.of(mask)), truth / mask) for mask in dict.fromkeys(masks)]


class _Predictions:
    """The label images of a folder, found by the path of a mask."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._by_path: dict[str, list[str]] = {}
        self._by_name: dict[str, list[str]] = {}
        for path in _images(folder):
            self._by_path.setdefault(without_ending(path), []).append(path)
            self._by_name.setdefault(without_ending(path).rpartition("/")[2], []).append(path)

    def of(self, mask: str) -> str | None:
        """The prediction of a mask; None if there is none. Raises WsssError if there are several."""
        own = without_ending(mask)
        found = self._by_path.get(own) or self._by_name.get(own.rpartition("/")[2]) or []
        if len(found) > 1:
            raise WsssError(
                f"{self._folder}: {found[0]} and {found[1]} may both be of the mask {mask}: keep one of them"
            )
        return found[0] if found else None


def _images(folder: Path) -> Sequence[str]:
    if not folder.is_dir():
        raise WsssError(f"{folder} is no folder of label images")
    found = look_into(folder, endings=ENDINGS).photographs
    if not found:
        raise WsssError(f"{folder} holds no label images: no file there ends in {', '.join(ENDINGS)}")
    return found

"""Which prediction belongs to which mask: in two folders of label images, or in as many arrays."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wsss.data.array_checks import check_array
from wsss.data.images import IGNORE, read_labels
from wsss.data.sources.lists import read_entries
from wsss.data.sources.photograph_files import look_into
from wsss.data.sources.photograph_names import PhotographNames, without_ending
from wsss.errors import WsssError

ENDINGS = (".png", ".tif", ".tiff", ".bmp")
LEGEND = "labels.json"
# Label images: their folder, or arrays of integers (height, width).
LabelImages = str | Path | np.ndarray | Iterable[np.ndarray]


class LabelImage(NamedTuple):
    """A label image: what messages call it, and how it is read."""

    name: str
    read: Callable[[], np.ndarray]


def labels_in(folder: Path) -> Path:
    """The folder of label images: that of `wsss segment` and of the workflow's masks is labels/ in theirs."""
    return folder / "labels" if (folder / "labels").is_dir() and (folder / LEGEND).is_file() else folder


def pairs_of(predictions: LabelImages, truth: LabelImages, listed: Path | None) -> list[tuple[LabelImage, LabelImage]]:
    """Each prediction and its mask.

    In folders, they have the same path below their folders, or else the same name. Arrays have the same order. Raises
    WsssError if a mask has no prediction or several. If `listed` is a list, only its images count.
    """
    if not isinstance(predictions, Path) or not isinstance(truth, Path):
        return _pairs_of_arrays(predictions, truth)
    return [(_of_file(one), _of_file(mask)) for one, mask in _pairs_of_files(predictions, truth, listed)]


def _of_file(path: Path) -> LabelImage:
    return LabelImage(str(path), partial(read_labels, path))


def _pairs_of_arrays(predictions: LabelImages, truth: LabelImages) -> list[tuple[LabelImage, LabelImage]]:
    """Each prediction and its mask. Raises WsssError unless both are as many arrays of values 0..255."""
    one, two = list(_arrays("predictions", predictions)), list(_arrays("truth", truth))
    if len(one) != len(two):
        raise WsssError(f"predictions are {len(one)} arrays and truth is {len(two)}: each prediction needs its mask")
    return list(zip(one, two, strict=True))


def _arrays(name: str, given: LabelImages) -> Iterator[LabelImage]:
    if isinstance(given, str | Path) or not isinstance(given, Iterable):
        raise WsssError("predictions and truth are both folders, or both arrays of integers (height, width)")
    for number, array in enumerate([given] if isinstance(given, np.ndarray) and given.ndim == 2 else given):
        told = f"{name}, array {number}"
        check_array(told, array, "numpy", "integer", ("height", "width"))
        if array.size and not 0 <= array.min() <= array.max() <= IGNORE:
            raise WsssError(f"{told} holds {array.min()}..{array.max()}, and values are 0..{IGNORE}")
        yield LabelImage(told, partial(np.asarray, array, np.uint8))


def _pairs_of_files(predictions: Path, truth: Path, listed: Path | None) -> list[tuple[Path, Path]]:
    """The files of each prediction and its mask; see `pairs_of`."""
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

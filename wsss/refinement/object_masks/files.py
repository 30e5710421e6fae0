"""Finds and reads the masks of objects of an image: PNG files, or run lengths in JSON."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from wsss.data.fitted_masks import at_worked_size, stored_sizes, wrong_size
from wsss.data.images import opened
from wsss.data.index import IndexRow
from wsss.data.sources.coco_masks import FormError, counts_of_runs, runs_of
from wsss.data.sources.json_text import LONGEST, MIB, JsonText
from wsss.errors import WsssError
from wsss.refinement.object_masks.merging import ObjectMasks
from wsss.settings.merged_labels import MergedLabelSettings

REMEDY = "make the masks of this image again"
# Modes of PNG files with one channel, as Pillow names them.
ONE_CHANNEL = ("1", "L", "P", "I;16")
# The table that SAM's program for whole folders writes beside the masks of an image, also where it finds none.
SAM_TABLE = "metadata.csv"
# More masks of one image than any program makes. Together they may cover the image so many times.
MOST_MASKS = 10_000
MOST_LAYERS = 50


def read_object_masks(folder: Path, row: IndexRow, settings: MergedLabelSettings) -> ObjectMasks:
    """The masks of an image.

    The image's masks have its id as their name, or the path of its photograph below the dataset's folder without its
    ending. They have the size at which the image is worked on, or that of the photograph. In the latter case they are
    turned and resized as ground-truth masks are.

    Parameters
    ----------
    folder : Path
        The folder of all masks.
    row : IndexRow
        The image.
    settings : MergedLabelSettings
        The `format` of the masks.

    Returns
    -------
    ObjectMasks
        The masks at the size that the image is worked on.

    Raises
    ------
    WsssError
        If the masks are missing, damaged, of another size or form, or too many.
    """
    return READERS[settings.format](folder, row)


def _read_png(folder: Path, row: IndexRow) -> ObjectMasks:
    for name in _names(row):
        image, images = folder / f"{name}.png", folder / name
        if image.is_file() and images.is_dir():
            raise WsssError(f"{image} and the folder {images} may both be the masks of {row.file}: keep one of them")
        if image.is_file():
            return _numbered(_mask_image(image, row))
        if images.is_dir():
            return _gathered(_binary_masks(images, row), row, images)
    raise _missing(row, f"no file {row.id}.png and no folder {row.id}", folder)


def _read_run_lengths(folder: Path, row: IndexRow) -> ObjectMasks:
    for name in _names(row):
        path = folder / f"{name}.json"
        if path.is_file():
            return _gathered(_run_length_masks(path, row), row, path)
    raise _missing(row, f"no file {row.id}.json", folder)


READERS: Mapping[str, Callable[[Path, IndexRow], ObjectMasks]] = {"png": _read_png, "rle": _read_run_lengths}


def _names(row: IndexRow) -> list[str]:
    """The names that an image's masks may have, without their ending: its id, and its photograph's path."""
    below = PurePosixPath(row.file).relative_to("dataset")
    return [*dict.fromkeys([row.id, str(below.with_suffix(""))])]


def _missing(row: IndexRow, what: str, folder: Path) -> WsssError:
    return WsssError(f"image {row.id} ({row.file}) has no masks: there is {what} in {folder}")


def _numbered(index: np.ndarray) -> ObjectMasks:
    """The masks that an index image (height, width) numbers from 1. 0 is no mask."""
    flat = index.ravel()
    pixels = np.flatnonzero(flat != 0)
    return ObjectMasks((index.shape[0], index.shape[1]), int(flat.max()), flat[pixels] - 1, pixels)


def _gathered(masks: Iterable[np.ndarray], row: IndexRow, path: Path) -> ObjectMasks:
    """Binary masks (height, width), one after the other. Raises WsssError if there are too many."""
    pixels, room = [np.zeros(0, np.int64)], MOST_LAYERS * row.height * row.width
    for mask in masks:
        pixels.append(np.flatnonzero(mask != 0))
        room -= len(pixels[-1])
        if room < 0:
            raise WsssError(f"{path}: the masks cover the image more than {MOST_LAYERS} times: {REMEDY}")
        if len(pixels) > MOST_MASKS + 1:
            raise WsssError(f"{path} holds more than {MOST_MASKS} masks of one image: {REMEDY}")
    owners = np.repeat(np.arange(len(pixels) - 1), [len(own) for own in pixels[1:]])
    return ObjectMasks(row.size, len(pixels) - 1, owners, np.concatenate(pixels))


def _mask_image(path: Path, row: IndexRow) -> np.ndarray:
    """The values of a PNG file of one channel, uint8 or int32 (height, width), at the size that is worked on."""
    with opened(path, "mask", REMEDY) as image:
        if image.mode not in ONE_CHANNEL:
            raise WsssError(
                f"{path} is an image of mode {image.mode}; masks are numbers in one channel of 8 or 16 bits, grey or "
                "indexed: save them as such"
            )
        _check_size(path, (image.height, image.width), row)
        return at_worked_size(np.asarray(image).astype(np.int32 if image.mode == "I;16" else np.uint8), row)


def _check_size(path: Path, size: object, row: IndexRow) -> tuple[int, int]:
    """The size, if a mask of this image may have it. Raises WsssError otherwise."""
    for allowed in (row.size, *stored_sizes(row)):
        if size in (allowed, list(allowed)):
            return allowed
    if isinstance(size, tuple):
        raise wrong_size(path, size, row, REMEDY)
    raise WsssError(
        f"{path}: run lengths of the size {str(size)[:40]}, and the photograph {row.file} has {[*row.full_size]} "
        f"([height, width]): {REMEDY}"
    )


def _binary_masks(folder: Path, row: IndexRow) -> Iterator[np.ndarray]:
    """The masks in an image's own folder, (height, width) each. What is not 0 is in a mask."""
    try:
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise WsssError(f"the folder {folder} cannot be read ({error.strerror}): change its permissions") from None
    images = [name for name in names if name.lower().endswith(".png")]
    if not images and SAM_TABLE not in names:
        raise WsssError(f"the folder {folder} holds neither PNG files nor {SAM_TABLE}: {REMEDY}")
    for name in images:
        mask = _mask_image(folder / name, row)
        inside = mask[mask != 0]
        if inside.size and inside.min() != inside.max():
            raise WsssError(
                f"{folder / name} holds several values besides 0; in an image's own folder each file is one mask: "
                f"save masks that are numbered in one file as {folder.name}.png"
            )
        yield mask


def _run_length_masks(path: Path, row: IndexRow) -> Iterator[np.ndarray]:
    """The masks of a JSON file, uint8 (height, width) each."""
    if path.stat().st_size > LONGEST:
        raise WsssError(f"{path} is larger than {LONGEST // MIB} MiB, too large for the masks of one image: {REMEDY}")
    try:
        with path.open("rb") as file:
            text = JsonText(path, iter(lambda: file.read(MIB), b""))
            for number, item in enumerate(_annotations(text), 1):
                yield _decoded(item, number, path, row)
    except OSError as error:
        raise WsssError(f"{path} cannot be read ({error.strerror}): change its permissions") from None


def _annotations(text: JsonText) -> Iterator[Any]:
    """The items of the file's list, as SAM writes it, or of `annotations` in its object, as SA-1B's files have it."""
    if text.next_character() != "{":
        yield from (item for item, _ in text.items())
        if text.next_character():
            raise text.damaged("something follows the list")
        return
    lists = 0
    for key in text.members():
        if key == "annotations":
            lists += 1
            yield from (item for item, _ in text.items())
        else:
            text.value()
    if lists != 1:
        raise WsssError(f"{text.path} holds {lists} lists called annotations, and one is needed: {REMEDY}")


def _decoded(item: Any, number: int, path: Path, row: IndexRow) -> np.ndarray:
    """One mask, uint8 (height, width), at the size that is worked on."""
    runs = item.get("segmentation") if isinstance(item, dict) else None
    if not isinstance(runs, dict):
        raise WsssError(f"{path}: mask {number} has no segmentation with size and counts: {REMEDY}")
    height, width = _check_size(path, runs.get("size"), row)
    try:
        counts = counts_of_runs(runs, height, width)
    except FormError as error:
        raise WsssError(f"{path}: mask {number} {error}: {REMEDY}") from None
    columns = np.zeros(height * width, np.uint8)  # column after column, as COCO counts pixels
    for start, end in runs_of(counts):
        columns[start:end] = 1
    return at_worked_size(columns.reshape(width, height).T, row)

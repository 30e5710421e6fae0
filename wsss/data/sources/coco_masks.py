"""Paints semantic masks from COCO's segmentations: polygons, and run lengths, compressed or not."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from wsss.data.images import IGNORE, write_labels
from wsss.data.sources.coco_file import Instances
from wsss.errors import WsssError
from wsss.progress import track
from wsss.settings.coco import Crowd

# A point of a polygon may be so many widths or heights away from the image. Memory grows with the distance.
FARTHEST = 10
# Characters of compressed run lengths have 6 bits: 5 of a number, and whether more of it follow.
CHARACTERS = 64
MORE, SIGN, BITS = 0x20, 0x10, 5
LONGEST_NUMBER = 7  # characters
Runs = Iterator[tuple[int, int]]


class FormError(Exception):
    """A segmentation of a wrong form. The message completes the sentence "annotation 5 ..."."""


@dataclass(frozen=True)
class Mask:
    """What one mask is painted from.

    Parameters
    ----------
    path : Path
        The file to write.
    size : tuple[int, int]
        Height and width.
    annotations : np.ndarray
        The indices of its annotations among those of the file, in the order in which they are painted, int64 (k,).
    values : np.ndarray
        The value that each of them is painted with, uint8 (k,).
    """

    path: Path
    size: tuple[int, int]
    annotations: np.ndarray
    values: np.ndarray


def paint_masks(
    instances: Instances, masks: Mapping[Path, int], values: Iterable[int], crowd: Crowd, workers: int = 1
) -> None:
    """Write the masks of images, as label images with the VOC palette.

    Annotations are painted in the order of the file, so that a later one covers an earlier one. Crowd regions are
    painted before all others: where an object is annotated by itself, its class is known, whatever the crowd covers.
    The masks thus do not depend on the place of crowds in the file, and differ between `crowd` ignore and leave_out
    only where there would be background.

    Segmentations are read again from the file, image by image, so that memory stays small. pycocotools turns polygons
    into run lengths.

    Parameters
    ----------
    instances : Instances
        The file.
    masks : Mapping[Path, int]
        The index of the image among those of the file, by the path of the mask to write.
    values : Iterable[int]
        The category ids that masks hold, 1..254. Other categories are painted as 255.
    crowd : {"ignore", "leave_out"}
        Whether crowd regions are painted as 255 or not at all.
    workers : int
        Threads, at least 1. The masks do not depend on it.

    Raises
    ------
    WsssError
        If pycocotools is missing, or a segmentation is missing, of unknown form, or does not fit its image.
    """
    coco = pycocotools_masks()
    todo = _planned(instances, masks, frozenset(values), crowd)
    with instances.path.open("rb") as file, ThreadPoolExecutor(workers) as pool:

        def paint(mask: Mask) -> None:
            write_labels(mask.path, _painted(mask, instances, file.fileno(), coco))

        try:
            for _ in track(pool.map(paint, todo), len(todo), "painting masks"):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def pycocotools_masks() -> ModuleType:
    """The module of pycocotools for masks. Raises WsssError with the command that installs it."""
    try:
        from pycocotools import mask
    except ModuleNotFoundError as error:
        if error.name != "pycocotools":
            raise
        raise WsssError("masks of COCO need pycocotools, which is not installed: pip install -e '.[coco]'") from None
    module: ModuleType = mask
    return module


def _planned(instances: Instances, masks: Mapping[Path, int], values: frozenset[int], crowd: Crowd) -> list[Mask]:
    """The masks with their annotations in the order of painting."""
    used = ~instances.crowd if crowd == "leave_out" else np.ones(len(instances.crowd), bool)
    # Sorted by the image, then crowds first, then by the place in the file.
    order = np.lexsort((~instances.crowd, instances.images))
    order = order[used[order]]
    bounds = np.searchsorted(instances.images[order], np.arange(len(instances.file_names) + 1))
    of_class = np.isin(instances.category_ids, list(values)) & ~instances.crowd
    painted = np.where(of_class, instances.category_ids, IGNORE).astype(np.uint8)
    found = []
    for path, image in masks.items():
        own = order[bounds[image] : bounds[image + 1]]
        height, width = instances.sizes[image].tolist()
        found.append(Mask(path, (height, width), own, painted[own]))
    return found


def _painted(mask: Mask, instances: Instances, file: int, coco: ModuleType) -> np.ndarray:
    """The labels of one image, uint8 (height, width)."""
    height, width = mask.size
    columns = np.zeros(height * width, np.uint8)  # column after column, as COCO counts pixels
    for annotation, value in zip(mask.annotations.tolist(), mask.values.tolist(), strict=True):
        try:
            segmentation = _segmentation(file, instances.spans[annotation].tolist())
            for start, end in foreground(segmentation, height, width, coco):
                columns[start:end] = value
        except FormError as error:
            raise WsssError(f"{instances.path}: annotation {instances.annotations[annotation]} {error}") from None
    return columns.reshape(width, height).T


def _segmentation(file: int, span: Sequence[int]) -> Any:
    """The segmentation of the annotation that stands in these bytes of the file."""
    start, end = span
    try:
        found = json.loads(os.pread(file, end - start, start))
    except ValueError:
        raise FormError("is no JSON: get or export the file anew") from None
    return found.get("segmentation")


def foreground(segmentation: Any, height: int, width: int, coco: ModuleType) -> Runs:
    """First and last place, the last excluded, of each run of an object's pixels, counted column after column.

    Raises FormError for a segmentation that is missing, of unknown form, or of another size.
    """
    if not segmentation:
        raise FormError(
            "has no segmentation: without masks (data.masks: false) none is needed; else take it out of the file"
        )
    if isinstance(segmentation, list):
        counts = _counts_of_polygons(segmentation, height, width, coco)
    elif isinstance(segmentation, dict):
        counts = counts_of_runs(segmentation, height, width)
    else:
        raise FormError("has a segmentation that is neither a list of polygons nor run lengths")
    return runs_of(counts)


def runs_of(counts: np.ndarray) -> Runs:
    """First and last place, the last excluded, of each run of an object, for the lengths of all runs."""
    places = np.concatenate([[0], np.cumsum(counts)]).tolist()
    return zip(places[1::2], places[2::2], strict=False)


def _counts_of_polygons(polygons: list[Any], height: int, width: int, coco: ModuleType) -> np.ndarray:
    """Lengths of the runs of background and object in turn, int64 (n,). Together the polygons cover the object."""
    farthest = np.array([width, height], np.float64) * FARTHEST
    checked = [_points(polygon, farthest) for polygon in polygons]
    # Points and lines have no area. pycocotools would take four numbers for a box.
    areas = [polygon for polygon in checked if len(polygon) >= 6]
    if not areas:
        return np.array([height * width])
    runs = coco.merge(coco.frPyObjects(areas, height, width))
    return decoded_counts(runs["counts"])


def _points(polygon: Any, farthest: np.ndarray) -> np.ndarray:
    """The numbers of a polygon, x and y in turn, float64 (n,)."""
    if not isinstance(polygon, list) or len(polygon) % 2 or not {*map(type, polygon)} <= {int, float}:
        raise FormError("has a polygon that is not a list of numbers x, y, x, y and so on")
    try:
        points = np.array(polygon, np.float64)
        # A comparison with NaN is false.
        inside = bool((np.abs(points.reshape(-1, 2)) <= farthest).all())
    except OverflowError:
        inside = False
    if not inside:
        raise FormError("has a polygon with points far outside its image")
    return points


def counts_of_runs(runs: dict[str, Any], height: int, width: int) -> np.ndarray:
    """Lengths of the runs of background and object in turn, int64 (n,). They cover exactly the image.

    Raises FormError for run lengths of another size or form.
    """
    size, counts, longest = runs.get("size"), runs.get("counts"), height * width + 1
    if size != [height, width]:
        raise FormError(f"has run lengths of the size {str(size)[:40]}, and its image has [{height}, {width}]")
    if isinstance(counts, list) and {*map(type, counts)} <= {int}:
        # Longer runs are wrong in any case, and neither they nor their sum would fit into 64 bits.
        found = np.array([min(count, longest) for count in counts if count >= 0], np.int64)
        negative = len(found) < len(counts)
    elif isinstance(counts, str):
        found = np.minimum(decoded_counts(counts.encode(errors="surrogatepass")), longest)
        negative = bool((found < 0).any())
    else:
        raise FormError("has run lengths (counts) that are neither a list of whole numbers nor a text")
    if negative or found.sum() != height * width:
        raise FormError(f"has run lengths that do not cover the {height} x {width} pixels of its image")
    return found


def decoded_counts(text: bytes) -> np.ndarray:
    """The numbers of compressed run lengths, int64 (n,).

    A number has 5 bits in each character, the lowest first. The last bit of the last character is the sign. From the
    fourth on, a number is the difference to the number before the previous one.
    """
    codes = np.frombuffer(text, np.uint8).astype(np.int64) - 48
    if not codes.size or codes.min() < 0 or codes.max() >= CHARACTERS or codes[-1] & MORE:
        raise FormError("has compressed run lengths that are damaged")
    ends = np.flatnonzero((codes & MORE) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends + 1 - starts
    if lengths.max() > LONGEST_NUMBER:
        raise FormError("has compressed run lengths that are damaged")
    shifts = BITS * (np.arange(codes.size) - np.repeat(starts, lengths))
    numbers = np.add.reduceat((codes & (MORE - 1)) << shifts, starts)
    numbers -= np.where(codes[ends] & SIGN, 1 << (BITS * lengths), 0)
    for first in (1, 2):
        numbers[first::2] = np.cumsum(numbers[first::2])
    return numbers

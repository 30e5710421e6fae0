"""Masks for people, one by one: their names, their full size, and the photograph under their colours."""

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from wsss.data.images import voc_palette
from wsss.files import write_bytes

# How much an overlay shows of the photograph: all of it where there is no class, else half of it.
OPACITY = 128
OVERLAY_QUALITY = 90


@dataclass(frozen=True)
class MaskFiles:
    """Where the masks of one image go, below the folder of masks."""

    labels: str
    overlay: str

    @property
    def stem(self) -> str:
        """The photograph's own name and folder, without the ending."""
        return self.labels.removeprefix("labels/").removesuffix(".png")


def mask_files(photographs: Iterable[str]) -> dict[str, MaskFiles]:
    """The files of the masks of each photograph, by the photograph's path.

    They have the photograph's own name and folder, without the folders that all photographs share. Where two
    photographs of a folder differ by their ending alone, the ending is kept: `cow.jpg.png`. It is kept too where the
    name without it is the whole name of another photograph.
    """
    paths = {path: PurePosixPath(path) for path in photographs}
    shared = _shared_folder(list(paths.values()))
    stems = Counter(str(path.with_suffix("")).casefold() for path in paths.values())
    whole = {str(path).casefold() for path in paths.values()}
    found = {}
    for name, path in paths.items():
        stem = str(path.with_suffix("")).casefold()
        alone = stems[stem] == 1 and stem not in whole
        own = (path.with_suffix("") if alone else path).relative_to(shared)
        found[name] = MaskFiles(f"labels/{own}.png", f"overlays/{own}.jpg")
    return found


def enlarge_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels at a larger size, with smooth outlines.

    Parameters
    ----------
    labels : np.ndarray
        uint8 (h, w).
    size : tuple[int, int]
        Height and width of the result.

    Returns
    -------
    np.ndarray
        uint8 (height, width): the label whose indicator, resized bilinearly to 8 bits, is largest; among equals, the
        lowest one.
    """
    if labels.shape == size:
        return labels
    largest, result = np.zeros(size, np.uint8), np.full(size, labels.min(), np.uint8)
    for value in np.unique(labels):
        indicator = Image.fromarray(np.where(labels == value, np.uint8(255), np.uint8(0)))
        share = np.asarray(indicator.resize(size[::-1], Image.Resampling.BILINEAR))
        ahead = share > largest
        result[ahead] = value
        np.maximum(largest, share, out=largest)
    return result


def overlay(photograph: Image.Image, labels: np.ndarray, background: int | None) -> Image.Image:
    """A photograph under the colours of its labels.

    Parameters
    ----------
    photograph : Image.Image
        RGB, (H, W). It is changed.
    labels : np.ndarray
        uint8 (H, W).
    background : int or None
        The label that gets no colour.

    Returns
    -------
    Image.Image
        The changed photograph.
    """
    colours = Image.fromarray(labels)
    colours.putpalette(voc_palette().tobytes())
    coloured = Image.fromarray(np.where(labels == background, np.uint8(0), np.uint8(OPACITY)))
    photograph.paste(colours.convert("RGB"), mask=coloured)
    return photograph


def write_overlay(path: Path, shown: Image.Image) -> None:
    """Write an overlay as JPEG, completely or not at all."""
    buffer = io.BytesIO()
    shown.save(buffer, "JPEG", quality=OVERLAY_QUALITY)
    write_bytes(path, buffer.getvalue())


def shares_of(labels: np.ndarray, classes: Mapping[str, int]) -> dict[str, float]:
    """The share of each class in the pixels of its image.

    Parameters
    ----------
    labels : np.ndarray
        uint8 (H, W).
    classes : Mapping[str, int]
        Values by class name.

    Returns
    -------
    dict[str, float]
        Shares in 0..1 by class name.
    """
    counts = Image.fromarray(labels).histogram()
    return {name: counts[value] / labels.size for name, value in classes.items()}


def _shared_folder(paths: Sequence[PurePosixPath]) -> PurePosixPath:
    shared = paths[0].parent if paths else PurePosixPath()
    while not all(path.is_relative_to(shared) for path in paths):
        shared = shared.parent
    return shared

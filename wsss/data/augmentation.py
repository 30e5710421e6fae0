"""Augmentation of photographs, and of labels with them; every draw comes from the generator that the caller hands in.

The geometry is the released preprocessing's, of the classifier and of IRNet: resize on uint8 (bicubic, labels nearest),
normalise, mirror, then a random crop in which smaller images are placed at a random position and padded with 0 (labels
with 255). All is drawn first, so that only what a crop shows is computed.
"""

from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from PIL import Image
from torch import Tensor

from wsss.data.images import IGNORE
from wsss.data.resampling import resize_pixels


class Normalisation(NamedTuple):
    """What a network is shown: mean and deviation of RGB values in 0..1, and whether blue comes first, not red."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool = False


class View(NamedTuple):
    """What a square crop shows of an image that is resized to `size` = (height, width), perhaps mirrored.

    `rows` and `columns` of the resized image, in the order in which they are shown from `top` and `left` on.
    """

    size: tuple[int, int]
    rows: np.ndarray
    columns: np.ndarray
    top: int
    left: int


def draw_view(size: tuple[int, int], side: int, rng: np.random.Generator) -> View:
    """A random crop of `side` pixels of an image of `size` = (height, width), mirrored half the time.

    Where the image is smaller than the crop, all of it is shown, at a random place.
    """
    mirrored = rng.random() < 0.5
    rows, top = _strip(size[0], side, rng)
    columns, left = _strip(size[1], side, rng)
    return View(size, rows, size[1] - 1 - columns if mirrored else columns, top, left)


def view_pixels(image: np.ndarray, view: View, side: int, normalisation: Normalisation) -> Tensor:
    """Normalised float32 (3, side, side) of a view of an image, uint8 RGB (h, w, 3), 0 where it reaches beyond."""
    shown = resize_pixels(image, view.size, view.rows, view.columns)
    whole = len(view.rows) == len(view.columns) == side
    crop = torch.empty(3, side, side) if whole else torch.zeros(3, side, side)
    return _normalise(shown, normalisation, crop, view.top, view.left)


def view_labels(labels: np.ndarray, view: View, side: int) -> Tensor:
    """Labels (side, side) of a view of labels (height, width), both uint8, 255 beyond the image."""
    crop = torch.full((side, side), IGNORE, dtype=torch.uint8)
    shown = scale_labels(labels, view.size)[np.ix_(view.rows, view.columns)]
    crop[view.top : view.top + len(view.rows), view.left : view.left + len(view.columns)] = torch.from_numpy(shown)
    return crop


def augmented_pair(
    image: np.ndarray,
    labels: np.ndarray,
    scale: float,
    side: int,
    normalisation: Normalisation,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """A photograph and its labels, scaled, mirrored half the time and cropped together.

    Parameters
    ----------
    image : np.ndarray
        The photograph, uint8 RGB (h, w, 3).
    labels : np.ndarray
        Its labels, uint8 (h, w).
    scale : float
        The factor of the photograph's size, above 0.
    side : int
        The side of the square crop, in pixels.
    normalisation : Normalisation
        What the network is shown.
    rng : np.random.Generator
        Where every draw comes from.

    Returns
    -------
    tuple[Tensor, Tensor]
        Normalised pixels, float32 (3, side, side), 0 beyond the image; labels, uint8 (side, side), 255 beyond the
        image.
    """
    view = draw_view(scaled_size(size_of(image), scale), side, rng)
    return view_pixels(image, view, side, normalisation), view_labels(labels, view, side)


def to_tensor(image: Image.Image, normalisation: Normalisation, scale: float = 1.0) -> Tensor:
    """A photograph as a network is to see it, resized before by a factor (see `scaled_size`).

    Parameters
    ----------
    image : Image.Image
        An RGB image, 8 bits a channel.
    normalisation : Normalisation
        What the network is shown.
    scale : float
        The factor of the image's size, above 0.

    Returns
    -------
    Tensor
        Normalised pixels, float32 (3, height, width).
    """
    pixels = resize_pixels(np.asarray(image), scaled_size((image.height, image.width), scale))
    return _normalise(pixels, normalisation, torch.empty(3, pixels.shape[0], pixels.shape[2]))


def size_of(image: np.ndarray) -> tuple[int, int]:
    """Height and width of an image (h, w, 3)."""
    return image.shape[0], image.shape[1]


def scaled_size(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """Height and width times `factor`, rounded (halves to even), at least 1."""
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)


def random_long_side(size: tuple[int, int], limits: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """Height and width scaled so that the longer is a uniform integer within `limits`, both included."""
    return scaled_size(size, int(rng.integers(limits[0], limits[1] + 1)) / max(size))


def scale_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize labels (height, width) to `size` = (height, width), nearest."""
    return np.array(Image.fromarray(labels).resize(size[::-1], Image.Resampling.NEAREST))


def _strip(length: int, side: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Which pixels of `length` are shown along one axis of a crop, and from which of the crop's `side` on."""
    slack = length - side
    start = int(rng.integers(0, abs(slack) + 1))
    return (np.arange(start, start + side), 0) if slack >= 0 else (np.arange(length), start)


def _normalise(pixels: np.ndarray, normalisation: Normalisation, out: Tensor, top: int = 0, left: int = 0) -> Tensor:
    """Write RGB `pixels`, uint8 (h, 3, w), normalised into `out`, float32 (3, H, W), from a place on; returns it."""
    mean, std = (np.asarray(part, np.float32) for part in (normalisation.mean, normalisation.std))
    order = np.array((2, 1, 0) if normalisation.bgr else (0, 1, 2))
    # One multiplication and one subtraction a value: (x / 255 - mean) / std.
    _scale_lines(pixels, 1 / (255 * std), mean / std, order, out.numpy(), top, left)
    return out


@njit(nogil=True, cache=True)
def _scale_lines(
    lines: np.ndarray, factors: np.ndarray, offsets: np.ndarray, order: np.ndarray, out: np.ndarray, top: int, left: int
) -> None:
    for y in range(lines.shape[0]):
        for channel in range(3):
            line, target = lines[y, channel], out[order[channel], top + y, left:]
            factor, offset = factors[channel], offsets[channel]
            for x in range(len(line)):
                target[x] = np.float32(line[x]) * factor - offset

"""Augmentation of photographs and their labels. Every random draw comes from the generator that the caller gives.

The geometry is that of the released preprocessing of the classifier and of IRNet. Images are resized as uint8 (bicubic,
labels nearest), normalised, mirrored, and cropped at random. Images smaller than the crop are placed at a random
position and padded with 0 (labels with 255). All draws come first, so that only pixels inside the crop are computed.
"""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wsss.data.images import IGNORE, scale_labels


class Normalisation(NamedTuple):
    """How a network expects its input: mean and deviation of RGB values in 0..1, and whether the order is BGR."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool = False


class View(NamedTuple):
    """The part that a square crop shows of an image resized to `size` = (height, width).

    `rows` and `columns` are those of the resized image, in the order in which the crop shows them; a mirrored image has
    descending columns. They begin at `top` and `left` of the crop.
    """

    size: tuple[int, int]
    rows: np.ndarray
    columns: np.ndarray
    top: int
    left: int


def draw_view(size: tuple[int, int], side: int, rng: np.random.Generator) -> View:
    """A random crop of `side` pixels of an image of `size` = (height, width), mirrored half the time.

    If the image is smaller than the crop, the whole image is shown at a random position.
    """
    mirrored = rng.random() < 0.5
    rows, top = _strip(size[0], side, rng)
    columns, left = _strip(size[1], side, rng)
    return View(size, rows, size[1] - 1 - columns if mirrored else columns, top, left)


def view_pixels(image: np.ndarray, view: View, side: int, normalisation: Normalisation) -> Tensor:
    """A view of an image, uint8 RGB (h, w, 3), as normalised float32 (3, side, side). It is 0 outside the image."""
    from wsss.data.normalising import scale_lines  # numba takes a second to start, and `to_tensor` does without
    from wsss.data.resampling import resize_pixels

    shown = resize_pixels(image, view.size, view.rows, view.columns)
    whole = len(view.rows) == len(view.columns) == side
    crop = torch.empty(3, side, side) if whole else torch.zeros(3, side, side)
    factors, offsets = _factors(normalisation)
    order = np.array((2, 1, 0) if normalisation.bgr else (0, 1, 2))
    scale_lines(shown, factors, offsets, order, crop.numpy(), view.top, view.left)
    return crop


def view_labels(labels: np.ndarray, view: View, side: int) -> Tensor:
    """A view of labels, uint8 (height, width), as uint8 (side, side). It is 255 outside the image."""
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
        How the network expects its input.
    rng : np.random.Generator
        The source of every random draw.

    Returns
    -------
    tuple[Tensor, Tensor]
        Normalised pixels, float32 (3, side, side), 0 outside the image; labels, uint8 (side, side), 255 outside the
        image.
    """
    view = draw_view(scaled_size(size_of(image), scale), side, rng)
    return view_pixels(image, view, side, normalisation), view_labels(labels, view, side)


def to_tensor(image: Image.Image, normalisation: Normalisation, scale: float = 1.0) -> Tensor:
    """A photograph as a network expects it, resized first by a factor (see `scaled_size`).

    Parameters
    ----------
    image : Image.Image
        An RGB image, 8 bits a channel.
    normalisation : Normalisation
        How the network expects its input.
    scale : float
        The factor of the image's size, above 0.

    Returns
    -------
    Tensor
        Normalised pixels, float32 (3, height, width).
    """
    pixels = np.asarray(image).transpose(0, 2, 1)
    if scale != 1:
        from wsss.data.resampling import resize_pixels

        pixels = resize_pixels(np.asarray(image), scaled_size((image.height, image.width), scale))
    tensor = torch.empty(3, pixels.shape[0], pixels.shape[2])
    channels = tensor.numpy()[:: -1 if normalisation.bgr else 1]
    for channel, (factor, offset) in enumerate(zip(*_factors(normalisation), strict=True)):
        np.multiply(pixels[:, channel], factor, out=channels[channel])
        channels[channel] -= offset
    return tensor


def size_of(image: np.ndarray) -> tuple[int, int]:
    """Height and width of an image (h, w, 3)."""
    return image.shape[0], image.shape[1]


def scaled_size(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """Height and width times `factor`, rounded (halves to even), at least 1."""
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)


def random_long_side(size: tuple[int, int], limits: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """Height and width, scaled so that the longer one is a random integer between the `limits`, both included."""
    return scaled_size(size, int(rng.integers(limits[0], limits[1] + 1)) / max(size))


def _strip(length: int, side: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """The pixels of `length` that a crop shows along one axis, and their first position among the crop's `side`."""
    slack = length - side
    start = int(rng.integers(0, abs(slack) + 1))
    return (np.arange(start, start + side), 0) if slack >= 0 else (np.arange(length), start)


def _factors(normalisation: Normalisation) -> tuple[np.ndarray, np.ndarray]:
    """(x / 255 - mean) / std as one multiplication and one subtraction for each value: two times float32 (3,)."""
    mean, std = (np.asarray(part, np.float32) for part in (normalisation.mean, normalisation.std))
    return 1 / (255 * std), mean / std

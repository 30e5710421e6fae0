"""Augmentation of photographs, and of labels with them; every draw comes from the generator that the caller hands in.

The geometry is the released preprocessing's: resize on uint8 (bicubic, labels nearest), normalise, mirror, then a
random crop in which smaller images are placed at a random position and padded with 0 (labels with 255).
"""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wsss.data.images import IGNORE


class Normalisation(NamedTuple):
    """What a network is shown: mean and deviation of RGB values in 0..1, and whether blue comes first, not red."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool = False


def to_tensor(image: Image.Image, normalisation: Normalisation) -> Tensor:
    """Normalised float32 (3, height, width) of an RGB image."""
    mean, std = (np.asarray(part, np.float32) for part in (normalisation.mean, normalisation.std))
    # One multiplication and one addition a value: (x / 255 - mean) / std.
    pixels = np.asarray(image, np.float32)
    pixels *= 1 / (255 * std)
    pixels -= mean / std
    if normalisation.bgr:
        pixels = pixels[:, :, ::-1]
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def scale_image(image: Image.Image, factor: float) -> Image.Image:
    """Resize to the rounded size (halves to even), bicubic on uint8; untouched where the size stays the same."""
    size = (max(round(image.width * factor), 1), max(round(image.height * factor), 1))
    return image if size == image.size else image.resize(size, Image.Resampling.BICUBIC)


def scale_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize labels (height, width) to `size` = (width, height), nearest."""
    return np.array(Image.fromarray(labels).resize(size, Image.Resampling.NEAREST))


def random_long_side(image: Image.Image, limits: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Resize so that the long side is a uniform integer within `limits`, both included."""
    long_side = int(rng.integers(limits[0], limits[1] + 1))
    return scale_image(image, long_side / max(image.size))


def random_crop(
    image: Tensor, labels: Tensor | None, side: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor | None]:
    """A square of `side` pixels out of `image` (3, h, w) and `labels` (h, w), at the same random place."""
    height, width = image.shape[1:]
    source_y, target_y, rows = _place(height, side, rng)
    source_x, target_x, columns = _place(width, side, rng)
    source = (slice(source_y, source_y + rows), slice(source_x, source_x + columns))
    target = (slice(target_y, target_y + rows), slice(target_x, target_x + columns))
    cropped = image.new_zeros((image.shape[0], side, side))
    cropped[:, target[0], target[1]] = image[:, source[0], source[1]]
    if labels is None:
        return cropped, None
    cropped_labels = labels.new_full((side, side), IGNORE)
    cropped_labels[target] = labels[source]
    return cropped, cropped_labels


def augmented_pair(
    image: Image.Image,
    labels: np.ndarray,
    scale: float,
    side: int,
    normalisation: Normalisation,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Normalised pixels (3, side, side) and labels (side, side): scaled, mirrored half the time, cropped together."""
    image = scale_image(image, scale)
    targets = torch.from_numpy(scale_labels(labels, image.size))
    pixels = to_tensor(image, normalisation)
    if rng.random() < 0.5:
        pixels, targets = pixels.flip(2), targets.flip(1)
    pixels, cropped = random_crop(pixels, targets, side, rng)
    assert cropped is not None
    return pixels, cropped


def _place(length: int, side: int, rng: np.random.Generator) -> tuple[int, int, int]:
    """Start in the source, start in the target, and length of what is copied along one axis."""
    slack = length - side
    start = int(rng.integers(0, abs(slack) + 1))
    return (start, 0, side) if slack >= 0 else (0, start, length)

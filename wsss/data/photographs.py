"""Photographs as people have them, turned into upright RGB images of 8 bits and of a bounded size.

The rules: the EXIF orientation is applied. Of 16 bits, the high 8 are kept. Floats must be in 0..1, and 1 becomes 255.
Transparent parts become white. An image above the bound is made smaller, with its aspect.
"""

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import ExifTags, Image

from wsss.data.images import MOST_DECODED, REMEDY, opened
from wsss.errors import WsssError

# Smaller copies are JPEG files, because resizing has changed the pixels anyway. Copies of the same size are PNG files.
COPY_QUALITY = 95
# Modes of Pillow whose conversion to RGB needs no rule of this module.
PLAIN_MODES = ("1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "HSV")
DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")
UPRIGHT = 1
# What turns an image of each EXIF orientation upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Orientations that swap height and width.
SIDEWAYS = (5, 6, 7, 8)


class Look(NamedTuple):
    """What an image file is.

    `size` is the upright (height, width). `orientation` is that of its EXIF data, 1..8. `plain` is whether decoding and
    a plain conversion to RGB give the upright image.
    """

    size: tuple[int, int]
    orientation: int
    plain: bool


def bounded_size(size: tuple[int, int], most_pixels: int) -> tuple[int, int]:
    """The size at which an image is worked on.

    Parameters
    ----------
    size : tuple[int, int]
        Height and width of the upright photograph.
    most_pixels : int
        The bound.

    Returns
    -------
    tuple[int, int]
        The same size if it has at most `most_pixels` pixels, else the largest one of the same aspect that has; at
        least 1 each.
    """
    height, width = size
    if height * width <= most_pixels:
        return size
    factor = math.sqrt(most_pixels / (height * width))
    height = max(int(height * factor), 1)
    width = max(min(int(width * factor), most_pixels // height), 1)
    return min(height, most_pixels // width), width


def look(path: Path) -> Look:
    """What an image file is, from its header.

    Raises
    ------
    WsssError
        If the file is missing, is no image, is too large, holds several images, or holds values of an unknown range.
    """
    with _opened(path) as image:
        orientation = _orientation(image)
        size = image.size if orientation in SIDEWAYS else (image.height, image.width)
        opaque = image.mode in PLAIN_MODES and "transparency" not in image.info
        return Look(size, orientation, opaque and orientation == UPRIGHT)


def upright_image(path: Path, most_pixels: int = MOST_DECODED) -> Image.Image:
    """A photograph in RGB, upright, with at most `most_pixels` pixels.

    Parameters
    ----------
    path : Path
        A file of one of the formats of `wsss.data.images.FORMATS`.
    most_pixels : int
        The bound; see `bounded_size`.

    Returns
    -------
    Image.Image
        The image in RGB, 8 bits a channel.

    Raises
    ------
    WsssError
        As `look`, and if the file is damaged.
    """
    with _opened(path) as image:
        orientation = _orientation(image)
        height, width = bounded_size((image.height, image.width), most_pixels)
        shown = _eight_bits(image, path)
        if (height, width) != (image.height, image.width):
            shown = shown.resize((width, height), Image.Resampling.BICUBIC)
        return turned(_opaque(shown), orientation)


def save_smaller(image: Image.Image, file: BinaryIO) -> None:
    """Write the copy of a photograph that was made smaller."""
    image.save(file, "JPEG", quality=COPY_QUALITY, subsampling=0)


def worked_image(path: Path, most_pixels: int) -> Image.Image:
    """The pixels that a prepared dataset has of a photograph: upright, and of a smaller one those of its JPEG copy.

    Parameters
    ----------
    path : Path
        A file of one of the formats of `wsss.data.images.FORMATS`.
    most_pixels : int
        The bound; see `bounded_size`.

    Returns
    -------
    Image.Image
        The image in RGB, 8 bits a channel.

    Raises
    ------
    WsssError
        As `upright_image`.
    """
    image = upright_image(path, most_pixels)
    if image.size[::-1] == look(path).size:
        return image
    buffer = io.BytesIO()
    save_smaller(image, buffer)
    with Image.open(buffer) as copy:
        return copy.convert("RGB")


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """An image of an EXIF orientation, 1..8, turned upright."""
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a photograph. Raises WsssError if it is missing, damaged or too large, or holds several images."""
    with warnings.catch_warnings():
        # Pillow warns from half of its bound on.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with opened(path, "image", REMEDY) as image:
            _check_pages(image, path)
            yield image


def _check_pages(image: Image.Image, path: Path) -> None:
    # A camera's MPO file holds the photograph first, then smaller versions of it.
    if image.format != "MPO" and (pages := getattr(image, "n_frames", 1)) > 1:
        raise WsssError(f"{path} holds {pages} images (an animation or pages): save the one to use as a file; {REMEDY}")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation of an image, 1..8; 1 if it has none or an unknown one."""
    if image.format == "TIFF":
        # Pillow turns TIFF files upright itself.
        return UPRIGHT
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, UPRIGHT)
    except Exception:  # damaged EXIF data raises many kinds of errors; the pixels may be sound
        return UPRIGHT
    return value if value in range(1, 9) else UPRIGHT


def _eight_bits(image: Image.Image, path: Path) -> Image.Image:
    """The image with 8 bits a channel. Raises WsssError for values of an unknown range."""
    if image.mode in DEEP_MODES:
        deep = np.asarray(image)
        if deep.min() < 0 or deep.max() > 65_535:
            raise WsssError(f"{path} holds values outside 0..65535: save it with 8 or 16 bits; {REMEDY}")
        return Image.fromarray((deep >> 8).astype(np.uint8))
    if image.mode == "F":
        values = np.asarray(image)
        if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
            raise WsssError(f"{path} holds floats outside 0..1: save it with 8 or 16 bits; {REMEDY}")
        return Image.fromarray(np.round(values * 255).astype(np.uint8))
    return image


def _opaque(image: Image.Image) -> Image.Image:
    """The image in RGB, on white where it is transparent."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    ground = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(ground, layered).convert("RGB")

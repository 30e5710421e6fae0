"""Reading photographs and label images, and writing label images with the VOC palette."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from simplejpeg import decode_jpeg

from wsss.errors import WsssError
from wsss.files import write_bytes

IGNORE = 255


def read_image(path: Path) -> Image.Image:
    """A photograph, decoded.

    Parameters
    ----------
    path : Path
        A file of any format that Pillow reads.

    Returns
    -------
    Image.Image
        The image in RGB, 8 bits a channel.

    Raises
    ------
    WsssError
        If the file is missing or damaged.
    """
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except FileNotFoundError:
        raise WsssError(f"missing image: {path}") from None
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise WsssError(f"damaged image: {path} ({error}); replace the file or take its id out of the lists") from None


def read_pixels(path: Path) -> np.ndarray:
    """The pixels of a photograph as uint8 (height, width, 3). Trainings use it.

    For JPEG files it takes two thirds of the time of `read_image`. Both decode with libjpeg-turbo, so the pixels are
    the same. Raises WsssError if the file is missing or damaged.
    """
    try:
        pixels: np.ndarray = decode_jpeg(path.read_bytes())
    except (OSError, ValueError):
        # The file has another format or colour space, or is damaged. Pillow reads it or says what is wrong.
        pixels = np.asarray(read_image(path))
    return pixels


def read_labels(path: Path) -> np.ndarray:
    """An 8-bit label image.

    Parameters
    ----------
    path : Path
        An indexed (P) or grey (L) image of 8 bits.

    Returns
    -------
    np.ndarray
        Labels, uint8 (height, width), 0..255.

    Raises
    ------
    WsssError
        If the file is missing, damaged or of another kind.
    """
    try:
        with Image.open(path) as image:
            if image.mode not in ("P", "L"):
                raise WsssError(f"{path} is an image of mode {image.mode}; labels are 8-bit indexed (P) or grey (L)")
            return np.asarray(image)
    except FileNotFoundError:
        raise WsssError(f"missing label image: {path}") from None
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise WsssError(f"damaged label image: {path} ({error}); make it again") from None


def write_labels(path: Path, labels: np.ndarray) -> None:
    """Write labels as an indexed PNG with the VOC palette.

    Parameters
    ----------
    path : Path
        The file. It is written completely or not at all.
    labels : np.ndarray
        Labels, uint8 (height, width), 0..254; 255 is ignored.
    """
    height, width = labels.shape
    image = Image.frombytes("P", (width, height), np.asarray(labels, np.uint8).tobytes())
    image.putpalette(voc_palette().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    write_bytes(path, buffer.getvalue())


def scale_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize labels (height, width) to `size` = (height, width), nearest."""
    return np.array(Image.fromarray(labels).resize(size[::-1], Image.Resampling.NEAREST))


def voc_palette() -> np.ndarray:
    """The VOC colours, uint8 (256, 3). The bits of an index go to the high bits of red, green and blue in turn."""
    index = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (((index >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return palette

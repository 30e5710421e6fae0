"""Reading photographs and label images, and writing label images with the VOC palette."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from simplejpeg import decode_jpeg

from wsss.errors import WsssError, reason_of
from wsss.files import write_bytes

IGNORE = 255
# Pillow refuses larger images: 179 megapixels take half a gigabyte.
MOST_DECODED = 178_956_970
# Formats that are opened, whatever the ending says. Pillow hands others to programs: EPS is run by Ghostscript.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
REMEDY = "replace the file, take its id out of the lists, or set data.on_bad_image: skip"


@contextmanager
def opened(path: Path, what: str, remedy: str, content: bytes | None = None) -> Iterator[Image.Image]:
    """Open an image file. Whatever Pillow raises for a wrong file while it is open becomes one line.

    Parameters
    ----------
    path : Path
        A file of one of `FORMATS`.
    what : str
        What the file is, for messages.
    remedy : str
        The way out, for messages.
    content : bytes or None
        The file's content, if it has been read.

    Yields
    ------
    Image.Image
        The image. Its pixels may not be decoded yet.

    Raises
    ------
    WsssError
        If the file is missing, too large or damaged.
    """
    if content is None and path.exists() and not (path.is_file() or path.is_dir()):
        # To open a pipe takes until somebody writes into it.
        raise WsssError(f"{path} is a pipe or a device, and no {what}; {remedy}")
    try:
        with Image.open(path if content is None else io.BytesIO(content), formats=FORMATS) as image:
            yield image
    except (WsssError, MemoryError):
        raise
    except FileNotFoundError:
        raise WsssError(f"missing {what}: {path}") from None
    except IsADirectoryError:
        raise WsssError(f"{path} is a folder, and no {what}") from None
    except Image.DecompressionBombError:
        raise WsssError(f"{path} is too large: more than {MOST_DECODED // 10**6} megapixels; {remedy}") from None
    except Exception as error:  # damaged files raise many kinds of errors
        raise WsssError(f"damaged {what}: {path} ({reason_of(error)}); {remedy}") from None


def read_image(path: Path, content: bytes | None = None) -> Image.Image:
    """A photograph, decoded.

    Parameters
    ----------
    path : Path
        A file of one of `FORMATS`.
    content : bytes or None
        The file's content, if it has been read.

    Returns
    -------
    Image.Image
        The image in RGB, 8 bits a channel.

    Raises
    ------
    WsssError
        If the file is missing or damaged.
    """
    with opened(path, "image", REMEDY, content) as image:
        return image.convert("RGB")


def read_pixels(path: Path, content: bytes) -> np.ndarray:
    """The pixels of a photograph as uint8 (height, width, 3), from the content of its file. Trainings use it.

    For JPEG files it takes two thirds of the time of `read_image`. Both decode with libjpeg-turbo, so the pixels are
    the same. Raises WsssError if the file is damaged.
    """
    try:
        pixels: np.ndarray = decode_jpeg(content)
    except ValueError:
        # The file has another format or colour space, or is damaged. Pillow reads it or says what is wrong.
        pixels = np.asarray(read_image(path, content))
    return pixels


def read_labels(path: Path, content: bytes | None = None) -> np.ndarray:
    """An 8-bit label image.

    Parameters
    ----------
    path : Path
        An indexed (P) or grey (L) image of 8 bits.
    content : bytes or None
        The file's content, if it has been read.

    Returns
    -------
    np.ndarray
        Labels, uint8 (height, width), 0..255.

    Raises
    ------
    WsssError
        If the file is missing, damaged or of another kind.
    """
    with _opened_labels(path, content) as image:
        return np.asarray(image)


def label_size(path: Path) -> tuple[int, int]:
    """Height and width of a label image, from its header. Raises WsssError as `read_labels`, but for damaged pixels."""
    with _opened_labels(path) as image:
        return image.height, image.width


@contextmanager
def _opened_labels(path: Path, content: bytes | None = None) -> Iterator[Image.Image]:
    with opened(path, "label image", "make it again", content) as image:
        if image.mode not in ("P", "L"):
            raise WsssError(
                f"{path} is an image of mode {image.mode}; labels are 8-bit indexed (P) or grey (L): save it as such, "
                "with the value of a class in each pixel"
            )
        yield image


def read_colours(path: Path) -> np.ndarray:
    """The colours of a label image.

    Parameters
    ----------
    path : Path
        An RGB image, or an indexed one (P), whose palette gives the colours; 8 bits a channel.

    Returns
    -------
    np.ndarray
        Colours, uint8 (height, width, 3).

    Raises
    ------
    WsssError
        If the file is missing, damaged or of another kind.
    """
    with opened(path, "label image", "make it again") as image:
        if image.mode not in ("RGB", "P"):
            raise WsssError(
                f"{path} is an image of mode {image.mode}; colours are in RGB or indexed (P): save it as such"
            )
        return np.asarray(image.convert("RGB"))


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

"""The map of one class in a PNG file."""

from pathlib import Path

import numpy as np

from wsss.data.images import opened
from wsss.errors import WsssError

# The value that stands for 1, by Pillow's mode of the image.
LARGEST = {"L": 255, "I;16": 65535, "I": 65535}


def read_class_image(path: Path, most_pixels: int) -> np.ndarray:
    """The map of one class.

    Parameters
    ----------
    path : Path
        A grey PNG image of 8 or 16 bits, whose largest value stands for 1.
    most_pixels : int
        A larger image is not decoded.

    Returns
    -------
    np.ndarray
        float32 (h, w) in 0..1.

    Raises
    ------
    WsssError
        If the file is damaged, too large, or no such image.
    """
    with opened(path, "map", "write it anew") as image:
        if image.format != "PNG" or image.mode not in LARGEST:
            raise WsssError(f"{path} is no grey PNG image of 8 or 16 bits: save it as such")
        if image.width * image.height > most_pixels:
            raise WsssError(
                f"{path} has {image.height} x {image.width} pixels (height x width), more than its photograph"
            )
        return np.asarray(image, np.float32) / np.float32(LARGEST[image.mode])

"""Bilinear resizing of stored maps in numpy."""

import numpy as np


def resize_stored(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear resizing of (n, h, w) to float32 (n, H, W). Corners are not aligned, as in all released code.

    It uses numpy, because steps that read stores do not need torch otherwise, and importing torch takes seconds.
    """
    maps = np.asarray(maps, np.float32)
    left, right, share = _neighbours(maps.shape[2], size[1])
    wide = maps[:, :, left] * (1 - share) + maps[:, :, right] * share
    top, bottom, share = _neighbours(maps.shape[1], size[0])
    resized: np.ndarray = wide[:, top] * (1 - share[:, None]) + wide[:, bottom] * share[:, None]
    return resized


def _neighbours(old: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of `new` centres: the cells of `old` on both sides of it, and the weight of the second one, float32."""
    centres = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    first = centres.astype(np.int64)
    return first, np.minimum(first + 1, old - 1), (centres - first).astype(np.float32)

"""Bicubic resizing of uint8 images with exactly Pillow's result, only for the rows and columns that are needed.

Pillow makes the new columns first, rounds them to uint8, and then makes the rows. Its weights are in fixed point. This
code does the same, one line of pixels at a time, in loops that a compiler vectorises. (Pillow 13 makes the rows first
if it shrinks an image that is at least about twice as tall as wide. Earlier versions, which the released code uses, do
not, and this code does not.)
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wsss.runtime.compiled import compiled

FRACTION_BITS = 22
# Where the bicubic kernel ends, in pixels.
KERNEL_RADIUS = 2.0


class FilterTaps(NamedTuple):
    """For each new pixel, the first old pixel that it depends on, int64 (n,), and the weights from that pixel on.

    `weights`: int32 (n, taps), in units of 2^-22. The number of taps is even. Taps with weight 0 may lie outside.
    """

    first: np.ndarray
    weights: np.ndarray


def resize_pixels(
    pixels: np.ndarray, size: tuple[int, int], rows: np.ndarray | None = None, columns: np.ndarray | None = None
) -> np.ndarray:
    """Some rows and columns, in the order given, of `pixels` resized to `size` = (height, width). None: all of them.

    `pixels`: uint8 (H, W, 3); the result: uint8 (rows, 3, columns).
    """
    height, width = pixels.shape[:2]
    across, down = _chosen(bicubic_taps(width, size[1]), columns), _chosen(bicubic_taps(height, size[0]), rows)
    top = int(down.first.min())
    bottom = min(int(down.first.max()) + down.weights.shape[1], height)
    # In each pass, pixels with the same weights lie in one line: first those of a column, then those of a row.
    upright = _columns_as_rows([pixels[top:bottom, :, channel] for channel in range(3)])
    narrowed = weighted_lines(upright, across.first, across.weights).reshape(-1, 3, bottom - top)
    level = _columns_as_rows([narrowed[:, channel] for channel in range(3)])
    return weighted_lines(level, down.first - top, down.weights).reshape(len(down.first), 3, -1)


@lru_cache(maxsize=2048)
def bicubic_taps(old: int, new: int) -> FilterTaps:
    """The taps that make `new` pixels from `old` ones: Keys' kernel, a = -1/2, stretched if the image shrinks."""
    stretch = max(old / new, 1.0)
    centres = (np.arange(new) + 0.5) * (old / new)
    first = np.maximum((centres - KERNEL_RADIUS * stretch + 0.5).astype(np.int64), 0)
    end = np.minimum((centres + KERNEL_RADIUS * stretch + 0.5).astype(np.int64), old)
    count = -(-int((end - first).max()) // 2) * 2
    places = first[:, None] + np.arange(count)
    weights = _keys_kernel(np.abs(places + 0.5 - centres[:, None]) / stretch)
    weights[places >= end[:, None]] = 0
    weights *= (1 << FRACTION_BITS) / weights.sum(1, keepdims=True)
    return FilterTaps(first, np.trunc(weights + np.copysign(0.5, weights)).astype(np.int32))


def _keys_kernel(distance: np.ndarray) -> np.ndarray:
    near = (1.5 * distance - 2.5) * distance * distance + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < KERNEL_RADIUS, far, 0.0))


def _chosen(taps: FilterTaps, places: np.ndarray | None) -> FilterTaps:
    return taps if places is None else FilterTaps(taps.first[places], taps.weights[places])


def _columns_as_rows(channels: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays (a, b), transposed and joined: (b, channels * a). One at a time: numpy is slow at all three at once."""
    length, lines = channels[0].shape
    out = np.empty((lines, len(channels), length), np.uint8)
    for number, channel in enumerate(channels):
        out[:, number] = channel.T
    return out.reshape(lines, -1)


@compiled
def weighted_lines(lines: np.ndarray, first: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """For each new line, the weighted sum of old lines, rounded and clipped to uint8. `lines`: uint8 (old, length)."""
    last, length = len(lines) - 1, lines.shape[1]
    out = np.empty((len(first), length), np.uint8)
    sums = np.empty(length, np.int32)
    for new in range(len(first)):
        sums[:] = 1 << (FRACTION_BITS - 1)
        # Two taps at a time, which halves the number of passes over the sums.
        for tap in range(0, weights.shape[1], 2):
            one, other = weights[new, tap], weights[new, tap + 1]
            start = first[new] + tap
            line, following = lines[min(start, last)], lines[min(start + 1, last)]
            for i in range(length):
                sums[i] += one * np.int32(line[i]) + other * np.int32(following[i])
        target = out[new]
        for i in range(length):
            target[i] = min(max(sums[i] >> FRACTION_BITS, 0), 255)
    return out

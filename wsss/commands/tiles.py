"""Labels of a photograph of any size from overlapping tiles.

A pixel in several tiles has the weighted mean of their probabilities. Weights rise and fall linearly across an overlap
and sum to 1. The probabilities of the whole photograph are never in memory: besides the tile in work, only those of the
lines that the next row of tiles overlaps.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from math import isqrt
from typing import NamedTuple

import numpy as np

# The overlap of neighbours, in pixels, for tiles of at least four times that side.
OVERLAP = 128


class Span(NamedTuple):
    """The rows or the columns of a tile.

    Of its `length` pixels from `start` on, no later tile has the first `kept`.
    """

    start: int
    length: int
    kept: int

    @property
    def end(self) -> int:
        """The first pixel after it."""
        return self.start + self.length

    def weights(self, overlap: int) -> np.ndarray:
        """The weight of each pixel, float32 (length,)."""
        weights = np.ones(self.length, np.float32)
        rising = (np.arange(overlap, dtype=np.float32) + 0.5) / overlap
        if self.start > 0:
            weights[:overlap] = rising
        if self.kept < self.length:
            weights[-overlap:] = 1 - rising
        return weights


@dataclass(frozen=True)
class Grid:
    """Tiles of a photograph of `size` (height, width), all of the same size but for the last ones."""

    size: tuple[int, int]
    overlap: int
    rows: list[Span]
    columns: list[Span]

    def boxes(self) -> Iterator[tuple[int, int, int, int]]:
        """Left, upper, right and lower bound of each tile, row after row."""
        return ((column.start, row.start, column.end, row.end) for row, column in product(self.rows, self.columns))


def grid_of(size: tuple[int, int], most_pixels: int) -> Grid:
    """The tiles of a photograph.

    Parameters
    ----------
    size : tuple[int, int]
        Height and width of the photograph.
    most_pixels : int
        The most pixels of a tile, at least 64.

    Returns
    -------
    Grid
        As few tiles as a square of `most_pixels` pixels allows.
    """
    side = isqrt(most_pixels)
    overlap = min(OVERLAP, side // 4)
    return Grid(size, overlap, _spans(size[0], side, overlap), _spans(size[1], side, overlap))


def blended_labels(
    grid: Grid, probabilities: Iterable[np.ndarray], label: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """The labels of a photograph from the probabilities of its tiles.

    Parameters
    ----------
    grid : Grid
        The tiles.
    probabilities : Iterable[np.ndarray]
        Probabilities of each tile in the order of `grid.boxes()`, float32 (n, h, w).
    label : Callable[[np.ndarray], np.ndarray]
        Makes labels, uint8 (h, w), from probabilities, float32 (n, h, w).

    Returns
    -------
    np.ndarray
        uint8 (height, width).
    """
    labels = np.empty(grid.size, np.uint8)
    # Weighted probabilities of the tiles so far, where the next tile to the right or below overlaps them.
    beside = below = np.empty(0)
    for (row, column), tile in zip(product(grid.rows, grid.columns), probabilities, strict=True):
        sums = tile * (row.weights(grid.overlap)[:, None] * column.weights(grid.overlap))
        own = slice(column.start, column.start + column.kept)
        if column.start:
            sums[:, :, : grid.overlap] += beside
        elif not row.start:
            below = np.empty((len(tile), grid.overlap, grid.size[1]), np.float32)
        beside = sums[:, :, column.kept :].copy()
        sums = sums[:, :, : column.kept]
        if row.start:
            sums[:, : grid.overlap] += below[:, :, own]
        if row.kept < row.length:
            below[:, :, own] = sums[:, row.kept :]
        labels[row.start : row.start + row.kept, own] = label(sums[:, : row.kept])
    return labels


def _spans(length: int, side: int, overlap: int) -> list[Span]:
    """As few spans of at most `side` pixels as cover `length` pixels and have this overlap."""
    count = max(-(-(length - overlap) // (side - overlap)), 1)
    step = -(-(length - overlap) // count)
    starts = [number * step for number in range(count)]
    last = length - starts[-1]
    return [*(Span(start, step + overlap, step) for start in starts[:-1]), Span(starts[-1], last, last)]

"""Labels from overlapping tiles, against an independent blending of whole maps in float64."""

from itertools import pairwise
from math import isqrt

import numpy as np
import pytest

from wsss.commands.tiles import OVERLAP, Span, blended_labels, grid_of

SIZES = [(97, 203), (64, 64), (63, 300), (300, 5), (1, 400), (150, 150), (112, 113)]


def covered(spans: list[Span], length: int) -> list[list[Span]]:
    """The spans that hold each pixel."""
    return [[span for span in spans if span.start <= pixel < span.end] for pixel in range(length)]


@pytest.mark.parametrize("most_pixels", [4096, 5000])
@pytest.mark.parametrize("size", SIZES)
def test_tiles_cover_the_photograph_and_are_no_larger_than_allowed(size: tuple[int, int], most_pixels: int) -> None:
    grid = grid_of(size, most_pixels)
    boxes = list(grid.boxes())
    assert len(set(boxes)) == len(boxes) == len(grid.rows) * len(grid.columns)
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= size[1]
        assert 0 <= top < bottom <= size[0]
        assert (right - left) * (bottom - top) <= most_pixels
    for spans, length in ((grid.rows, size[0]), (grid.columns, size[1])):
        assert {len(found) for found in covered(spans, length)} <= {1, 2}
        for span, following in pairwise(spans):
            assert span.end - following.start == grid.overlap == isqrt(most_pixels) // 4
            assert following.start == span.start + span.kept
        assert spans[-1].end == length


def test_usual_tiles_overlap_by_the_named_number_of_pixels() -> None:
    grid = grid_of((8000, 12_000), 2_000_000)
    assert grid.overlap == OVERLAP
    assert (len(grid.rows), len(grid.columns)) == (7, 10)


def naive_weight(pixel: int, span: Span, last: bool, overlap: int) -> float:
    """It rises from 0 to 1 across the overlap at the start of a span that is not the first, and falls at its end."""
    weight = 1.0
    if span.start > 0:
        weight = min(weight, (pixel - span.start + 0.5) / overlap)
    if not last:
        weight = min(weight, (span.end - pixel - 0.5) / overlap)
    return weight


@pytest.mark.parametrize("size", [(97, 120), (64, 64), (63, 130), (130, 5)])
def test_labels_are_those_of_the_weighted_means(size: tuple[int, int]) -> None:
    grid, rng = grid_of(size, 4096), np.random.default_rng(0)
    tiles = [rng.dirichlet(np.ones(4), (b - t, r - x)).transpose(2, 0, 1) for x, t, r, b in grid.boxes()]
    sums, totals, remaining = np.zeros((4, *size)), np.zeros(size), iter(tiles)
    for row in grid.rows:
        for column in grid.columns:
            tile = next(remaining)
            for y in range(row.start, row.end):
                for x in range(column.start, column.end):
                    weight = naive_weight(y, row, row is grid.rows[-1], grid.overlap)
                    weight *= naive_weight(x, column, column is grid.columns[-1], grid.overlap)
                    sums[:, y, x] += weight * tile[:, y - row.start, x - column.start]
                    totals[y, x] += weight
    seen: list[np.ndarray] = []

    def label(probabilities: np.ndarray) -> np.ndarray:
        seen.append(probabilities.sum(axis=0))
        return probabilities.argmax(axis=0).astype(np.uint8) * 10

    found = blended_labels(grid, [tile.astype(np.float32) for tile in tiles], label)
    np.testing.assert_allclose(totals, 1, atol=1e-12)
    for part in seen:
        np.testing.assert_allclose(part, 1, atol=1e-5)
    first, second = np.sort(sums, axis=0)[[-1, -2]]
    clear = first - second > 1e-5
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(found[clear], (sums.argmax(axis=0) * 10)[clear])

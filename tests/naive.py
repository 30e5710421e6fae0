"""Helpers of the tests, written as float64 loops over pixels from the definitions."""

import numpy as np


def bilinear(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Each pixel's centre is looked up among the centres of the source's cells; constant beyond the last ones."""
    out = np.zeros((len(maps), *size))
    for y in range(size[0]):
        for x in range(size[1]):
            top, down = _neighbours(y, maps.shape[1], size[0])
            left, right = _neighbours(x, maps.shape[2], size[1])
            for row, share_y in (top, down):
                for column, share_x in (left, right):
                    out[:, y, x] += share_y * share_x * maps[:, row, column].astype(np.float64)
    return out


def _neighbours(place: int, old: int, new: int) -> tuple[tuple[int, float], tuple[int, float]]:
    centre = min(max((place + 0.5) * old / new - 0.5, 0.0), old - 1.0)
    first = min(int(centre), max(old - 2, 0))
    return (first, 1 - (centre - first)), (min(first + 1, old - 1), centre - first)

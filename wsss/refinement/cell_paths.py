"""Paths between neighbouring cells of a grid, as IRNet draws them (Ahn et al., CVPR 2019)."""

from functools import cache

Cell = tuple[int, int]


@cache
def offsets(radius: int) -> tuple[Cell, ...]:
    """Offsets (dy, dx) shorter than `radius` cells, one of each opposite pair: dy > 0, or dy = 0 and dx > 0."""
    reach = range(1 - radius, radius)
    half_plane = ((dy, dx) for dy in range(radius) for dx in reach if dy > 0 or dx > 0)
    return tuple((dy, dx) for dy, dx in half_plane if dy**2 + dx**2 < radius**2)


@cache
def path(dy: int, dx: int) -> tuple[Cell, ...]:
    """Cells (y, x) between (0, 0) and (dy, dx): in their rectangle, and closer than 1 to the line through both."""
    rectangle = ((y, x) for y in range(dy + 1) for x in range(min(dx, 0), max(dx, 0) + 1))
    return tuple((y, x) for y, x in rectangle if (dy * x - dx * y) ** 2 < dy**2 + dx**2)


@cache
def runs(dy: int, dx: int) -> tuple[tuple[Cell, int], ...]:
    """The cells of the path, row by row: the first cell (y, x) and the length of each row. A row has no gap."""
    rows = [[x for y, x in path(dy, dx) if y == row] for row in range(dy + 1)]
    return tuple(((row, columns[0]), len(columns)) for row, columns in enumerate(rows))

"""Textures of the generated scenes: backgrounds, skins that classes share, and the pattern of each head.

Colours are float32 RGB in [0, 1], images of shape (height, width, 3). Sizes of features follow the size of the image,
so a scene looks alike at every resolution.
"""

import colorsys
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

Shape = tuple[int, int]
# The size of a brick or a pebble, as a share of a scene's longer side.
UNIT = 1 / 12


def noise(rng: np.random.Generator, shape: Shape, cell: tuple[float, float], octaves: int = 1) -> np.ndarray:
    """Smooth random field of shape (height, width), mean 0 and standard deviation 1.

    `cell` is the height and width of the largest features, in pixels. Each octave halves their size and their weight.
    """
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        rows, columns = (int(np.clip(round(n * 2**octave / c), 2, n)) for n, c in zip(shape, cell, strict=True))
        grid = Image.fromarray(rng.standard_normal((rows, columns), dtype=np.float32))
        total += np.asarray(grid.resize(shape[::-1], Image.Resampling.BICUBIC)) / 2**octave
    return np.asarray((total - total.mean()) / max(float(total.std()), 1e-6))


def mix(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """`first` where `share` (height, width) is 0, `second` where it is 1; both broadcast to (height, width, 3)."""
    weight = np.clip(share, 0, 1)
    channels = (first[..., i] + (second[..., i] - first[..., i]) * weight for i in range(3))
    return np.stack(list(channels), -1)


def length(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Euclidean length. It is several times faster than np.hypot, which avoids overflow."""
    return np.asarray(np.sqrt(x * x + y * y))


def colour(*rgb: float) -> np.ndarray:
    """A colour from its three values in [0, 1]."""
    return np.array(rgb, np.float32)


def vivid_colour(rng: np.random.Generator, hues: tuple[float, float] = (0.0, 1.0)) -> np.ndarray:
    """A colour with a hue within `hues` (0..1 is the whole circle), neither grey nor very dark."""
    return colour(*colorsys.hsv_to_rgb(rng.uniform(*hues) % 1, rng.uniform(0.45, 0.9), rng.uniform(0.45, 0.95)))


def _unit(shape: Shape, rng: np.random.Generator) -> float:
    return max(shape) * UNIT * rng.uniform(0.75, 1.3)


def _tilted(shape: Shape, rng: np.random.Generator, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates down and right in pixels, turned by up to `degrees`."""
    angle = np.radians(rng.uniform(-degrees, degrees))
    down, right = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return (
        np.float32(np.cos(angle)) * down + np.float32(np.sin(angle)) * right,
        np.float32(np.cos(angle)) * right - np.float32(np.sin(angle)) * down,
    )


def _per_cell(rng: np.random.Generator, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """One standard normal value per cell of a grid with whole `row` and `column` numbers."""
    table = rng.standard_normal((61, 67), dtype=np.float32)
    return table[row.astype(np.int64) % 61, column.astype(np.int64) % 67]


def grass(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Upright blades of dark to yellowish green."""
    unit = _unit(shape, rng)
    blades = noise(rng, shape, (unit, unit / 5), 3)
    meadow = noise(rng, shape, (4 * unit, 4 * unit))
    green = mix(colour(0.10, 0.26, 0.06), colour(0.45, 0.60, 0.18), 0.5 + 0.22 * blades)
    return mix(green, colour(0.50, 0.50, 0.20), 0.15 + 0.12 * meadow)


def brick(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Courses of red-brown bricks in pale mortar."""
    unit = _unit(shape, rng)
    down, right = _tilted(shape, rng, 8)
    row = np.floor(down / unit)
    column = np.floor(right / (2.2 * unit) + 0.5 * (row % 2))
    edge = np.minimum(down / unit - row, (right / (2.2 * unit) + 0.5 * (row % 2) - column) * 2.2)
    tone = 0.5 + 0.2 * _per_cell(rng, row, column) + 0.10 * noise(rng, shape, (unit / 2, unit / 2), 3)
    wall = mix(colour(0.40, 0.17, 0.12), colour(0.70, 0.36, 0.26), tone)
    return mix(wall, colour(0.70, 0.67, 0.62), (edge < 0.13) * np.float32(0.85))


def water(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Ripples of teal and blue with bright crests."""
    unit = _unit(shape, rng)
    swell = noise(rng, shape, (1.2 * unit, 4 * unit), 2)
    down = np.arange(shape[0], dtype=np.float32)[:, None] / unit
    ripples = np.sin(2 * np.pi * down + 2.5 * swell) * 0.5 + 0.35 * noise(rng, shape, (unit / 3, 1.5 * unit), 2)
    sea = mix(colour(0.03, 0.22, 0.36), colour(0.16, 0.48, 0.60), 0.5 + 0.5 * ripples)
    return mix(sea, colour(0.75, 0.88, 0.92), 3 * (ripples - 0.72))


def sand(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Pale yellow grains in low dunes."""
    unit = _unit(shape, rng)
    down, _ = _tilted(shape, rng, 40)
    dunes = np.sin(np.pi * down / unit + 1.5 * noise(rng, shape, (3 * unit, 3 * unit)))
    grains = noise(rng, shape, (unit / 10, unit / 10), 2)
    return mix(colour(0.62, 0.50, 0.30), colour(0.92, 0.83, 0.62), 0.5 + 0.2 * dunes + 0.14 * grains)


def sky(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Blue that pales towards the horizon, with clouds."""
    unit = _unit(shape, rng)
    height = np.broadcast_to(np.linspace(0, 1, shape[0], dtype=np.float32)[:, None], shape)
    air = mix(colour(0.25, 0.47, 0.80), colour(0.72, 0.84, 0.93), height)
    clouds = noise(rng, shape, (2.5 * unit, 4 * unit), 4)
    return mix(air, colour(0.95, 0.95, 0.96), 0.8 * (clouds - rng.uniform(0.0, 0.8)))


def fabric(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Plaid cloth of purple and rose, with the threads of its weave."""
    unit = _unit(shape, rng)
    down, right = _tilted(shape, rng, 30)
    bands = (np.sin(1.6 * down / unit) > 0.2) * np.float32(0.5) + (np.sin(1.6 * right / unit) > 0.2) * np.float32(0.5)
    threads = np.sin(2 * np.pi * down / (0.28 * unit)) * np.sin(2 * np.pi * right / (0.28 * unit))
    cloth = mix(colour(0.36, 0.20, 0.42), colour(0.74, 0.52, 0.66), bands + 0.08 * noise(rng, shape, (unit, unit), 3))
    return cloth * (1 + 0.16 * threads)[..., None]


def planks(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Brown boards with grain along them and dark gaps between."""
    unit = _unit(shape, rng)
    down, right = _tilted(shape, rng, 8)
    row = np.floor(down / (1.8 * unit))
    tone = 0.22 * _per_cell(rng, row, np.floor(right / (9 * unit) + 0.37 * row))
    grain = 0.3 * np.sin(5 * np.pi * down / unit + 3 * noise(rng, shape, (unit, 6 * unit), 2))
    wood = mix(colour(0.30, 0.20, 0.12), colour(0.62, 0.46, 0.30), 0.5 + tone + grain * 0.5)
    return mix(wood, colour(0.10, 0.07, 0.05), (down / (1.8 * unit) - row < 0.07) * np.float32(0.9))


def pebbles(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Grey stones, each of its own tone, with dark gaps between."""
    unit = _unit(shape, rng)
    down, right = (side / np.float32(unit) for side in _tilted(shape, rng, 45))
    row, column = np.floor(down), np.floor(right)
    nearest, second, tone = np.full(shape, 9, np.float32), np.full(shape, 9, np.float32), np.zeros(shape, np.float32)
    tables = rng.uniform(0.15, 0.85, (3, 64, 64)).astype(np.float32)
    for y in (-1, 0, 1):
        for x in (-1, 0, 1):
            offset_y, offset_x, shade = tables[:, (row + y).astype(np.int64) % 64, (column + x).astype(np.int64) % 64]
            distance = length(row + y + offset_y - down, column + x + offset_x - right)
            closer = distance < nearest
            second = np.where(closer, nearest, np.minimum(second, distance))
            nearest, tone = np.where(closer, distance, nearest), np.where(closer, shade, tone)
    stones = mix(colour(0.38, 0.39, 0.41), colour(0.78, 0.76, 0.72), tone + 0.08 * noise(rng, shape, (unit, unit), 4))
    return mix(colour(0.13, 0.13, 0.14), stones, 5 * (second - nearest))


def shade(distance: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Light on a surface that is rounded towards its outline."""
    depth = np.clip(-distance / 0.22, 0, 1)
    height = 0.22 * np.sqrt(1 - (1 - depth) ** 2)
    slope_y, slope_x = np.gradient(height, 2 / len(height))
    facing = (0.8 - slope_x * light[0] - slope_y * light[1]) / np.sqrt(1 + slope_x**2 + slope_y**2)
    return np.asarray(0.55 + 0.55 * np.clip(facing, -0.2, 1.2), np.float32)


Background = Callable[[np.random.Generator, Shape], np.ndarray]
BACKGROUNDS: dict[str, Background] = {f.__name__: f for f in (grass, brick, water, sand, sky, fabric, planks, pebbles)}


def add_clutter(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """`image` with some small shapes of any colour on it. They belong to no class."""
    height, width = image.shape[:2]
    mask = Image.new("L", (width, height))
    paint = Image.new("RGB", (width, height))
    for _ in range(rng.integers(4, 11)):
        corners = int(rng.integers(3, 9))
        angles = (np.arange(corners) + rng.uniform(-0.4, 0.4, corners)) * 2 * np.pi / corners + rng.uniform(
            0, 2 * np.pi
        )
        radii = max(height, width) * rng.uniform(0.015, 0.06) * rng.uniform(0.6, 1.4, corners)
        x = rng.uniform(0, width) + radii * np.cos(angles) * rng.uniform(0.5, 1.5)
        points = list(zip(x.tolist(), (rng.uniform(0, height) + radii * np.sin(angles)).tolist(), strict=True))
        ImageDraw.Draw(mask).polygon(points, fill=255)
        ImageDraw.Draw(paint).polygon(points, fill=tuple(int(255 * value) for value in vivid_colour(rng)))
    grain = 1 + 0.15 * noise(rng, (height, width), (max(height, width) / 40,) * 2, 2)
    return mix(image, np.asarray(paint, np.float32) / 255 * grain[..., None], np.asarray(mask, np.float32) / 255)


def fur(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Streaks along the body."""
    return 0.22 * noise(rng, x.shape, (len(x) / 40, len(x) / 8), 2)


def scales(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rows of rounded scales, each with a dark rim."""
    row = np.floor(y * 11)
    across = (x * 9 + 0.5 * (row % 2)) % 1 - 0.5
    return 0.30 - 0.75 * length(across, y * 11 - row).astype(np.float32)


def bands(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Wavy bands across the body."""
    phase = rng.uniform(0, 2 * np.pi)
    waves: np.ndarray = np.sin(17 * x + phase + 0.8 * noise(rng, x.shape, (len(x) / 5,) * 2))
    return 0.28 * np.asarray(np.tanh(3 * waves))


def blotches(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Irregular dark blotches."""
    return 0.15 - 0.45 / (1 + np.exp(-8 * (noise(rng, x.shape, (len(x) / 14,) * 2, 2) - 0.5)))


# A skin changes the lightness of the body's colour. x and y are the body's own coordinates in [-1, 1].
Skin = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]

# Says where a head has its second colour. x and y are the head's coordinates, 1 at the rim.
Pattern = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _petals(x: np.ndarray, y: np.ndarray, count: int) -> np.ndarray:
    """0 in the middle of each of `count` equal sectors, 1 between two."""
    return 2 * np.asarray(np.abs((np.arctan2(y, x) * np.float32(count / (2 * np.pi))) % 1 - 0.5))


PATTERNS: dict[str, Pattern] = {
    "rings": lambda x, y: np.cos(3.2 * np.pi * length(x, y)) > 0,
    "checks": lambda x, y: (np.floor(2.4 * x + 50) + np.floor(2.4 * y + 50)) % 2 > 0,
    "spiral": lambda x, y: np.cos(np.arctan2(y, x) - 8.5 * length(x, y)) > 0,
    "dots": lambda x, y: length((2 * x) % 1 - 0.5, (2 * y) % 1 - 0.5) < 0.29,
    "star": lambda x, y: length(x, y) < 0.36 + 0.5 * _petals(x, y, 5),
    "cross": lambda x, y: np.minimum(np.abs(x), np.abs(y)) < 0.2,
    "stripes": lambda x, y: np.sin(9.5 * x) > 0,
    "pinwheel": lambda x, y: (np.arctan2(y, x) * (4 / np.pi)) % 2 > 1,
    "chevrons": lambda x, y: np.sin(9 * (y + np.abs(x))) > 0,
    "crescent": lambda x, y: (length(x, y) < 0.78) & (length(x - 0.4, y + 0.1) > 0.6),
    "eye": lambda x, y: (np.abs(y) < 0.62 * (1 - 1.2 * x**2)) & (length(x, y) > 0.3),
    "triangle": lambda x, y: (y < 0.5) & (np.abs(x) * 1.7 < y + 0.8),
}

"""Decoding and augmenting photographs for the classifier's training against the released preprocessing, on one core.

python benchmarks/input_pipeline.py [--photographs FOLDER]    # some seconds; FOLDER: JPEG files to use as well
"""

import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from measure import median_seconds
from photographs import photograph
from PIL import Image
from record import Row, command_line, write_record

from wsss.data.augmentation import draw_view, random_long_side, size_of, view_pixels
from wsss.data.images import read_pixels
from wsss.networks.backbones import TORCHVISION_INPUT
from wsss.training.loop import rng_for

LONG_SIDE, CROP = (320, 640), 512
Way = Callable[[Path, np.random.Generator], np.ndarray]


def released(path: Path, rng: np.random.Generator) -> np.ndarray:
    """The released method: resize all, normalise channel by channel, mirror, crop, then transpose."""
    image = Image.open(path).convert("RGB")
    scale = int(rng.integers(LONG_SIDE[0], LONG_SIDE[1] + 1)) / max(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    if size != image.size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    photograph = np.asarray(image)
    pixels = np.empty_like(photograph, np.float32)
    for channel in range(3):
        mean, std = TORCHVISION_INPUT.mean[channel], TORCHVISION_INPUT.std[channel]
        pixels[..., channel] = (photograph[..., channel] / 255.0 - mean) / std
    if rng.random() < 0.5:
        pixels = np.fliplr(pixels)
    container = np.zeros((CROP, CROP, 3), np.float32)
    (from_y, to_y), (from_x, to_x) = (slices(length, rng) for length in pixels.shape[:2])
    container[to_y, to_x] = pixels[from_y, from_x]
    return np.ascontiguousarray(container.transpose(2, 0, 1))


def slices(length: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """The pixels that are copied along one axis, and their place in the crop."""
    start = int(rng.integers(0, abs(length - CROP) + 1))
    if length >= CROP:
        return slice(start, start + CROP), slice(0, CROP)
    return slice(0, length), slice(start, start + length)


def ours(path: Path, rng: np.random.Generator) -> np.ndarray:
    """The workflow's method."""
    image = read_pixels(path, path.read_bytes())
    view = draw_view(random_long_side(size_of(image), LONG_SIDE, rng), CROP, rng)
    return view_pixels(image, view, CROP, TORCHVISION_INPUT).numpy()


def decoded(path: Path, rng: np.random.Generator) -> np.ndarray:
    """Decoding only, which every method needs."""
    return np.asarray(Image.open(path).convert("RGB"))


def write_photographs(folder: Path, count: int) -> list[Path]:
    """JPEG files of 500 x 375 pixels: smooth colours with some noise, in quality 90."""
    paths = []
    for number in range(count):
        paths.append(folder / f"{number}.jpg")
        photograph(500, 375, number).save(paths[-1], quality=90)
    return paths


def run_all(way: Way, paths: list[Path]) -> Iterator[np.ndarray]:
    """Every photograph once, with the same seeds for all methods."""
    for number, path in enumerate(paths):
        yield way(path, rng_for(0, 0, number))


def exhaust(way: Way, paths: list[Path]) -> None:
    """The same, without keeping results, as a loader copies each sample into its batch."""
    deque(run_all(way, paths), maxlen=0)


def grey_levels_apart(paths: list[Path]) -> float:
    """The largest difference of a pixel between both methods, in units of 1/255."""
    std = np.array(TORCHVISION_INPUT.std)[:, None, None]
    pairs = zip(run_all(released, paths), run_all(ours, paths), strict=True)
    return max(float((np.abs(one - other) * std).max() * 255) for one, other in pairs)


def compare(what: str, paths: list[Path], repetitions: int) -> Row:
    """Images a second of each method on one core, and of decoding alone."""
    calls = {way.__name__: partial(exhaust, way, paths) for way in (released, ours, decoded)}
    apart = grey_levels_apart(paths)
    seconds = median_seconds(calls, dict.fromkeys(calls, repetitions), time.process_time)
    rates = {name: len(paths) / total for name, total in seconds.items()}
    size = sum(path.stat().st_size for path in paths) / len(paths)
    ratio = rates["ours"] / rates["released"]
    return Row(
        f"decoding and augmenting {what}",
        f"{len(paths)} JPEG files of {size / 1000:.0f} kB, long side {LONG_SIDE[0]} to {LONG_SIDE[1]}, crop {CROP}",
        ours=rates["ours"],
        unit="images/s",
        threads=1,
        reference=rates["released"],
        ratio=ratio,
        error=f"{apart:.0e} grey levels",
        goal="at least 3 times, within 1 grey level",
        met=ratio >= 3 and apart <= 1,
        note=f"decoding alone would be {rates['decoded'] / rates['released']:.2f} times as fast; processor's seconds",
    )


def main() -> None:
    """Print images a second, the difference and the ratio."""
    parser = command_line(__doc__)
    parser.add_argument("--photographs", type=Path, help="a folder of JPEG files, of which the first 40 are used")
    parser.add_argument("--repetitions", type=int, default=9)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    if given.photographs is not None:
        rows.append(compare("photographs", sorted(given.photographs.glob("*.jpg"))[:40], given.repetitions))
    with tempfile.TemporaryDirectory() as folder:
        rows.append(compare("made images of 500x375", write_photographs(Path(folder), 20), given.repetitions))
    write_record(given.record, rows)
    for row in rows:
        print(f"{row.claim}: {row.ours:.0f} {row.unit}; {row.note}; {row.error}; {row.ratio:.2f} times")


if __name__ == "__main__":
    main()

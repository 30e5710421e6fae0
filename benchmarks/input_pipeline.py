"""Decoding and augmenting photographs for the classifier's training against the released preprocessing, on one core.

python benchmarks/input_pipeline.py [--photographs FOLDER]    # some seconds; FOLDER: JPEG files to use as well
"""

import argparse
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from measure import machine, median_seconds
from PIL import Image

from wsss.backbone import TORCHVISION_INPUT
from wsss.data.images import read_image
from wsss.data.transforms import draw_view, random_long_side, view_pixels
from wsss.training_loop import rng_for

LONG_SIDE, CROP = (320, 640), 512
Way = Callable[[Path, np.random.Generator], np.ndarray]


def released(path: Path, rng: np.random.Generator) -> np.ndarray:
    """As released: the whole photograph resized, normalised channel by channel, mirrored, cropped, then transposed."""
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
    """What is copied along one axis, and where to."""
    start = int(rng.integers(0, abs(length - CROP) + 1))
    if length >= CROP:
        return slice(start, start + CROP), slice(0, CROP)
    return slice(0, length), slice(start, start + length)


def ours(path: Path, rng: np.random.Generator) -> np.ndarray:
    """The workflow's own way."""
    image = read_image(path)
    view = draw_view(random_long_side(image.size, LONG_SIDE, rng), CROP, rng)
    return view_pixels(image, view, CROP, TORCHVISION_INPUT).numpy()


def decoded(path: Path, rng: np.random.Generator) -> np.ndarray:
    """The floor: what no way does without."""
    return np.asarray(Image.open(path).convert("RGB"))


def write_photographs(folder: Path, count: int) -> list[Path]:
    """JPEG files of 500 x 375 pixels: smooth colours with some noise, in quality 90."""
    paths = []
    for number in range(count):
        rng = np.random.default_rng(number)
        coarse = Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8))
        noisy = np.asarray(coarse.resize((500, 375)), np.int16) + rng.integers(-12, 12, (375, 500, 3))
        paths.append(folder / f"{number}.jpg")
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(paths[-1], quality=90)
    return paths


def run_all(way: Way, paths: list[Path]) -> Iterator[np.ndarray]:
    """Every photograph once, drawn from the same seeds for all ways."""
    for number, path in enumerate(paths):
        yield way(path, rng_for(0, 0, number))


def exhaust(way: Way, paths: list[Path]) -> None:
    """The same, keeping nothing: a loader copies each sample into its batch and lets it go."""
    deque(run_all(way, paths), maxlen=0)


def grey_levels_apart(paths: list[Path]) -> float:
    """The largest difference of a pixel between both ways, in units of 1/255."""
    std = np.array(TORCHVISION_INPUT.std)[:, None, None]
    pairs = zip(run_all(released, paths), run_all(ours, paths), strict=True)
    return max(float((np.abs(one - other) * std).max() * 255) for one, other in pairs)


def compare(what: str, paths: list[Path], repetitions: int) -> None:
    """Print each way's milliseconds of a core an image, and the ratios with the difference last."""
    calls = {way.__name__: partial(exhaust, way, paths) for way in (released, ours, decoded)}
    apart = grey_levels_apart(paths)
    seconds = median_seconds(calls, dict.fromkeys(calls, repetitions), time.process_time)
    each = {name: 1000 * total / len(paths) for name, total in seconds.items()}
    size = sum(path.stat().st_size for path in paths) / len(paths)
    print(f"{len(paths)} {what}, {size / 1000:.0f} kB each, long side {LONG_SIDE}, crop {CROP}, one core's time:")
    print(", ".join(f"{name} {value:.2f} ms" for name, value in each.items()) + " an image")
    beyond = (each["released"] - each["decoded"]) / (each["ours"] - each["decoded"])
    print(
        f"ratio {each['released'] / each['ours']:.2f} in all, {beyond:.1f} beyond decoding, which alone would be "
        f"{each['released'] / each['decoded']:.2f}; largest difference {apart:.5f} grey levels"
    )


def main() -> None:
    """Print the machine's line and the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, help="a folder of JPEG files, of which the first 40 are used")
    parser.add_argument("--repetitions", type=int, default=9)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(machine(), flush=True)
    if given.photographs is not None:
        compare("photographs", sorted(given.photographs.glob("*.jpg"))[:40], given.repetitions)
    with tempfile.TemporaryDirectory() as folder:
        compare("made images of 500 x 375", write_photographs(Path(folder), 20), given.repetitions)


if __name__ == "__main__":
    main()

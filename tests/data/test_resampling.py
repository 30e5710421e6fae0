"""Bicubic resizing of parts of an image against Pillow's of the whole, to the last bit."""

import numpy as np
import pytest
from PIL import Image

from wsss.data.resampling import bicubic_taps, resize_pixels

BICUBIC = Image.Resampling.BICUBIC
SIZES = [
    ((50, 37), (56, 41)),
    ((50, 37), (32, 24)),
    ((37, 50), (24, 32)),
    ((33, 50), (97, 147)),
    ((50, 50), (7, 7)),
    ((50, 40), (50, 40)),
    ((50, 40), (50, 41)),
    ((5, 3), (9, 5)),
    ((2, 2), (5, 5)),
    ((1, 1), (4, 5)),
    ((9, 1), (3, 1)),
    ((1, 3), (2, 6)),
    ((2, 150), (1, 40)),
]


def picture(height: int, width: int, contrast: bool) -> np.ndarray:
    """Noise, or black and white, whose overshoots are cut off at both ends."""
    pixels = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return np.where(pixels > 127, 255, 0).astype(np.uint8) if contrast else pixels


@pytest.mark.parametrize("contrast", [False, True])
@pytest.mark.parametrize(("old", "new"), SIZES)
def test_all_pixels_are_pillows(old: tuple[int, int], new: tuple[int, int], contrast: bool) -> None:
    pixels = picture(*old, contrast)
    ours = resize_pixels(pixels, new)
    assert ours.dtype == np.uint8
    np.testing.assert_array_equal(
        ours.transpose(0, 2, 1), np.asarray(Image.fromarray(pixels).resize(new[::-1], BICUBIC))
    )


@pytest.mark.parametrize(("old", "new"), [((200, 3), (140, 2)), ((61, 20), (40, 13)), ((20, 30), (9, 40))])
def test_columns_come_first_whatever_the_shape(old: tuple[int, int], new: tuple[int, int]) -> None:
    pixels = picture(*old, True)
    columns_first = Image.fromarray(pixels).resize((new[1], old[0]), BICUBIC).resize(new[::-1], BICUBIC)
    np.testing.assert_array_equal(resize_pixels(pixels, new).transpose(0, 2, 1), np.asarray(columns_first))


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_parts_are_those_of_the_whole_in_the_order_asked_for(old: tuple[int, int], new: tuple[int, int]) -> None:
    pixels, rng = picture(*old, False), np.random.default_rng(0)
    whole = resize_pixels(pixels, new)
    for _ in range(10):
        rows, columns = (np.arange(*np.sort(rng.choice(side + 1, 2, replace=False))) for side in new)
        part = resize_pixels(pixels, new, rows, columns[::-1])
        np.testing.assert_array_equal(part, whole[rows][:, :, columns[::-1]])


@pytest.mark.parametrize(("old", "new"), [(50, 56), (50, 32), (50, 50), (1, 7), (7, 1), (500, 321)])
def test_taps_weigh_one_in_all(old: int, new: int) -> None:
    first, weights = bicubic_taps(old, new)
    assert len(first) == len(weights) == new
    np.testing.assert_allclose(weights.sum(1) / 2**22, 1, atol=1e-5)
    assert first.min() >= 0
    assert first.max() < old

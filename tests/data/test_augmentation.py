"""Geometry of the augmentation: sizes, limits, places and padding, image and labels in step."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image

from wsss.data.augmentation import (
    Normalisation,
    View,
    augmented_pair,
    draw_view,
    random_long_side,
    scale_labels,
    scaled_size,
    to_tensor,
    view_labels,
    view_pixels,
)

PLAIN = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def picture(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size", [(5, 3), (1, 1), (1, 7)])
def test_values_are_normalised_channel_by_channel(size: tuple[int, int]) -> None:
    image = picture(*size)
    ours = to_tensor(image, IMAGENET)
    assert ours.dtype == torch.float32
    assert ours.shape == (3, size[1], size[0])
    assert ours.is_contiguous()
    raw = np.asarray(image)
    for channel, y, x in np.ndindex(*ours.shape):
        wanted = (float(raw[y, x, channel]) / 255 - IMAGENET[0][channel]) / IMAGENET[1][channel]
        assert ours[channel, y, x].item() == pytest.approx(wanted, abs=2e-6)


def test_blue_comes_first_where_it_is_asked_for() -> None:
    image = picture(5, 3)
    rgb, bgr = to_tensor(image, IMAGENET), to_tensor(image, IMAGENET._replace(bgr=True))
    assert bgr.is_contiguous()
    assert torch.equal(bgr, rgb[[2, 1, 0]])


def test_a_photograph_is_not_changed_by_reading_its_values() -> None:
    image = picture(5, 3)
    before = np.asarray(image).copy()
    to_tensor(image, IMAGENET)
    np.testing.assert_array_equal(np.asarray(image), before)


@pytest.mark.parametrize(
    ("size", "factor", "wanted"),
    [
        ((5, 3), 0.5, (2, 2)),  # 2.5 and 1.5: both halves go to the even 2
        ((7, 9), 0.5, (4, 4)),  # 3.5 and 4.5
        ((500, 375), 0.5, (250, 188)),  # 187.5
        ((375, 333), 1.5, (562, 500)),  # 562.5 and 499.5
        ((333, 500), 2.0, (666, 1000)),
        ((3, 1), 0.1, (1, 1)),  # never less than a pixel
        ((1, 1), 1.5, (2, 2)),
        ((50, 30), 1.26, (63, 38)),
    ],
)
def test_sizes_are_rounded_with_halves_to_even(size: tuple[int, int], factor: float, wanted: tuple[int, int]) -> None:
    assert scaled_size(size, factor) == wanted
    assert to_tensor(picture(*size[::-1]), PLAIN, factor).shape == (3, *wanted)


@pytest.mark.parametrize("bgr", [False, True])
@pytest.mark.parametrize("scale", [1.0, 0.5, 2.0, 0.31])
def test_scaled_pixels_are_those_of_the_resized_image(scale: float, bgr: bool) -> None:
    image, normalisation = picture(50, 31), IMAGENET._replace(bgr=bgr)
    resized = image.resize(scaled_size(image.size[::-1], scale)[::-1], Image.Resampling.BICUBIC)
    assert torch.equal(to_tensor(image, normalisation, scale), to_tensor(resized, normalisation))


@pytest.mark.parametrize(("old", "new"), [((5, 7), (10, 14)), ((6, 9), (2, 3)), ((4, 5), (3, 11)), ((1, 1), (2, 3))])
def test_labels_are_resized_to_the_nearest_centre(old: tuple[int, int], new: tuple[int, int]) -> None:
    labels = np.random.default_rng(0).choice(np.array([0, 1, 20, 255], np.uint8), old)
    ours = scale_labels(labels, new)
    assert ours.dtype == np.uint8
    assert ours.shape == new
    for y, x in np.ndindex(*ours.shape):
        row, column = int((y + 0.5) * old[0] / new[0]), int((x + 0.5) * old[1] / new[1])
        assert ours[y, x] == labels[row, column]


@pytest.mark.parametrize("size", [(50, 30), (30, 50), (40, 40)])
def test_the_long_side_takes_every_length_within_its_limits(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    sizes = [random_long_side(size, (48, 52), rng) for _ in range(150)]
    assert {max(found) for found in sizes} == {48, 49, 50, 51, 52}
    for found in sizes:
        assert found == tuple(round(side * max(found) / max(size)) for side in size)


def test_one_length_is_always_taken() -> None:
    assert random_long_side((64, 48), (32, 32), np.random.default_rng(0)) == (32, 24)


def views(height: int, width: int, side: int, count: int = 600) -> Iterator[View]:
    rng = np.random.default_rng(2)
    for _ in range(count):
        yield draw_view((height, width), side, rng)


def places(length: int, side: int) -> range:
    """The possible positions of the source's first pixel along one side of the crop."""
    return range(min(side - length, 0), max(side - length, 0) + 1)


@pytest.mark.parametrize(
    ("height", "width", "side"),
    [(7, 9, 4), (3, 2, 5), (3, 9, 5), (9, 3, 5), (1, 1, 3), (5, 5, 5), (5, 8, 5), (1, 1, 1)],
)
def test_views_show_a_connected_part_straight_or_mirrored(height: int, width: int, side: int) -> None:
    seen, mirrored = set(), 0
    for view in views(height, width, side):
        assert view.size == (height, width)
        step = -1 if view.columns[0] > view.columns[-1] else 1
        mirrored += step == -1
        columns = view.columns if step == 1 else width - 1 - view.columns
        for shown, start, length in ((view.rows, view.top, height), (columns, view.left, width)):
            assert len(shown) == min(length, side)
            assert list(shown) == list(range(shown[0], shown[0] + len(shown)))
            assert 0 <= shown[0] <= shown[-1] < length
            assert 0 <= start <= side - len(shown)
        seen.add((view.top - int(view.rows[0]), view.left - int(columns[0])))
    # Every place is taken in the end, the first and the last included, whichever is the larger.
    assert seen >= {(y, x) for y in places(height, side) for x in places(width, side)}
    assert min(width, side) == 1 or 240 <= mirrored <= 360


def step_by_step(
    image: Image.Image, labels: np.ndarray, scale: float, side: int, normalisation: Normalisation, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The released order: all of the image resized, normalised and mirrored, then cropped into a container."""
    rng = np.random.default_rng(seed)
    size = scaled_size(image.size[::-1], scale)
    image = image.resize(size[::-1], Image.Resampling.BICUBIC)
    pixels, targets = to_tensor(image, normalisation), torch.from_numpy(scale_labels(labels, size))
    if rng.random() < 0.5:
        pixels, targets = pixels.flip(2), targets.flip(1)
    starts = [int(rng.integers(0, abs(length - side) + 1)) for length in targets.shape]
    crop, cropped = torch.zeros(3, side, side), torch.full((side, side), 255, dtype=torch.uint8)
    for y, x in np.ndindex(side, side):
        # If the image is longer than the crop, the start is in the image, else in the crop.
        row, column = (
            at + start if length > side else at - start
            for at, start, length in zip((y, x), starts, targets.shape, strict=True)
        )
        if 0 <= row < targets.shape[0] and 0 <= column < targets.shape[1]:
            crop[:, y, x], cropped[y, x] = pixels[:, row, column], targets[row, column]
    return crop, cropped


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bgr", [False, True])
@pytest.mark.parametrize(
    ("size", "scale", "side"),
    [
        ((31, 23), 1.3, 17),
        ((23, 17), 0.6, 16),
        ((40, 9), 1.0, 16),
        ((9, 13), 1.0, 20),
        ((1, 1), 1.0, 4),
        ((5, 1), 2, 8),
    ],
)
def test_pairs_are_those_of_the_released_order(
    size: tuple[int, int], scale: float, side: int, bgr: bool, seed: int
) -> None:
    image, normalisation = picture(*size), IMAGENET._replace(bgr=bgr)
    labels = np.random.default_rng(seed).choice(np.array([0, 1, 20, 255], np.uint8), (size[1], size[0]))
    ours = augmented_pair(np.asarray(image), labels, scale, side, normalisation, np.random.default_rng(seed))
    for one, wanted in zip(ours, step_by_step(image, labels, scale, side, normalisation, seed), strict=True):
        assert one.dtype == wanted.dtype
        assert one.is_contiguous()
        assert torch.equal(one, wanted)


def test_labels_stay_in_step_with_the_image() -> None:
    """A photograph whose colours are its labels, at scales that repeat whole pixels."""
    labels = np.random.default_rng(3).integers(1, 200, (11, 14), np.uint8)
    image = np.repeat(labels[:, :, None], 3, 2)
    for view in views(11, 14, 9, 40):
        pixels, targets = view_pixels(image, view, 9, PLAIN), view_labels(labels, view, 9)
        inside = targets != 255
        assert bool((pixels[:, ~inside] == 0).all())
        torch.testing.assert_close((pixels * 255)[:, inside], targets[inside].float().expand(3, -1))

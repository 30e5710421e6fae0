"""Geometry of the augmentation: sizes, limits, places and padding, image and labels in step."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image

from wsss.data.transforms import (
    Normalisation,
    random_crop,
    random_long_side,
    scale_image,
    scale_labels,
    to_tensor,
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
    assert scale_image(picture(*size), factor).size == wanted


def test_an_image_of_unchanged_size_is_left_alone() -> None:
    image = picture(50, 30)
    assert scale_image(image, 1.0) is image
    assert scale_image(image, 1.004) is image


def test_images_are_resized_by_pillows_bicubic_filter_on_uint8() -> None:
    image = picture(9, 7)
    ours = np.asarray(scale_image(image, 2.0))
    np.testing.assert_array_equal(ours, np.asarray(image.resize((18, 14), Image.Resampling.BICUBIC)))
    assert ours.dtype == np.uint8
    assert (ours != np.asarray(image.resize((18, 14), Image.Resampling.BILINEAR))).any()


@pytest.mark.parametrize(("old", "new"), [((5, 7), (14, 10)), ((6, 9), (3, 2)), ((4, 5), (11, 3)), ((1, 1), (3, 2))])
def test_labels_are_resized_to_the_nearest_centre(old: tuple[int, int], new: tuple[int, int]) -> None:
    labels = np.random.default_rng(0).choice(np.array([0, 1, 20, 255], np.uint8), old)
    ours = scale_labels(labels, new)
    assert ours.dtype == np.uint8
    assert ours.shape == (new[1], new[0])
    for y, x in np.ndindex(*ours.shape):
        row, column = int((y + 0.5) * old[0] / new[1]), int((x + 0.5) * old[1] / new[0])
        assert ours[y, x] == labels[row, column]


@pytest.mark.parametrize("size", [(50, 30), (30, 50), (40, 40)])
def test_the_long_side_takes_every_length_within_its_limits(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    image = picture(*size)
    sizes = [random_long_side(image, (48, 52), rng).size for _ in range(150)]
    assert {max(found) for found in sizes} == {48, 49, 50, 51, 52}
    for found in sizes:
        assert found == tuple(round(side * max(found) / max(size)) for side in size)


def test_one_length_is_always_taken() -> None:
    assert random_long_side(picture(64, 48), (32, 32), np.random.default_rng(0)).size == (32, 24)


def grid(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """An image whose values name their place, never 0, and labels that name the same place in a byte."""
    places = torch.arange(height * width).reshape(height, width)
    image = torch.stack([places + 1, places + 1001, -places - 1]).float()
    return image, (places % 200).to(torch.uint8)


def crops(height: int, width: int, side: int, count: int = 300) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    rng = np.random.default_rng(2)
    for _ in range(count):
        image, labels = random_crop(*grid(height, width), side, rng)
        assert labels is not None
        yield image, labels


def places(length: int, side: int) -> range:
    """Where the source's first pixel may come to lie along one side of the crop."""
    return range(min(side - length, 0), max(side - length, 0) + 1)


@pytest.mark.parametrize(
    ("height", "width", "side"),
    [(7, 9, 4), (3, 2, 5), (3, 9, 5), (9, 3, 5), (1, 1, 3), (5, 5, 5), (5, 8, 5), (1, 1, 1)],
)
def test_crops_show_a_connected_part_with_its_labels(height: int, width: int, side: int) -> None:
    seen = set()
    for image, labels in crops(height, width, side):
        assert image.shape == (3, side, side)
        assert labels.shape == (side, side)
        assert labels.dtype == torch.uint8
        inside = image[0] > 0
        # Padding is 0 in all channels and 255 in the labels, nowhere else.
        assert bool((image[:, ~inside] == 0).all())
        assert bool((labels[~inside] == 255).all())
        rows, columns = (torch.nonzero(inside.any(axis))[:, 0] for axis in (1, 0))
        assert len(rows) == min(height, side)
        assert len(columns) == min(width, side)
        top, left = int(rows[0]), int(columns[0])
        source_y, source_x = divmod(int(image[0, top, left]) - 1, width)
        expected_image, expected_labels = grid(height, width)
        here = (slice(top, top + len(rows)), slice(left, left + len(columns)))
        there = (slice(source_y, source_y + len(rows)), slice(source_x, source_x + len(columns)))
        assert torch.equal(image[:, here[0], here[1]], expected_image[:, there[0], there[1]])
        assert torch.equal(labels[here], expected_labels[there])
        seen.add((top - source_y, left - source_x))
    # Every place is taken in the end, the first and the last included, whichever is the larger.
    assert seen == {(y, x) for y in places(height, side) for x in places(width, side)}


def test_the_place_does_not_depend_on_whether_there_are_labels() -> None:
    image, labels = grid(7, 9)
    with_labels, _ = random_crop(image, labels, 4, np.random.default_rng(5))
    without, none = random_crop(image, None, 4, np.random.default_rng(5))
    assert none is None
    assert torch.equal(with_labels, without)


def test_the_same_generator_gives_the_same_picture() -> None:
    image = picture(50, 30)
    ours = [random_long_side(image, (20, 90), np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(*(np.asarray(one) for one in ours))

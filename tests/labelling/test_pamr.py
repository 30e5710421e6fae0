"""PAMR against a loop over pixels in float64, and against what the released code computes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.reference import assert_near, blobs, figures, noise
from wsss.data.images import read_image
from wsss.labelling.pamr import Pamr, neighbour_weights, pamr
from wsss.settings.pamr import PamrSettings

RELEASED = PamrSettings(method="pamr")
RING = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]


def near(values: np.ndarray, row: int, column: int) -> np.ndarray:
    """The value (K,) at a place, or at the border's place that is nearest to it."""
    height, width = values.shape[1:]
    found: np.ndarray = values[:, min(max(row, 0), height - 1), min(max(column, 0), width - 1)]
    return found


def looped_weights(image: np.ndarray, row: int, column: int, settings: PamrSettings) -> np.ndarray:
    """Weights (8 * dilations,) of one pixel's neighbours."""
    centre = near(image, row, column)
    places = [(row + d * dy, column + d * dx) for d in settings.dilations for dy, dx in RING]
    seen = [*(near(image, *place) for place in places), *([centre] * len(settings.dilations))]
    deviation = np.std(seen, axis=0, ddof=1)
    logits = []
    for place in places:
        shares = np.abs(centre - near(image, *place)) / (1e-8 + settings.colour_tolerance * deviation)
        logits.append(-shares.mean())
    exponentials = np.exp(np.array(logits) - max(logits))
    weights: np.ndarray = exponentials / exponentials.sum()
    return weights


def looped(image: np.ndarray, mask: np.ndarray, settings: PamrSettings) -> np.ndarray:
    """Masks (C, H, W) after all iterations, pixel by pixel, of an image (K, H, W); all float64."""
    height, width = image.shape[1:]
    for _ in range(settings.iterations):
        means = np.empty_like(mask)
        for row, column in np.ndindex(height, width):
            places = [(row + d * dy, column + d * dx) for d in settings.dilations for dy, dx in RING]
            values = np.stack([near(mask, *place) for place in places], axis=1)
            means[:, row, column] = values @ looped_weights(image, row, column, settings)
        mask = means
    return mask


@pytest.mark.parametrize("size", [(9, 7), (1, 5), (4, 1), (1, 1)])
@pytest.mark.parametrize("dilations", [(1,), (1, 3), (2, 5, 1)])
def test_it_is_the_loop_over_pixels(size: tuple[int, int], dilations: tuple[int, ...]) -> None:
    settings = PamrSettings(method="pamr", dilations=dilations, iterations=3, colour_tolerance=0.4)
    image, mask = noise("pamr/loop/image", (3, *size)).astype(float), noise("pamr/loop/mask", (2, *size)).astype(float)
    ours = pamr(torch.from_numpy(image)[None], torch.from_numpy(mask)[None], settings)[0].numpy()
    np.testing.assert_allclose(ours, looped(image, mask, settings), rtol=0, atol=1e-12)


def test_noise_gives_the_released_values() -> None:
    settings = PamrSettings(method="pamr", dilations=(1, 3), iterations=3)
    image, mask = noise("pamr/x", (2, 3, 13, 17)), np.abs(noise("pamr/m", (2, 2, 13, 17)))
    ours = pamr(torch.from_numpy(image), torch.from_numpy(mask), settings)
    assert_near(ours, figures("pamr")["noise_dilations_1_3_iterations_3"])


@pytest.fixture(scope="module")
def small_photograph(photographs: Path) -> torch.Tensor:
    """The photograph of the released figures, float32 (1, 3, 64, 96) in 0..1."""
    path = photographs / "JPEGImages" / "2007_001774.jpg"
    if not path.is_file():
        pytest.skip(f"no photograph {path.name}")
    pixels = np.asarray(read_image(path).resize((96, 64), Image.Resampling.BICUBIC), np.float32) / 255
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def released_mask() -> torch.Tensor:
    """Masks (1, 4, 16, 24): background where no blob is."""
    maps = blobs("pamr/mask", 16, 24, 3)
    return torch.from_numpy(np.concatenate([1 - maps.max(axis=0, keepdims=True), maps]))[None]


@pytest.mark.photographs
@pytest.mark.parametrize(("iterations", "name"), [(1, "one_iteration"), (10, "ten_iterations")])
def test_a_photograph_gives_the_released_values(small_photograph: torch.Tensor, iterations: int, name: str) -> None:
    settings = RELEASED.model_copy(update={"iterations": iterations})
    ours = pamr(small_photograph, released_mask(), settings)
    assert_near(ours[..., ::2, ::2], figures("pamr")[name])


@pytest.mark.photographs
def test_a_photograph_gives_the_released_labels(small_photograph: torch.Tensor) -> None:
    ours = pamr(small_photograph, released_mask(), RELEASED)[0]
    np.testing.assert_array_equal(ours.argmax(dim=0).numpy(), np.squeeze(figures("pamr")["labels"]))


def test_weights_of_a_pixel_sum_to_1_over_all_dilations_together() -> None:
    weights = neighbour_weights(torch.from_numpy(noise("pamr/weights", (2, 3, 8, 9))), (1, 2, 5), 0.1)
    assert weights.shape == (2, 24, 8, 9)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(dim=1), 1, atol=1e-6)
    assert (weights[:, :8].sum(dim=1) - 1 / 3).abs().max() > 0.1


def test_brightness_and_contrast_of_the_image_have_no_effect() -> None:
    image = torch.from_numpy(noise("pamr/affine", (1, 3, 6, 7))).double()
    changed = image * torch.tensor([255.0, 2.0, 0.5])[:, None, None] + torch.tensor([9.0, -3.0, 1.0])[:, None, None]
    np.testing.assert_allclose(
        neighbour_weights(changed, (1, 2), 0.1), neighbour_weights(image, (1, 2), 0.1), atol=1e-6
    )


@pytest.mark.filterwarnings("error")
def test_where_all_colours_are_equal_all_neighbours_count_alike() -> None:
    weights = neighbour_weights(torch.full((1, 3, 5, 6), 0.3), (1, 2), 0.1)
    np.testing.assert_allclose(weights, 1 / 16, rtol=1e-5)


def two_halves(height: int, width: int) -> np.ndarray:
    image = np.full((height, width, 3), 40, np.uint8)
    image[:, width // 2 :] = (200, 90, 10)
    return image


@pytest.mark.parametrize("stride", [1, 2])
def test_labels_follow_the_edge_of_the_image(stride: int) -> None:
    """The first label reaches two pixels too far, into colours of the second."""
    settings = RELEASED.model_copy(update={"stride": stride, "dilations": (1, 2, 4)})
    labels = np.zeros((24, 32), np.int64)
    labels[:, 18:] = 1
    ours = Pamr(two_halves(24, 32), 2, settings).from_labels(labels, 0.7)
    expected = (np.arange(32) >= 16).astype(np.int64)
    wrong = (ours != expected).sum(axis=1)
    assert wrong.max() <= stride - 1


def test_a_wider_grid_gives_nearly_the_same_at_equal_reach() -> None:
    """Dilations count cells: those of every second pixel reach as far as twice as many of every pixel."""
    image = np.repeat(np.repeat(two_halves(20, 20)[::2, ::2], 2, axis=0), 2, axis=1)
    scores = np.repeat(np.repeat(blobs("pamr/grid", 10, 10, 2), 2, axis=1), 2, axis=2)
    wide, fine = (
        Pamr(image, 2, RELEASED.model_copy(update={"stride": stride, "dilations": dilations})).smoothed(scores)
        for stride, dilations in ((2, (1, 2)), (1, (2, 4)))
    )
    assert np.abs(wide - fine).mean() < 0.05 < np.abs(wide - scores).mean()


def test_a_map_that_is_the_same_everywhere_stays() -> None:
    scores = np.full((2, 21, 30), 0.25, np.float32)
    image = np.random.default_rng(0).integers(0, 256, (21, 30, 3), dtype=np.uint8)
    for stride in (1, 2, 7):
        ours = Pamr(image, 2, RELEASED.model_copy(update={"stride": stride})).smoothed(scores)
        np.testing.assert_allclose(ours, scores, rtol=1e-5)


@pytest.mark.parametrize("size", [(21, 30), (1, 9), (8, 1), (1, 1)])
def test_a_grid_of_its_own_has_the_corners_of_the_image(size: tuple[int, int]) -> None:
    """Image and scores are resized to every fourth pixel, and the result back, corners aligned throughout."""
    settings = RELEASED.model_copy(update={"stride": 4})
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    scores = np.abs(noise("pamr/corners", (2, *size)))
    grid = tuple((side - 1) // 4 + 1 for side in size)
    small, cams = (
        torch.nn.functional.interpolate(values[None], grid, mode="bilinear", align_corners=True)
        for values in (torch.from_numpy(image).permute(2, 0, 1) / 255, torch.from_numpy(scores))
    )
    wanted = torch.nn.functional.interpolate(pamr(small, cams, settings), size, mode="bilinear", align_corners=True)
    np.testing.assert_allclose(Pamr(image, 2, settings).smoothed(scores), wanted[0], atol=1e-6)

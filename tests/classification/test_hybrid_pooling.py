"""Poolings against float64 loops over cells."""

import numpy as np
import pytest
import torch

from tests.reference import noise
from wsss.classification.hybrid_pooling import global_average, hybrid_pooling, local_maxima

SIZES = [(32, 32), (9, 12), (5, 7), (7, 1), (1, 1), (3, 2), (11, 4)]


def naive_maxima(features: np.ndarray, regions: int) -> np.ndarray:
    """Mean of the maxima of cells of floor(side / r) pixels; what does not fill a cell is left out."""
    batch, channels, height, width = features.shape
    tall, wide = max(height // regions, 1), max(width // regions, 1)
    out = np.zeros((batch, channels))
    for image, channel in np.ndindex(batch, channels):
        cells = []
        for top in range(0, height - tall + 1, tall):
            for left in range(0, width - wide + 1, wide):
                cells.append(
                    max(
                        float(features[image, channel, y, x])
                        for y in range(top, top + tall)
                        for x in range(left, left + wide)
                    )
                )
        out[image, channel] = sum(cells) / len(cells)
    return out


def naive_average(features: np.ndarray) -> np.ndarray:
    out = np.zeros(features.shape[:2])
    for image, channel, y, x in np.ndindex(*features.shape):
        out[image, channel] += float(features[image, channel, y, x]) / (features.shape[2] * features.shape[3])
    return out


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("regions", [1, 2, 3, 4])
def test_local_maxima_are_those_of_the_loops(size: tuple[int, int], regions: int) -> None:
    features = noise(f"pooling/{size}", (2, 3, *size))
    ours = local_maxima(torch.from_numpy(features), regions)
    assert ours.shape == (2, 3, 1, 1)
    np.testing.assert_allclose(ours[..., 0, 0], naive_maxima(features, regions), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("regions", "gamma"), [((1, 2, 4), 2.0), ((1, 2, 4), 0.0), ((1,), 0.5), ((3, 5), 1.0), ((2, 2), 4.0)]
)
def test_hybrid_pooling_is_equation_10(size: tuple[int, int], regions: tuple[int, ...], gamma: float) -> None:
    features = noise(f"pooling/{size}", (2, 3, *size))
    wanted = gamma * naive_average(features)
    for count in regions:
        wanted += naive_maxima(features, count)
    wanted /= gamma + len(regions)
    ours = hybrid_pooling(torch.from_numpy(features), regions, gamma)
    np.testing.assert_allclose(ours[..., 0, 0], wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_the_average_is_over_all_pixels(size: tuple[int, int]) -> None:
    features = noise(f"pooling/{size}", (2, 3, *size))
    ours = global_average(torch.from_numpy(features))
    assert ours.shape == (2, 3, 1, 1)
    np.testing.assert_allclose(ours[..., 0, 0], naive_average(features), rtol=1e-5, atol=1e-6)


def test_rows_that_fill_no_cell_are_dropped_and_those_that_do_make_a_cell_more() -> None:
    column = torch.arange(1.0, 12.0).reshape(1, 1, 11, 1)
    # 11 rows by r = 4: cells of 2, so five of them; the last row is left out. By r = 3: cells of 3, three of them.
    assert local_maxima(column, 4).item() == (2 + 4 + 6 + 8 + 10) / 5
    assert local_maxima(column, 3).item() == (3 + 6 + 9) / 3


def test_a_side_shorter_than_r_has_a_cell_a_pixel() -> None:
    row = torch.tensor([[[[4.0, -1.0, 3.0]]]])
    assert local_maxima(row, 4).item() == 2.0


def test_gradients_reach_one_pixel_a_cell_and_all_by_the_average() -> None:
    features = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    hybrid_pooling(features, (1, 2, 4), 2.0).sum().backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    gradient = features.grad[0, 0].numpy()
    lowest = 2.0 / 5 / 64
    np.testing.assert_allclose(gradient.min(), lowest, rtol=1e-6)
    np.testing.assert_allclose(gradient.sum(), 1.0, rtol=1e-6)
    # The largest pixel is the maximum of one cell of each grid: of 1, of 4 and of 16 cells.
    top = divmod(int(features.detach()[0, 0].argmax()), 8)
    np.testing.assert_allclose(gradient[top], lowest + (1 + 1 / 4 + 1 / 16) / 5, rtol=1e-6)
    # Maxima of larger cells are maxima of smaller ones: 16 pixels stand out.
    assert (gradient > 1.5 * lowest).sum() == 16

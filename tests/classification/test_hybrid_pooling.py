"""Poolings in cases that can be computed by hand. tests/papers compares the equations with loops."""

import numpy as np
import pytest
import torch

from wsss.classification.hybrid_pooling import (
    LocalMaxima,
    global_maximum,
    hybrid_pooling,
    maxima_of_grid,
    maxima_of_whole_cells,
)


def test_rows_that_fill_no_cell_are_dropped_and_those_that_do_make_a_cell_more() -> None:
    column = torch.arange(1.0, 12.0).reshape(1, 1, 11, 1)
    # 11 rows by r = 4: cells of 2, so five of them; the last row is left out. By r = 3: cells of 3, three of them.
    assert maxima_of_whole_cells(column, 4).item() == (2 + 4 + 6 + 8 + 10) / 5
    assert maxima_of_whole_cells(column, 3).item() == (3 + 6 + 9) / 3


def test_a_side_shorter_than_r_has_a_cell_a_pixel() -> None:
    row = torch.tensor([[[[4.0, -1.0, 3.0]]]])
    assert maxima_of_whole_cells(row, 4).item() == 2.0


def test_a_grid_has_as_many_cells_and_leaves_no_pixel_out() -> None:
    column = torch.arange(1.0, 12.0).reshape(1, 1, 11, 1)
    # Borders of 11 rows by r = 4 lie at 2.75, 5.5 and 8.25: rows 3, 6 and 9 are cut and belong to both sides.
    assert maxima_of_grid(column, 4).item() == (3 + 6 + 9 + 11) / 4
    assert maxima_of_grid(-column, 4).item() == -(1 + 3 + 6 + 9) / 4
    assert maxima_of_grid(torch.tensor([[[[4.0, -1.0, 3.0]]]]), 4).item() == (4 + 4 + 3 + 3) / 4


def test_the_global_maximum_is_of_the_whole_map() -> None:
    features = torch.tensor([[[[4.0, -1.0, 3.0]], [[-5.0, -2.0, -9.0]]]])
    assert global_maximum(features).flatten().tolist() == [4.0, -2.0]
    assert global_maximum(features).shape == (1, 2, 1, 1)


@pytest.mark.parametrize("local_maxima", [maxima_of_whole_cells, maxima_of_grid])
def test_gradients_reach_one_pixel_a_cell_and_all_by_the_average(local_maxima: LocalMaxima) -> None:
    features = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    hybrid_pooling(features, (1, 2, 4), 2.0, local_maxima).sum().backward()  # type: ignore[no-untyped-call]
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

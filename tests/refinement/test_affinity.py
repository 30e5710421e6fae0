import math
import runpy
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.reference import assert_gradients, figures, label_map, noise
from tests.refinement.released_irnet import released_irnet
from wsss.networks.released_names import Released
from wsss.refinement.cell_paths import offsets, path
from wsss.refinement.irnet.affinity import (
    _count_by_views,
    affinity_loss,
    labels_of_cells,
    pairs_by_strongest_cell,
    path_maxima,
)
from wsss.refinement.irnet.network import EdgeNetwork
from wsss.refinement.irnet.training import irnet_losses


def neighbours(radius: int) -> set[tuple[int, int]]:
    found = set()
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            later = dy > 0 or (dy == 0 and dx > 0)
            if later and math.hypot(dy, dx) < radius - 1e-9:
                found.add((dy, dx))
    return found


def cells_between(dy: int, dx: int) -> set[tuple[int, int]]:
    """By the distance from the line, of which the nearest point of a cell is found by projection."""
    found = set()
    for y in range(min(dy, 0), max(dy, 0) + 1):
        for x in range(min(dx, 0), max(dx, 0) + 1):
            along = (y * dy + x * dx) / (dy * dy + dx * dx)
            if math.hypot(y - along * dy, x - along * dx) < 1 - 1e-9:
                found.add((y, x))
    return found


@pytest.mark.parametrize(("radius", "count"), [(10, 152), (5, 34), (2, 4), (3, 12)])
def test_offsets_fill_the_half_disc(radius: int, count: int) -> None:
    assert set(offsets(radius)) == neighbours(radius)
    assert len(offsets(radius)) == len(set(offsets(radius))) == count


def test_paths_are_the_cells_near_the_line() -> None:
    for offset in offsets(10):
        assert set(path(*offset)) == cells_between(*offset)
    assert set(path(1, 1)) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert set(path(0, 3)) == {(0, 0), (0, 1), (0, 2), (0, 3)}
    assert set(path(2, -1)) == {(0, 0), (0, -1), (1, 0), (1, -1), (2, 0), (2, -1)}


def pairs(height: int, width: int, radius: int) -> list[tuple[tuple[int, int], tuple[int, int], tuple[int, int]]]:
    """(source, target, offset) of every pair whose source has all partners inside."""
    return [
        ((y, x), (y + dy, x + dx), (dy, dx))
        for dy, dx in offsets(radius)
        for y in range(height)
        for x in range(width)
        if y + radius - 1 < height and x - radius + 1 >= 0 and x + radius - 1 < width
    ]


@pytest.mark.parametrize(("height", "width", "radius"), [(9, 11, 4), (3, 5, 3), (2, 3, 2)])
def test_maxima_by_a_loop(height: int, width: int, radius: int) -> None:
    values = torch.rand(2, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ours = list(path_maxima(values, radius))
    assert len(ours) == len(offsets(radius))
    assert all(one.shape == (2, height - radius + 1, width - 2 * radius + 2) for one in ours)
    for (y, x), _, (dy, dx) in pairs(height, width, radius):
        maxima = ours[offsets(radius).index((dy, dx))]
        for image in range(2):
            expected = max(float(values[image, y + a, x + b]) for a, b in cells_between(dy, dx))
            assert float(maxima[image, y, x - radius + 1]) == expected


def test_maxima_leave_the_values_alone() -> None:
    values = torch.rand(7, 9)
    before = values.clone()
    list(path_maxima(values, 3))
    torch.testing.assert_close(values, before, rtol=0, atol=0)


def losses_by_a_loop(edge_logits: Tensor, labels: Tensor, radius: int) -> tuple[Tensor, Tensor, Tensor, list[int]]:
    sums = [edge_logits.new_zeros(()) for _ in range(3)]
    counts = [0, 0, 0]
    for grid, marks in zip(edge_logits[:, 0].sigmoid(), labels.tolist(), strict=True):
        for (y, x), (v, u), (dy, dx) in pairs(grid.shape[0], grid.shape[1], radius):
            a = 1 - torch.stack([grid[y + down, x + right] for down, right in cells_between(dy, dx)]).max()
            one, other = marks[y][x], marks[v][u]
            if 255 in (one, other):
                continue
            kind = 2 if one != other else (1 if one > 0 else 0)
            sums[kind] = sums[kind] - torch.log(a + 1e-5 if kind < 2 else 1 + 1e-5 - a)
            counts[kind] += 1
    background, foreground, negative = (total / (count + 1e-5) for total, count in zip(sums, counts, strict=True))
    return background, foreground, negative, counts


def random_labels(*shape: int) -> Tensor:
    values = torch.tensor([0, 0, 3, 20, 255], dtype=torch.uint8)
    return values[torch.randint(0, 5, shape, generator=torch.Generator().manual_seed(5))]


@pytest.mark.parametrize(("height", "width", "radius"), [(8, 9, 4), (6, 7, 3), (2, 3, 2)])
def test_losses_and_gradients_by_a_loop(height: int, width: int, radius: int) -> None:
    start = torch.randn(2, 1, height, width, generator=torch.Generator().manual_seed(4))
    labels = random_labels(2, height, width)
    logits = start.double().requires_grad_()
    background, foreground, negative, counts = losses_by_a_loop(logits, labels, radius)
    ((background + foreground) / 4 + negative / 2).backward()
    ours = start.clone().requires_grad_()
    losses = affinity_loss(ours, labels, radius)
    losses.total.backward()
    torch.testing.assert_close(torch.stack(losses).double(), torch.stack([background, foreground, negative]))
    assert ours.grad is not None
    assert logits.grad is not None
    assert logits.grad.abs().max() > 1e-3
    torch.testing.assert_close(ours.grad.double(), logits.grad, rtol=1e-4, atol=1e-7)
    assert pairs_by_strongest_cell(start[:, 0], labels, radius).sum(dim=(1, 2, 3)).tolist() == counts


def losses_by_gathering(edge_logits: Tensor, labels: Tensor, radius: int) -> Tensor:
    """The released way: every cell of every path is gathered and the maximum taken; differentiable."""
    height, width = labels.shape[1:]
    cells = torch.arange(height * width).view(height, width)
    sources = cells[: height - radius + 1, radius - 1 : width - radius + 1].flatten()
    edges, marks = edge_logits.sigmoid().flatten(1), labels.flatten(1).int()
    sums, counts = [edges.new_zeros(()) for _ in range(3)], [0, 0, 0]
    for dy, dx in offsets(radius):
        on_path = torch.stack([sources + y * width + x for y, x in cells_between(dy, dx)])
        affinity = 1 - edges[:, on_path].amax(dim=1)
        one, other = marks[:, sources], marks[:, sources + dy * width + dx]
        known = (one < 255) & (other < 255)
        kinds = [known & (one == other) & (one == 0), known & (one == other) & (one > 0), known & (one != other)]
        for kind, chosen in enumerate(kinds):
            likely = affinity[chosen] if kind < 2 else 1 - affinity[chosen]
            sums[kind] = sums[kind] - torch.log(likely + 1e-5).sum()
            counts[kind] += int(chosen.sum())
    return torch.stack([total / (count + 1e-5) for total, count in zip(sums, counts, strict=True)])


@pytest.mark.parametrize(("height", "width", "radius"), [(128, 128, 10), (33, 50, 10), (21, 17, 5)])
def test_losses_and_gradients_by_gathering(height: int, width: int, radius: int) -> None:
    start = 2 * torch.randn(2, 1, height, width, generator=torch.Generator().manual_seed(7))
    labels = random_labels(2, height, width)
    logits = start.double().requires_grad_()
    expected = losses_by_gathering(logits, labels, radius)
    (expected @ torch.tensor([0.25, 0.25, 0.5], dtype=torch.float64)).backward()
    ours = start.clone().requires_grad_()
    losses = affinity_loss(ours, labels, radius)
    losses.total.backward()
    torch.testing.assert_close(torch.stack(losses).double(), expected, rtol=1e-5, atol=0)
    assert ours.grad is not None
    assert logits.grad is not None
    largest = float(logits.grad.abs().max())
    torch.testing.assert_close(ours.grad.double(), logits.grad, rtol=0, atol=1e-5 * largest)


def test_every_offset_counts_in_a_single_source() -> None:
    labels = torch.full((1, 10, 19), 7, dtype=torch.uint8)
    counts = pairs_by_strongest_cell(torch.zeros(1, 10, 19), labels, 10)
    assert counts.sum(dim=(1, 2, 3)).tolist() == [0, 152, 0]


def test_a_batch_without_pairs_has_no_loss() -> None:
    logits = torch.randn(1, 1, 6, 7, requires_grad=True)
    losses = affinity_loss(logits, torch.full((1, 6, 7), 255, dtype=torch.uint8), 3)
    losses.total.backward()
    assert float(losses.total.detach()) == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_the_loss_pushes_edges_between_classes_up_and_within_classes_down() -> None:
    labels = torch.zeros(1, 12, 13, dtype=torch.uint8)
    labels[:, :, 7:] = 2
    logits = torch.zeros(1, 1, 12, 13, requires_grad=True)
    with torch.no_grad():
        logits[..., 6:8] = 0.1
    affinity_loss(logits, labels, 3).total.backward()
    assert logits.grad is not None
    assert logits.grad[0, 0, :, 6:8].sum() < 0
    assert logits.grad[0, 0, :, 2:5].sum() > 0


def test_saturated_edges_stay_finite() -> None:
    logits = torch.full((1, 1, 6, 7), 200.0)
    logits[..., 3:] = -200
    losses = affinity_loss(logits.requires_grad_(), random_labels(1, 6, 7), 3)
    losses.total.backward()
    assert logits.grad is not None
    assert torch.stack(losses).isfinite().all()
    assert logits.grad.isfinite().all()


def released_labels() -> Tensor:
    return torch.from_numpy(np.stack([label_map(f"irnet/label{number}", 128, 128) for number in range(2)]))


@pytest.mark.parametrize(("size", "radius"), [((23, 31), 5), ((14, 27), 3), ((4, 7), 4), ((24, 26), 10)])
def test_the_kernel_for_gpus_counts_the_same_pairs(
    size: tuple[int, int], radius: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its very code, read by Triton's interpreter on the CPU."""
    pytest.importorskip("triton", reason="torch brings no Triton here")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    count_on_gpu = runpy.run_module("wsss.refinement.kernels.affinity_on_gpu")["count_on_gpu"]
    draws = torch.Generator().manual_seed(4)
    ranks = torch.stack([torch.randperm(size[0] * size[1], generator=draws) for _ in range(2)]).int()
    labels = torch.tensor([0, 3, 20, 255], dtype=torch.uint8)[torch.randint(0, 4, (2, *size), generator=draws)]
    expected = _count_by_views(ranks, labels, radius)
    assert expected.sum() > 0
    assert torch.equal(count_on_gpu(ranks, labels, radius).long(), expected)


@pytest.mark.gpu
def test_pairs_are_counted_on_a_gpu_as_on_a_cpu() -> None:
    logits = torch.from_numpy(noise("affinity/gpu", (3, 61, 70)))
    labels = torch.tensor([0, 3, 20, 255], dtype=torch.uint8)[torch.randint(0, 4, (3, 61, 70))]
    there = pairs_by_strongest_cell(logits.cuda(), labels.cuda(), 10)
    assert torch.equal(there.cpu(), pairs_by_strongest_cell(logits, labels, 10))


def test_reduced_labels_equal_the_released_ones() -> None:
    np.testing.assert_array_equal(labels_of_cells(released_labels()), figures("irnet_loss")["reduced_labels"])


def test_reduced_labels_are_every_fourth_pixel_from_2() -> None:
    labels = torch.arange(96, dtype=torch.uint8).view(1, 8, 12)
    assert labels_of_cells(labels).tolist() == [[[26, 30, 34], [74, 78, 82]]]


@cache
def released_pass(dtype: torch.dtype) -> tuple[EdgeNetwork, dict[str, float]]:
    """The released network after a backward pass of its training input, and the four terms of the loss."""
    network = released_irnet().train().to(dtype)
    images = torch.from_numpy(noise("irnet/train", (2, 3, 128, 128))).to(dtype)
    losses = irnet_losses(network, [images, released_labels()], 10)
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    return network, {name: float(loss.detach()) for name, loss in losses.items()}


def test_losses_equal_the_released_ones() -> None:
    _, losses = released_pass(torch.float32)
    released = figures("irnet_loss")
    for name in ("positive", "negative", "displacement_foreground", "displacement_background"):
        assert 2 * losses[name] == pytest.approx(float(released[name]), rel=1e-4)
    assert len(losses) == 4
    assert sum(losses.values()) == pytest.approx(float(released["total"]), rel=1e-4)


def test_numbers_of_pairs_equal_the_released_ones() -> None:
    counts = pairs_by_strongest_cell(torch.zeros(2, 32, 32), labels_of_cells(released_labels()), 10)
    np.testing.assert_array_equal(counts.sum(dim=(1, 2, 3)), figures("irnet_loss")["pairs"])


def test_gradients_equal_the_released_ones() -> None:
    network, _ = released_pass(torch.float64)
    assert_gradients(network, Released.IRNET, 39)

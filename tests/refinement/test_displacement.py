"""Losses of the displacements against a float64 loop over pairs of cells."""

import math

import pytest
import torch
from torch import Tensor

from wsss.refinement.irnet.displacement import displacement_loss


def losses_by_a_loop(displacements: Tensor, labels: Tensor, radius: int) -> tuple[Tensor, Tensor, list[int]]:
    """Foreground and background losses, and the numbers of their pairs."""
    sums = [displacements.new_zeros(()) for _ in range(2)]
    counts = [0, 0]
    height, width = labels.shape[1:]
    for field, marks in zip(displacements, labels.tolist(), strict=True):
        for y in range(height - radius + 1):
            for x in range(radius - 1, width - radius + 1):
                for dy in range(radius):
                    for dx in range(1 - radius, radius):
                        if (dy == 0 and dx <= 0) or math.hypot(dy, dx) > radius - 1e-9:
                            continue
                        label = marks[y][x]
                        if label == 255 or marks[y + dy][x + dx] != label:
                            continue
                        kind, way = (0, (dy, dx)) if label > 0 else (1, (0, 0))
                        difference = field[:, y, x] - field[:, y + dy, x + dx]
                        sums[kind] = sums[kind] + (difference - difference.new_tensor(way)).abs().sum()
                        counts[kind] += 1
    foreground, background = (total / (2 * count + 1e-5) for total, count in zip(sums, counts, strict=True))
    return foreground, background, counts


def labels_of(*shape: int, values: tuple[int, ...] = (0, 0, 3, 20, 255)) -> Tensor:
    chosen = torch.randint(0, len(values), shape, generator=torch.Generator().manual_seed(5))
    return torch.tensor(values, dtype=torch.uint8)[chosen]


@pytest.mark.parametrize(("height", "width", "radius"), [(8, 9, 4), (6, 7, 3), (2, 3, 2), (5, 11, 5)])
@pytest.mark.parametrize("scale", [0.1, 3.0])
def test_losses_and_gradients_by_a_loop(height: int, width: int, radius: int, scale: float) -> None:
    start = scale * torch.randn(2, 2, height, width, generator=torch.Generator().manual_seed(4))
    labels = labels_of(2, height, width)
    field = start.double().requires_grad_()
    foreground, background, counts = losses_by_a_loop(field, labels, radius)
    (foreground / 2 + background / 2).backward()
    ours = start.clone().requires_grad_()
    losses = displacement_loss(ours, labels, radius)
    losses.total.backward()  # type: ignore[no-untyped-call]
    assert max(counts) > 0
    torch.testing.assert_close(torch.stack(losses).double(), torch.stack([foreground, background]))
    assert ours.grad is not None
    assert field.grad is not None
    torch.testing.assert_close(ours.grad.double(), field.grad, rtol=1e-4, atol=1e-7)


def test_a_field_that_points_to_one_place_costs_nothing_in_the_foreground() -> None:
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(15.0), indexing="ij")
    field = torch.stack([5 - rows, 7 - columns])[None]
    losses = displacement_loss(field, torch.full((1, 12, 15), 7, dtype=torch.uint8), 4)
    assert losses.foreground.item() == pytest.approx(0, abs=1e-6)
    assert losses.background.item() == 0
    # On the background the same field costs the mean way between the two cells, by either axis.
    pairs = [(dy, dx) for dy in range(4) for dx in range(-3, 4) if (dy > 0 or dx > 0) and dy * dy + dx * dx < 16]
    wanted = sum(abs(dy) + abs(dx) for dy, dx in pairs) / (2 * len(pairs))
    background = displacement_loss(field, torch.zeros(1, 12, 15, dtype=torch.uint8), 4).background
    assert background.item() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("values", [(255,), (255, 1)])
def test_without_pairs_there_is_no_loss(values: tuple[int, ...]) -> None:
    labels = torch.full((1, 6, 7), 255, dtype=torch.uint8)
    labels[0, 0, 0] = values[-1]
    field = torch.randn(1, 2, 6, 7, requires_grad=True)
    losses = displacement_loss(field, labels, 3)
    losses.total.backward()  # type: ignore[no-untyped-call]
    assert float(losses.total.detach()) == 0
    assert field.grad is not None
    assert not field.grad.any()


def test_losses_are_float32_whatever_the_branch_gives() -> None:
    field = torch.randn(1, 2, 6, 7, generator=torch.Generator().manual_seed(1)).bfloat16()
    ours = displacement_loss(field, labels_of(1, 6, 7), 3)
    wanted = displacement_loss(field.float(), labels_of(1, 6, 7), 3)
    assert ours.foreground.dtype == torch.float32
    assert ours == wanted


def test_the_loss_leads_to_the_way_between_cells() -> None:
    labels = torch.full((1, 8, 11), 4, dtype=torch.uint8)
    field = torch.zeros(1, 2, 8, 11, requires_grad=True)
    optimiser = torch.optim.SGD([field], lr=20.0)
    before = float(displacement_loss(field, labels, 4).foreground.detach())
    for step in range(300):
        optimiser.param_groups[0]["lr"] = 20.0 * (1 - step / 300)
        optimiser.zero_grad()
        displacement_loss(field, labels, 4).total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert float(displacement_loss(field, labels, 4).foreground.detach()) < 0.1 * before
    # Neighbours differ by one cell: the lower one has to go up by one more.
    rise = field[0, 0, 2:5, 5] - field[0, 0, 3:6, 5]
    torch.testing.assert_close(rise.detach(), torch.ones(3), rtol=0, atol=0.2)

import math
import runpy
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch.nn.functional import pad

from tests.reference import assert_near, blobs, figures
from wsss.data.images import read_image
from wsss.refinement.kernels import transitions
from wsss.refinement.kernels.transitions import Transitions
from wsss.refinement.random_walk import coefficients_of_power, pseudo_label, random_walk
from wsss.settings.pseudo_labels import IrnetWalkSettings

RELEASED_CAMS = ("irnet/cam", 38, 47, 3)
Walk = Literal["exact", "accelerated"]
WALKS: list[Walk] = ["exact", "accelerated"]
# What docstrings and settings promise, as a part of a class's largest value.
BOUNDS = {"exact": 1e-12, "accelerated": 1e-5}
CPU = torch.device("cpu")


def walk(cams: np.ndarray, edge: np.ndarray, radius: int, beta: float, log2_steps: int, how: Walk) -> np.ndarray:
    settings = IrnetWalkSettings(radius=radius, beta=beta, log2_steps=log2_steps, walk=how)
    return random_walk(torch.from_numpy(cams), torch.from_numpy(edge), settings).numpy()


@pytest.mark.parametrize("how", WALKS)
def test_walk_on_edge_equals_the_released_one(how: Walk) -> None:
    released = figures("irnet")
    assert_near(walk(blobs(*RELEASED_CAMS), released["edge"][0], 5, 10, 8, how), released["walk_on_edge"][:, 0])


def released_blobs() -> np.ndarray:
    return np.float32(0.6) * blobs("irnet/edge", 38, 47, 4).max(axis=0)


@pytest.mark.parametrize("how", WALKS)
def test_walk_on_blobs_equals_the_released_one(how: Walk) -> None:
    ours = walk(blobs(*RELEASED_CAMS), released_blobs(), 5, 10, 8, how)
    assert_near(ours, figures("irnet")["walk_on_blobs"][:, 0])


@pytest.mark.parametrize("how", WALKS)
def test_another_walk_equals_the_released_one(how: Walk) -> None:
    ours = walk(blobs(*RELEASED_CAMS), released_blobs(), 3, 4, 5, how)
    assert_near(ours, figures("irnet")["walk_radius_3_beta_4_times_5"][:, 0])


def dense_transitions(edge: np.ndarray, radius: int, beta: float) -> np.ndarray:
    height, width = edge.shape
    affinities = np.zeros((height * width, height * width))
    for y, x in np.ndindex(height, width):
        for v, u in np.ndindex(height, width):
            dy, dx = v - y, u - x
            length = math.hypot(dy, dx)
            if length > radius - 1e-9:
                continue
            strongest = 0.0
            for r in range(min(y, v), max(y, v) + 1):
                for c in range(min(x, u), max(x, u) + 1):
                    if length > 0 and abs(dy * (c - x) - dx * (r - y)) / length < 1 - 1e-9:
                        strongest = max(strongest, float(edge[r, c]))
            affinities[y * width + x, v * width + u] = 1.0 if length == 0 else (1 - strongest) ** beta
    return affinities / affinities.sum(axis=0)


SIZES = [(7, 9), (9, 3), (2, 11), (1, 6), (6, 1), (1, 1), (4, 4)]


def random_edge(*size: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 0.7, size).astype(np.float32)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("radius", [2, 5])
def test_transitions_by_a_loop(size: tuple[int, int], radius: int) -> None:
    edge = random_edge(*size)
    stencil = Transitions(torch.from_numpy(edge), radius, 3.0)
    cells = edge.size
    each = stencil.padded(torch.eye(cells).view(cells, *size))
    moved = torch.zeros_like(each)
    stencil.step(each, moved, 1, 0)
    ours = stencil.inside(moved).reshape(cells, cells).numpy()
    np.testing.assert_allclose(ours, dense_transitions(edge, radius, 3.0), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(ours.sum(axis=0), 1, rtol=1e-12)
    assert torch.equal(moved, stencil.padded(stencil.inside(moved)))


@pytest.mark.parametrize("size", [(7, 9), (1, 1), (20, 33)])
def test_the_kernel_for_gpus_gives_the_compiled_step(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its very code, read by Triton's interpreter on the CPU."""
    pytest.importorskip("triton", reason="torch brings no Triton here")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    kernel = runpy.run_module("wsss.refinement.kernels.transitions_on_gpu")

    def step_interpreted(*given: Any) -> None:
        kernel["step_on_gpu"](*(torch.from_numpy(one) if isinstance(one, np.ndarray) else one for one in given))

    step = Transitions(torch.from_numpy(random_edge(*size)), 5, 10.0).step
    draws = torch.Generator().manual_seed(0)
    current, out = (pad(torch.randn(3, *size, generator=draws).double(), (4,) * 4) for _ in range(2))
    interpreted = out.clone()
    step(current, out, 2, 1)
    monkeypatch.setattr(transitions, "step_compiled", step_interpreted)
    step(current, interpreted, 2, 1)
    torch.testing.assert_close(interpreted, out, rtol=0, atol=1e-14)
    assert not torch.equal(current, out)


@pytest.mark.gpu
@pytest.mark.parametrize("how", WALKS)
def test_the_walk_on_a_gpu(how: Walk) -> None:
    cams, edge = torch.from_numpy(blobs(*RELEASED_CAMS)), torch.from_numpy(released_blobs())
    settings = IrnetWalkSettings(walk=how)
    there = random_walk(cams.cuda(), edge.cuda(), settings)
    assert there.is_cuda
    assert torch.equal(there, random_walk(cams.cuda(), edge.cuda(), settings))
    assert_near(there.cpu(), random_walk(cams, edge, settings).numpy(), BOUNDS[how])


def walk_by_products(cams: np.ndarray, edge: np.ndarray, radius: int, beta: float, log2_steps: int) -> np.ndarray:
    current = (cams.astype(np.float64) * (1 - edge.astype(np.float64))).reshape(len(cams), -1)
    dense = dense_transitions(edge, radius, beta)
    for _ in range(2**log2_steps):
        current = current @ dense
    return current.reshape(cams.shape)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("log2_steps", [0, 1, 3, 8])
@pytest.mark.parametrize("how", WALKS)
def test_the_walk_by_dense_products(size: tuple[int, int], log2_steps: int, how: Walk) -> None:
    edge = random_edge(*size)
    cams = np.random.default_rng(1).uniform(size=(2, *size)).astype(np.float32)
    expected = walk_by_products(cams, edge, 4, 2.0, log2_steps)
    ours = walk(cams, edge, 4, 2.0, log2_steps, how)
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, expected, rtol=0, atol=BOUNDS[how] * expected.max())
    if how == "exact":
        np.testing.assert_allclose(ours, expected, rtol=1e-9)


def assert_within_bounds(ours: np.ndarray, exact: np.ndarray, how: Walk) -> None:
    for one, expected in zip(ours, exact, strict=True):
        np.testing.assert_allclose(one, expected, rtol=0, atol=BOUNDS[how] * expected.max())
        assert one.min() >= 0


@pytest.mark.parametrize("log2_steps", [0, 1, 3, 8, 12])
def test_coefficients_make_a_power(log2_steps: int) -> None:
    coefficients = coefficients_of_power(log2_steps)
    assert len(coefficients) == 2**log2_steps + 1
    for angle in (0.0, 0.01, 0.7, 3.1):
        ours = sum(value * math.cos(k * angle) for k, value in enumerate(coefficients))
        assert ours == pytest.approx(math.cos(angle) ** 2**log2_steps, abs=1e-12)


@pytest.mark.parametrize("radius", [2, 5, 9])
@pytest.mark.parametrize("beta", [0.5, 10.0])
@pytest.mark.parametrize("log2_steps", [6, 8, 10])
def test_accelerated_walks_keep_their_bounds(radius: int, beta: float, log2_steps: int) -> None:
    edge = random_edge(37, 52) ** 2
    # The last class is a single cell: nothing's largest value falls lower.
    cams = np.zeros((3, 37, 52), np.float32)
    cams[0], cams[1, :20, 9:], cams[2, 36, 0] = blobs("walk/cam", 37, 52, 1)[0], 1, 0.3
    exact = walk(cams, edge, radius, beta, log2_steps, "exact")
    for alone, expected in zip(cams, exact, strict=True):
        ours = walk(alone[None], edge, radius, beta, log2_steps, "accelerated")
        assert_within_bounds(ours, expected[None], "accelerated")
        assert not np.array_equal(ours[0], expected)


@pytest.mark.parametrize("how", WALKS)
def test_without_edges_the_walk_averages_over_neighbours_alone(how: Walk) -> None:
    cams, edge = blobs("walk/cam", 6, 11, 2), np.zeros((6, 11), np.float32)
    assert_within_bounds(walk(cams, edge, 5, 10, 8, how), walk_by_products(cams, edge, 5, 10, 8), how)


@pytest.mark.parametrize("how", WALKS)
def test_edges_everywhere_leave_nothing(how: Walk) -> None:
    cams, edge = np.ones((2, 6, 11), np.float32), np.ones((6, 11), np.float32)
    assert not walk(cams, edge, 5, 10, 8, how).any()


@pytest.mark.parametrize("how", WALKS)
def test_many_classes_go_as_one_by_one(how: Walk) -> None:
    cams, edge = blobs("walk/many", 21, 30, 25), random_edge(21, 30)
    cams[7] = 0
    together = walk(cams, edge, 5, 10, 8, how)
    assert not together[7].any()
    for one, alone in zip(together, cams, strict=True):
        np.testing.assert_allclose(one, walk(alone[None], edge, 5, 10, 8, how)[0], rtol=0, atol=1e-5 * alone.max())
    np.testing.assert_array_equal(walk(cams, edge, 5, 10, 8, how), together)


@pytest.mark.parametrize("how", WALKS)
def test_a_closed_edge_stops_the_walk(how: Walk) -> None:
    edge = np.zeros((6, 12), np.float32)
    edge[:, 6] = 1
    cams = np.zeros((1, 6, 12), np.float32)
    cams[0, 2:4, 1:3] = 1
    walked = walk(cams, edge, 5, 10, 8, how)
    assert walked[0, :, :6].min() > 0.05
    assert walked[0, :, 6:].max() == 0


@pytest.mark.parametrize("how", WALKS)
def test_the_walk_leaves_its_input_alone(how: Walk) -> None:
    edge, cams = random_edge(5, 6), np.ones((1, 5, 6))
    walk(cams, edge, 3, 2.0, 2, how)
    np.testing.assert_array_equal(edge, random_edge(5, 6))
    np.testing.assert_array_equal(cams, np.ones((1, 5, 6)))


def contrasts(image: np.ndarray) -> np.ndarray:
    """Edges in 0..1, float32, at every fourth pixel: the largest difference of brightness nearby, over 80."""
    light = image.astype(np.float64).mean(axis=2)
    largest = np.zeros_like(light)
    for axis in (0, 1):
        largest = np.maximum(largest, np.abs(np.roll(light, 2, axis) - np.roll(light, -2, axis)))
    return np.minimum(largest[::4, ::4] / 80, 1).astype(np.float32)


@pytest.mark.photographs
def test_labels_of_photographs_hardly_change(photographs: Path) -> None:
    pixels = changed = 0
    for path in sorted((photographs / "JPEGImages").glob("*.jpg"))[:3]:
        image = np.asarray(read_image(path))
        edge, keys = contrasts(image), np.array([2, 5])
        cams = blobs(path.stem, *edge.shape, 2)
        labels = [pseudo_label(cams, keys, edge, image.shape[:2], IrnetWalkSettings(walk=how), CPU) for how in WALKS]
        assert set(np.unique(labels[0])) == {0, 3, 6}
        pixels, changed = pixels + labels[0].size, changed + np.count_nonzero(labels[0] != labels[1])
    assert changed * 100_000 <= pixels


def upsampled(values: np.ndarray, y: int, x: int) -> float:
    """Bilinear value of pixel (y, x) of an image four times as large; pixels are areas, the border is repeated."""
    row, column = (max((place + 0.5) / 4 - 0.5, 0) for place in (y, x))
    top, left = int(row), int(column)
    below, right = min(top + 1, values.shape[0] - 1), min(left + 1, values.shape[1] - 1)
    down, over = row - top, column - left
    upper = values[top, left] * (1 - over) + values[top, right] * over
    lower = values[below, left] * (1 - over) + values[below, right] * over
    return float(upper * (1 - down) + lower * down)


SETTINGS = IrnetWalkSettings(radius=3, beta=4.0, log2_steps=2, background_score=0.6)


@pytest.mark.parametrize("size", [(17, 22), (1, 1), (12, 3)])
@pytest.mark.parametrize("keys", [[4], [0, 6, 19]])
@pytest.mark.parametrize("foreground", [None, 0.8])
def test_labels_by_a_loop(size: tuple[int, int], keys: list[int], foreground: float | None) -> None:
    height, width = ((side - 1) // 4 + 1 for side in size)
    cams = np.random.default_rng(2).uniform(size=(len(keys), height, width)).astype(np.float32) ** 4
    edge = random_edge(height, width)
    walked = walk(cams, edge, 3, 4.0, 2, "exact")
    scores = {place: [upsampled(one, *place) for one in walked] for place in np.ndindex(*size)}
    largest = max(max(values) for values in scores.values())
    expected = np.zeros(size, np.uint8)
    for place, values in scores.items():
        best = max(values)
        if best / largest > (foreground or 0.6):
            expected[place] = keys[values.index(best)] + 1
        elif best / largest > 0.6:
            expected[place] = 255
    assert foreground is None or size == (1, 1) or 255 in expected
    settings = SETTINGS.model_copy(update={"foreground_score": foreground})
    ours = pseudo_label(cams, np.array(keys), edge, size, settings, CPU)
    assert ours.dtype == np.uint8
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.filterwarnings("error")
def test_cams_of_zeros_are_background() -> None:
    ours = pseudo_label(np.zeros((2, 3, 4), np.float32), np.array([1, 2]), random_edge(3, 4), (10, 13), SETTINGS, CPU)
    np.testing.assert_array_equal(ours, np.zeros((10, 13), np.uint8))


def test_without_classes_everything_is_background() -> None:
    empty = np.zeros((0, 3, 4), np.float32)
    ours = pseudo_label(empty, np.zeros(0, np.int64), random_edge(3, 4), (9, 14), SETTINGS, CPU)
    np.testing.assert_array_equal(ours, np.zeros((9, 14), np.uint8))

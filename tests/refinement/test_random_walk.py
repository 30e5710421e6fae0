import math

import numpy as np
import pytest

from tests.reference import assert_near, blobs, figures
from wsss.refinement.random_walk import pseudo_label, random_walk, transition_matrix
from wsss.settings.refinement import PseudoLabelSettings

RELEASED_CAMS = ("irnet/cam", 38, 47, 3)


def test_walk_on_edge_equals_the_released_one() -> None:
    released = figures("irnet")
    assert_near(random_walk(blobs(*RELEASED_CAMS), released["edge"][0], 5, 10, 8), released["walk_on_edge"][:, 0])


def test_walk_on_blobs_equals_the_released_one() -> None:
    edge = np.float32(0.6) * blobs("irnet/edge", 38, 47, 4).max(axis=0)
    assert_near(random_walk(blobs(*RELEASED_CAMS), edge, 5, 10, 8), figures("irnet")["walk_on_blobs"][:, 0])


def test_another_walk_equals_the_released_one() -> None:
    edge = np.float32(0.6) * blobs("irnet/edge", 38, 47, 4).max(axis=0)
    assert_near(
        random_walk(blobs(*RELEASED_CAMS), edge, 3, 4, 5), figures("irnet")["walk_radius_3_beta_4_times_5"][:, 0]
    )


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
    ours = transition_matrix(edge, radius, 3.0).toarray()
    np.testing.assert_allclose(ours, dense_transitions(edge, radius, 3.0), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(ours.sum(axis=0), 1, rtol=1e-12)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("log2_steps", [0, 3, 8])
def test_the_walk_by_dense_products(size: tuple[int, int], log2_steps: int) -> None:
    edge = random_edge(*size)
    cams = np.random.default_rng(1).uniform(size=(2, *size)).astype(np.float32)
    current = (cams.astype(np.float64) * (1 - edge.astype(np.float64))).reshape(2, -1)
    transitions = dense_transitions(edge, 4, 2.0)
    for _ in range(2**log2_steps):
        current = current @ transitions
    ours = random_walk(cams, edge, 4, 2.0, log2_steps)
    np.testing.assert_allclose(ours, current.reshape(cams.shape), rtol=0, atol=1e-12)


def test_a_closed_edge_stops_the_walk() -> None:
    edge = np.zeros((6, 12), np.float32)
    edge[:, 6] = 1
    cams = np.zeros((1, 6, 12), np.float32)
    cams[0, 2:4, 1:3] = 1
    walked = random_walk(cams, edge, 5, 10, 8)
    assert walked[0, :, :6].min() > 0.05
    assert walked[0, :, 6:].max() == 0


def test_the_walk_leaves_its_input_alone() -> None:
    edge, cams = random_edge(5, 6), np.ones((1, 5, 6))
    random_walk(cams, edge, 3, 2.0, 2)
    np.testing.assert_array_equal(cams, np.ones((1, 5, 6)))


def upsampled(values: np.ndarray, y: int, x: int) -> float:
    """Bilinear value of pixel (y, x) of an image four times as large; pixels are areas, the border is repeated."""
    row, column = (max((place + 0.5) / 4 - 0.5, 0) for place in (y, x))
    top, left = int(row), int(column)
    below, right = min(top + 1, values.shape[0] - 1), min(left + 1, values.shape[1] - 1)
    down, over = row - top, column - left
    upper = values[top, left] * (1 - over) + values[top, right] * over
    lower = values[below, left] * (1 - over) + values[below, right] * over
    return float(upper * (1 - down) + lower * down)


SETTINGS = PseudoLabelSettings(radius=3, beta=4.0, log2_steps=2, background_score=0.6)


@pytest.mark.parametrize("size", [(17, 22), (1, 1), (12, 3)])
@pytest.mark.parametrize("keys", [[4], [0, 6, 19]])
def test_labels_by_a_loop(size: tuple[int, int], keys: list[int]) -> None:
    height, width = ((side - 1) // 4 + 1 for side in size)
    cams = np.random.default_rng(2).uniform(size=(len(keys), height, width)).astype(np.float32) ** 4
    edge = random_edge(height, width)
    walked = random_walk(cams, edge, 3, 4.0, 2)
    scores = {place: [upsampled(one, *place) for one in walked] for place in np.ndindex(*size)}
    largest = max(max(values) for values in scores.values())
    expected = np.zeros(size, np.uint8)
    for place, values in scores.items():
        best = max(values)
        expected[place] = keys[values.index(best)] + 1 if best / largest > 0.6 else 0
    ours = pseudo_label(cams, np.array(keys), edge, size, SETTINGS)
    assert ours.dtype == np.uint8
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.filterwarnings("error")
def test_cams_of_zeros_are_background() -> None:
    ours = pseudo_label(np.zeros((2, 3, 4), np.float32), np.array([1, 2]), random_edge(3, 4), (10, 13), SETTINGS)
    np.testing.assert_array_equal(ours, np.zeros((10, 13), np.uint8))


def test_without_classes_everything_is_background() -> None:
    empty = np.zeros((0, 3, 4), np.float32)
    ours = pseudo_label(empty, np.zeros(0, np.int64), random_edge(3, 4), (9, 14), SETTINGS)
    np.testing.assert_array_equal(ours, np.zeros((9, 14), np.uint8))

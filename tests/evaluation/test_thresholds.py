"""All background scores at once against one loop over scores and pixels for each."""

import numpy as np
import pytest

from wsss.errors import WsssError
from wsss.evaluation.scores import confusion_matrix
from wsss.evaluation.thresholds import best, score_range, threshold_curve, threshold_matrices


def looped_matrices(
    truth: np.ndarray, cams: np.ndarray, keys: np.ndarray, scores: np.ndarray, classes: int
) -> np.ndarray:
    matrices = np.zeros((len(scores), classes, classes), np.int64)
    for t, score in enumerate(scores):
        for y in range(truth.shape[0]):
            for x in range(truth.shape[1]):
                label, top = 0, np.float32(score)
                for key, cam in zip(keys, cams, strict=True):
                    if cam[y, x] > top:
                        label, top = int(key) + 1, cam[y, x]
                if truth[y, x] != 255:
                    matrices[t, truth[y, x], label] += 1
    return matrices


def image(seed: int, n: int, shape: tuple[int, int], classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, CAMs and keys. CAMs are multiples of 1/20, so that many equal a score or one another."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([*range(classes), 255], size=shape).astype(np.uint8)
    cams = (rng.integers(0, 21, (n, *shape)) / 20).astype(np.float32)
    keys = np.sort(rng.choice(classes - 1, n, replace=False)).astype(np.int64)
    return truth, cams, keys


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (13, 11)])
@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize(
    "scores",
    [np.array([0.3]), np.arange(0, 1.05, 0.05), np.array([0.6, 0.1, 0.35, 0.1, 1.0, 0.0])],
    ids=["one", "grid", "unsorted"],
)
def test_every_score_equals_the_loop(shape: tuple[int, int], n: int, scores: np.ndarray) -> None:
    truth, cams, keys = image(n, n, shape, 7)
    matrices = threshold_matrices(truth, cams, keys, scores, 7)
    assert matrices.dtype == np.int64
    assert matrices.shape == (len(scores), 7, 7)
    np.testing.assert_array_equal(matrices, looped_matrices(truth, cams, keys, scores, 7))


def test_ties_go_to_the_background_then_to_the_first_class() -> None:
    truth = np.array([[1]], np.uint8)
    cams = np.full((2, 1, 1), 0.3, np.float32)
    at_tie, below = threshold_matrices(truth, cams, np.array([0, 1]), np.array([0.3, 0.2]), 3)
    assert at_tie[1].tolist() == [1, 0, 0]
    assert below[1].tolist() == [0, 1, 0]


def test_matrix_of_one_score_is_that_of_its_labels() -> None:
    truth, cams, keys = image(9, 3, (40, 31), 21)
    stacked = np.concatenate([np.full((1, 40, 31), 0.25, np.float32), cams])
    labels = np.array([0, *(keys + 1)])[stacked.argmax(axis=0)].astype(np.uint8)
    (matrix,) = threshold_matrices(truth, cams, keys, np.array([0.25]), 21)
    np.testing.assert_array_equal(matrix, confusion_matrix(truth, labels, 21))


@pytest.mark.parametrize("n", [0, 1])
def test_image_that_is_ignored_altogether_counts_nothing(n: int) -> None:
    truth = np.full((3, 5), 255, np.uint8)
    matrices = threshold_matrices(truth, np.zeros((n, 3, 5), np.float32), np.arange(n), np.array([0.1, 0.2]), 4)
    assert matrices.shape == (2, 4, 4)
    assert not matrices.any()


def test_cams_of_another_size_or_number_are_refused() -> None:
    truth, cams, keys = image(0, 2, (4, 5), 4)
    with pytest.raises(WsssError, match="do not fit"):
        threshold_matrices(truth, cams[:, 1:], keys, np.array([0.1]), 4)
    with pytest.raises(WsssError, match="do not fit"):
        threshold_matrices(truth, cams[:1], keys, np.array([0.1]), 4)


@pytest.mark.parametrize("n", [0, 2])
def test_truth_of_no_class_is_refused(n: int) -> None:
    _, cams, keys = image(0, n, (4, 5), 4)
    with pytest.raises(WsssError, match="truth holds 9"):
        threshold_matrices(np.full((4, 5), 9, np.uint8), cams, keys, np.array([0.1]), 4)


def test_curve_scores_the_sum_over_images() -> None:
    scores = np.array([0.1, 0.4])
    total = np.zeros((2, 3, 3), np.int64)
    for seed in range(3):
        truth, cams, keys = image(seed, 2, (9, 7), 3)
        total += threshold_matrices(truth, cams, keys, scores, 3)
    for point, score, matrix in zip(threshold_curve(total, scores, ["dog", "cat"]), scores, total, strict=True):
        expected = [matrix[k, k] / (matrix[k].sum() + matrix[:, k].sum() - matrix[k, k]) for k in range(3)]
        assert point["background_score"] == score
        assert point["miou"] == pytest.approx(np.mean(expected))
        assert list(point["per_class"].items()) == [
            ("background", pytest.approx(expected[0])),
            ("dog", pytest.approx(expected[1])),
            ("cat", pytest.approx(expected[2])),
        ]


def test_best_takes_the_lowest_of_equal_scores() -> None:
    matrices = np.array([[[1, 1], [0, 1]], [[2, 0], [0, 1]], [[2, 0], [0, 1]]])
    curve = threshold_curve(matrices, np.array([0.1, 0.3, 0.2]), ["dog"])
    assert best(curve)["background_score"] == 0.2


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((0.02, 0.10, 0.02), [0.02, 0.04, 0.06, 0.08, 0.1]),
        ((0.1, 0.5, 0.1), [0.1, 0.2, 0.3, 0.4, 0.5]),
        ((0.0, 1.0, 0.3), [0.0, 0.3, 0.6, 0.9]),
        ((0.25, 0.25, 0.05), [0.25]),
    ],
)
def test_range_includes_its_end_and_has_no_rounding_noise(
    bounds: tuple[float, float, float], expected: list[float]
) -> None:
    scores = score_range(*bounds)
    assert scores.dtype == np.float64
    assert scores.tolist() == expected

"""Confusion matrices and scores against loops over pixels and classes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.prepared import indexed, listed
from wsss.data.dataset import Dataset
from wsss.data.images import write_labels
from wsss.data.index import IndexRow
from wsss.errors import WsssError
from wsss.evaluation.scores import (
    confusion_matrix,
    iou_per_class,
    mean_iou,
    named_iou,
    pixel_accuracy,
    score_labels,
)
from wsss.files import write_json

SHAPES = [(1, 1), (1, 7), (13, 1), (17, 23)]


def looped_matrix(truth: np.ndarray, prediction: np.ndarray, classes: int) -> list[list[int]]:
    counts = [[0] * classes for _ in range(classes)]
    for y in range(truth.shape[0]):
        for x in range(truth.shape[1]):
            if truth[y, x] != 255:
                counts[truth[y, x]][prediction[y, x]] += 1
    return counts


def looped_iou(counts: list[list[int]]) -> dict[int, float]:
    scores = {}
    for k in range(len(counts)):
        hits = counts[k][k]
        missed = sum(counts[k]) - hits
        false = sum(row[k] for row in counts) - hits
        if hits + missed > 0:
            scores[k] = hits / (hits + missed + false)
    return scores


def labels(rng: np.random.Generator, shape: tuple[int, int], classes: int, ignored: bool) -> np.ndarray:
    values = [*range(classes), *([255] if ignored else [])]
    return rng.choice(values, size=shape).astype(np.uint8)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("classes", [1, 2, 5, 21, 255])
def test_matrix_and_scores_equal_loops(shape: tuple[int, int], classes: int) -> None:
    rng = np.random.default_rng(classes)
    truth, prediction = labels(rng, shape, classes, True), labels(rng, shape, classes, False)
    truth[0, 0] = classes - 1
    matrix = confusion_matrix(truth, prediction, classes)
    counts = looped_matrix(truth, prediction, classes)
    assert matrix.dtype == np.int64
    assert matrix.tolist() == counts
    expected = looped_iou(counts)
    scores = iou_per_class(matrix)
    assert {k: scores[k] for k in np.flatnonzero(~np.isnan(scores))} == pytest.approx(expected)
    assert mean_iou(matrix) == pytest.approx(sum(expected.values()) / len(expected))
    right = sum(counts[k][k] for k in range(classes))
    assert pixel_accuracy(matrix) == pytest.approx(right / sum(map(sum, counts)))


def test_rows_are_the_truth() -> None:
    assert confusion_matrix(np.array([[1]], np.uint8), np.array([[0]], np.uint8), 2).tolist() == [[0, 0], [1, 0]]


def test_class_that_is_only_predicted_lowers_others_but_is_not_averaged() -> None:
    truth = np.array([[0, 0, 0, 1]], np.uint8)
    prediction = np.array([[0, 0, 2, 1]], np.uint8)
    matrix = confusion_matrix(truth, prediction, 3)
    assert np.isnan(iou_per_class(matrix)[2])
    assert mean_iou(matrix) == pytest.approx((2 / 3 + 1) / 2)


def test_mean_iou_is_of_the_whole_set_and_not_a_mean_over_images() -> None:
    large, small = np.ones((1, 9), np.uint8), np.ones((1, 1), np.uint8)
    first = confusion_matrix(large, large, 2)
    second = confusion_matrix(small, np.zeros_like(small), 2)
    per_image = (mean_iou(first) + mean_iou(second)) / 2
    assert per_image == pytest.approx(0.5)
    assert mean_iou(first + second) == pytest.approx(9 / 10)


def test_ignored_pixels_may_be_predicted_as_anything() -> None:
    truth, prediction = np.array([[255, 0]], np.uint8), np.array([[255, 0]], np.uint8)
    assert confusion_matrix(truth, prediction, 1).tolist() == [[1]]


@pytest.mark.parametrize("value", [3, 255])
def test_prediction_of_no_class_is_refused(value: int) -> None:
    with pytest.raises(WsssError, match=rf"prediction holds {value} .*0\.\.2"):
        confusion_matrix(np.zeros((2, 2), np.uint8), np.full((2, 2), value, np.uint8), 3)


def test_truth_of_no_class_is_refused() -> None:
    with pytest.raises(WsssError, match="truth holds 7"):
        confusion_matrix(np.full((2, 2), 7, np.uint8), np.zeros((2, 2), np.uint8), 3)


def test_unequal_shapes_are_refused() -> None:
    with pytest.raises(WsssError, match=r"\(2, 3\).*\(3, 2\)"):
        confusion_matrix(np.zeros((3, 2), np.uint8), np.zeros((2, 3), np.uint8), 3)


@pytest.mark.parametrize("score", [mean_iou, pixel_accuracy])
def test_nothing_to_score_is_an_error(score: object) -> None:
    with pytest.raises(WsssError, match="nothing to score"):
        score(np.zeros((3, 3), np.int64))  # type: ignore[operator]


def test_names_go_with_background_first() -> None:
    matrix = np.array([[2, 0, 0], [2, 0, 0], [0, 0, 0]], np.int64)
    assert named_iou(matrix, ["dog", "cat"]) == {"background": 0.5, "dog": 0.0, "cat": None}


@pytest.mark.parametrize("names", [["dog"], ["dog", "cat", "cow"], ["dog", "dog"], ["dog", "background"]])
def test_names_that_do_not_fit_are_refused(names: list[str]) -> None:
    with pytest.raises(WsssError):
        named_iou(np.eye(3, dtype=np.int64), names)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Three images of odd sizes; mask values are not the class numbers, and one class is ignored."""
    facts = {"classes": {"dog": 12, "cat": 8}, "ignored_classes": {"sofa": 18}, "has_background": True}
    write_json(tmp_path / "dataset.json", facts)
    rows = []
    rng = np.random.default_rng(0)
    for name, shape in (("a", (5, 9)), ("b", (1, 1)), ("c", (11, 4))):
        masks = rng.choice([0, 8, 12, 18, 255], size=shape).astype(np.uint8)
        write_labels(tmp_path / "dataset" / "SegmentationClass" / f"{name}.png", masks)
        write_labels(tmp_path / "labels" / f"{name}.png", rng.choice([0, 12, 8], size=shape).astype(np.uint8))
        files = (f"dataset/{name}.jpg", f"dataset/SegmentationClass/{name}.png", "", "")
        rows.append(IndexRow(name, *shape, *shape, 1, "", *files))
    return indexed(tmp_path, rows)


def test_pixels_that_a_label_image_leaves_out_count_as_background(dataset: Dataset) -> None:
    path = dataset.root / "labels" / "a.png"
    with Image.open(path) as image:
        labelled = np.array(image)
    labelled[:2] = 255
    write_labels(path, labelled)
    ours = score_labels(dataset, ["a"], listed(dataset.root), 1)
    labelled[:2] = 0
    labelled = np.select([labelled == 12, labelled == 8], [1, 2], 0)
    assert ours.tolist() == looped_matrix(dataset.truth("a"), labelled, 3)


@pytest.mark.parametrize("workers", [1, 3])
def test_folder_of_labels_is_the_sum_over_its_images(dataset: Dataset, workers: int) -> None:
    number = {0: 0, 12: 1, 8: 2, 18: 255, 255: 255}
    expected = np.zeros((3, 3), np.int64)
    for name in "abc":
        masks = np.asarray(Image.open(dataset.root / "dataset" / "SegmentationClass" / f"{name}.png"))
        truth = np.array([[number[int(value)] for value in row] for row in masks], np.uint8)
        labels = np.asarray(Image.open(dataset.root / "labels" / f"{name}.png"))
        predicted = np.array([[number[int(value)] for value in row] for row in labels], np.uint8)
        expected += np.array(looped_matrix(truth, predicted, 3))
    matrix = score_labels(dataset, ["a", "b", "c"], listed(dataset.root), workers)
    assert matrix.tolist() == expected.tolist()


@pytest.mark.parametrize("values", [np.zeros((2, 2), np.uint8), np.full((5, 9), 3, np.uint8)])
def test_label_image_at_fault_is_named(dataset: Dataset, values: np.ndarray) -> None:
    write_labels(dataset.root / "labels" / "a.png", values)
    with pytest.raises(WsssError, match=r"labels/a\.png"):
        score_labels(dataset, ["b", "a"], listed(dataset.root), 2)


def test_missing_label_image_is_named(dataset: Dataset) -> None:
    labels = listed(dataset.root)
    (dataset.root / "labels" / "c.png").unlink()
    with pytest.raises(WsssError, match=r"labels/c\.png"):
        score_labels(dataset, ["a", "b", "c"], labels, 2)


def test_scoring_starts_without_torch() -> None:
    code = (
        "import sys, wsss.evaluation.scores, wsss.evaluation.thresholds, wsss.evaluation.metrics;"
        "sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

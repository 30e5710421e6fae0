"""Scores of datasets where every pixel belongs to a class, against loops over pixels."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.prepared import indexed, listed, prepared
from wsss.data.dataset import Dataset
from wsss.data.images import write_labels
from wsss.evaluation.cam_curve import score_cams, write_cam_curve
from wsss.evaluation.metrics import record
from wsss.evaluation.scores import score_labels
from wsss.settings.cam_curve import CamCurveSettings
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path

SIZE = (4, 5)
CLASSES = ["a", "b", "c"]
IDS = ["x", "y", "z"]
# The classes of each image, from 0.
KEYS = {"x": [0, 2], "y": [1], "z": []}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Three images of val with masks of the classes 1..3 and ignored pixels; the values are the numbers."""
    dataset = prepared(tmp_path, CLASSES, {"train": ["t"], "val": [*IDS, "w"]}, IDS, has_background=False)
    rng = np.random.default_rng(0)
    for one in IDS:
        write_labels(dataset.root / dataset.index[one].mask, rng.choice([1, 2, 3, 255], SIZE).astype(np.uint8))
    return indexed(tmp_path, list(dataset.index.values()))


def looped_scores(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[dict[str, float], float]:
    """IoU by class and the share of right pixels, where the prediction 255 is no class."""
    ious, right, counted = {}, 0, 0
    for number, name in enumerate(CLASSES, 1):
        both = either = 0
        for truth, labels in pairs:
            for place in np.ndindex(*SIZE):
                if truth[place] != 255:
                    both += truth[place] == number == labels[place]
                    either += number in (truth[place], labels[place])
                    counted += 1
        ious[name], right = both / either, right + both
    return ious, right / (counted / len(CLASSES))


def assert_scores(matrix: np.ndarray, pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    item = record(matrix, CLASSES, False, stage="cam", split="val", images=3, initialisation="x")
    ious, right = looped_scores(pairs)
    assert item.per_class == pytest.approx(ious)
    assert item.miou == pytest.approx(np.mean([*ious.values()]))
    assert item.pixel_accuracy == pytest.approx(right)
    assert not matrix[0].any()


def test_a_pixel_without_a_label_is_a_miss_of_its_class(dataset: Dataset) -> None:
    rng = np.random.default_rng(1)
    pairs = []
    for one in IDS:
        labels = rng.choice([1, 2, 3, 255], SIZE).astype(np.uint8)
        write_labels(dataset.root / "labels" / f"{one}.png", labels)
        pairs.append((dataset.truth(one), labels))
    matrix = score_labels(dataset, dataset.scored_ids("val"), listed(dataset.root), 2)
    assert_scores(matrix, pairs)
    assert matrix[:, 0].any()


def test_cams_have_one_point_whatever_the_scores(dataset: Dataset) -> None:
    """The strongest class wins. Where several classes have no score, and in images without classes, none does."""
    rng, pairs = np.random.default_rng(2), []
    for one, keys in KEYS.items():
        cams = rng.integers(0, 3, (len(keys), *SIZE)).astype(np.float32)
        store = CamStore(one, SIZE, np.array(keys, np.int64), (1.0,), [cams], "weights")
        store.write(store_path(dataset.root, one))
        labels = np.full(SIZE, 255)
        for place in np.ndindex(*SIZE):
            scores = [float(cam[place]) for cam in store.full()]
            if len(scores) == 1 or any(scores):
                labels[place] = keys[scores.index(max(scores))] + 1
        pairs.append((dataset.truth(one), labels))
    (matrix,) = score_cams(dataset, IDS, listed(dataset.root), np.array([0.5]))
    assert_scores(matrix, pairs)
    write_cam_curve(dataset, "val", listed(dataset.root), CamCurveSettings(), path := dataset.root / "curve.json")
    content = json.loads(path.read_text())
    assert content == {"images": 3, "background_scores": [0.0], "matrices": [matrix.tolist()]}


def test_without_masks_nothing_is_read(tmp_path: Path) -> None:
    dataset = prepared(tmp_path, CLASSES, {"train": ["t"], "train_scored": ["t"]})
    for split in ("train", "val"):
        write_cam_curve(
            dataset, split, listed(tmp_path), CamCurveSettings(thresholds=(0.1, 0.2, 0.1)), tmp_path / "curve.json"
        )
        content = json.loads((tmp_path / "curve.json").read_text())
        assert (content["images"], content["background_scores"]) == (0, [0.1, 0.2])
        np.testing.assert_array_equal(content["matrices"], np.zeros((2, 4, 4)))
        assert not score_labels(dataset, dataset.scored_ids(split), listed(tmp_path), 1).any()

from pathlib import Path

import numpy as np
import pytest

from tests.reference import blobs, figures
from wsss.data.images import read_image
from wsss.labelling.label_maps import class_labels, scores_for, strongest
from wsss.refinement.confident_labels import confident_labels
from wsss.settings.confident_labels import ConfidentLabelSettings
from wsss.settings.crf import CrfSettings

PHOTOGRAPHS = Path(__file__).parents[2].parent / "shared" / "voc-animals" / "JPEGImages"
NO_CRF = CrfSettings(gaussian_sxy=1, gaussian_weight=0, bilateral_sxy=1, bilateral_srgb=1, bilateral_weight=0)


@pytest.mark.photographs
def test_labels_equal_the_released_ones() -> None:
    released = figures("crf")
    path = PHOTOGRAPHS / f"{released['image_id']}.jpg"
    if not path.is_file():
        pytest.skip(f"no photograph {path.name}")
    cams = blobs("crf/cam", 340, 500, 2)
    ours = confident_labels(np.asarray(read_image(path)), cams, KEYS, ConfidentLabelSettings())
    np.testing.assert_array_equal(ours, released["confident"])


KEYS = np.array([7, 14])


@pytest.mark.parametrize("size", [(7, 5), (1, 1)])
def test_the_two_scores_decide(size: tuple[int, int]) -> None:
    settings = ConfidentLabelSettings(foreground_score=0.6, background_score=0.2, crf=NO_CRF)
    cams = np.random.default_rng(3).uniform(0, 0.8, (2, *size)).astype(np.float32)
    keys = np.array([0, 19])
    expected = np.zeros(size, np.uint8)
    for place in np.ndindex(size):
        values = [float(cams[(number, *place)]) for number in range(2)]
        if max(values) > 0.6:
            expected[place] = keys[values.index(max(values))] + 1
        elif max(values) > 0.2:
            expected[place] = 255
    ours = confident_labels(np.zeros((*size, 3), np.uint8), cams, keys, settings)
    assert ours.dtype == np.uint8
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.filterwarnings("error")
def test_without_classes_everything_is_background() -> None:
    image = np.random.default_rng(4).integers(0, 255, (6, 9, 3), dtype=np.uint8)
    ours = confident_labels(image, np.zeros((0, 6, 9), np.float32), np.zeros(0, np.int64), ConfidentLabelSettings())
    np.testing.assert_array_equal(ours, np.zeros((6, 9), np.uint8))


def test_one_class_over_the_whole_image() -> None:
    image = np.full((6, 9, 3), 80, np.uint8)
    cams = np.full((1, 6, 9), 0.9, np.float32)
    ours = confident_labels(image, cams, np.array([4]), ConfidentLabelSettings())
    np.testing.assert_array_equal(ours, np.full((6, 9), 5, np.uint8))


def test_ties_go_to_the_background_and_then_to_the_first_class() -> None:
    cams = np.array([[[0.3, 0.4, 0.1]], [[0.2, 0.4, 0.5]]], np.float32)
    np.testing.assert_array_equal(strongest(cams, 0.3), [[0, 1, 2]])
    np.testing.assert_array_equal(class_labels(strongest(cams, 0.3), np.array([8, 253])), [[0, 9, 254]])


def test_without_a_background_what_is_not_sure_is_left_out() -> None:
    settings = scores_for(ConfidentLabelSettings(foreground_score=0.6, background_score=0.5, crf=NO_CRF), False)
    cams = np.random.default_rng(3).uniform(0.01, 0.8, (2, 7, 5)).astype(np.float32)
    expected = np.full((7, 5), 255, np.uint8)
    for place in np.ndindex(7, 5):
        values = [float(cams[(number, *place)]) for number in range(2)]
        if max(values) > 0.6:
            expected[place] = [1, 20][values.index(max(values))]
    ours = confident_labels(np.zeros((7, 5, 3), np.uint8), cams, np.array([0, 19]), settings)
    np.testing.assert_array_equal(ours, expected)

from pathlib import Path

import numpy as np
import pytest

from tests.reference import blobs, figures
from wsss.data.images import read_image
from wsss.evaluation.cam_crf import cam_crf_labels
from wsss.labelling.label_maps import scores_for
from wsss.settings.cam_crf import CamCrfSettings
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
    ours = cam_crf_labels(np.asarray(read_image(path)), cams, np.array([7, 14]), CamCrfSettings())
    np.testing.assert_array_equal(ours, released["cam_crf"])


@pytest.mark.parametrize("size", [(5, 7), (1, 1)])
def test_without_a_crf_the_strongest_score_wins(size: tuple[int, int]) -> None:
    cams = np.random.default_rng(0).uniform(0, 0.6, (3, *size)).astype(np.float32)
    keys = np.array([1, 4, 18])
    expected = np.zeros(size, np.uint8)
    for place in np.ndindex(size):
        values = [0.3, *(float(cams[(number, *place)]) for number in range(3))]
        expected[place] = [0, *(keys + 1)][values.index(max(values))]
    ours = cam_crf_labels(np.zeros((*size, 3), np.uint8), cams, keys, CamCrfSettings(background_score=0.3, crf=NO_CRF))
    assert ours.dtype == np.uint8
    np.testing.assert_array_equal(ours, expected)


def test_without_classes_everything_is_background() -> None:
    empty = np.zeros((0, 4, 3), np.float32)
    ours = cam_crf_labels(np.zeros((4, 3, 3), np.uint8), empty, np.zeros(0, np.int64), CamCrfSettings())
    np.testing.assert_array_equal(ours, np.zeros((4, 3), np.uint8))


def test_without_a_background_the_strongest_class_wins() -> None:
    cams = np.random.default_rng(0).uniform(0, 0.2, (3, 6, 5)).astype(np.float32)
    keys = np.array([1, 4, 18])
    settings = scores_for(CamCrfSettings(background_score=0.9, crf=NO_CRF), False)
    ours = cam_crf_labels(np.zeros((6, 5, 3), np.uint8), cams, keys, settings)
    expected = [[keys[max(range(3), key=lambda n: cams[n, y, x])] + 1 for x in range(5)] for y in range(6)]
    np.testing.assert_array_equal(ours, expected)

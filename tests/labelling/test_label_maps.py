"""Labels of datasets without a background, pixel by pixel."""

import numpy as np
import pytest

from wsss.data.label_values import LabelValues
from wsss.labelling.label_maps import NO_BACKGROUND, class_labels, scores_for, strongest, sure_labels
from wsss.settings.cam_crf import CamCrfSettings
from wsss.settings.confident_labels import ConfidentLabelSettings
from wsss.settings.pseudo_labels import PlainLabelSettings


def test_the_strongest_class_wins_against_no_background() -> None:
    """Of several classes one must have a score; the only class needs none."""
    cams = np.array([[[0.3, 0.01, 0.0, 0.2]], [[0.2, 0.02, 0.0, 0.2]]], np.float32)
    np.testing.assert_array_equal(strongest(cams, NO_BACKGROUND), [[1, 2, 0, 1]])
    np.testing.assert_array_equal(strongest(cams[:1], NO_BACKGROUND), [[1, 1, 1, 1]])
    np.testing.assert_array_equal(strongest(cams[:0], NO_BACKGROUND), [[0, 0, 0, 0]])


def test_only_the_background_score_is_taken_away() -> None:
    for settings in (CamCrfSettings(), ConfidentLabelSettings(), PlainLabelSettings(method="none")):
        assert scores_for(settings, True) is settings
        changed = scores_for(settings, False)
        assert changed.background_score == NO_BACKGROUND
        assert changed.model_copy(update={"background_score": settings.background_score}) == settings


@pytest.mark.parametrize("foreground", [None, 0.5])
def test_labels_without_a_background_by_a_loop(foreground: float | None) -> None:
    settings = scores_for(PlainLabelSettings(method="none", foreground_score=foreground), False)
    cams = (np.random.default_rng(0).integers(0, 4, (2, 9, 7)) / 4).astype(np.float32)
    keys, values = np.array([0, 2]), LabelValues({"a": 3, "b": 5, "c": 9}, {}, has_background=False)
    expected = np.full((9, 7), 255)
    for place in np.ndindex(9, 7):
        scores = [float(cam[place]) for cam in cams]
        if max(scores) > (foreground or 0):
            expected[place] = [3, 9][scores.index(max(scores))]
    high, low = (strongest(cams, score) for score in (settings.object_score, settings.background_score))
    np.testing.assert_array_equal(values.values[sure_labels(high, low, keys)], expected)
    assert 255 in expected


def test_no_class_is_ignored_in_files_and_background_stays() -> None:
    indices = np.array([[0, 1, 2]])
    numbers = class_labels(indices, np.array([0, 1]))
    classes = {"a": 3, "b": 5}
    np.testing.assert_array_equal(LabelValues(classes, {}, has_background=False).values[numbers], [[255, 3, 5]])
    np.testing.assert_array_equal(LabelValues(classes, {}).values[numbers], [[0, 3, 5]])
    assert (LabelValues(classes, {}, has_background=False).first, LabelValues(classes, {}).first) == (1, 0)

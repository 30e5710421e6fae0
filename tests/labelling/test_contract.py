"""What holds for everything that smooths labels over a photograph; methods of the union are found by themselves."""

from typing import get_args

import numpy as np
import pytest

from tests.settings.samples import members
from wsss.labelling.smoothing import Smoother, smoother_of
from wsss.settings.base import Settings
from wsss.settings.prediction_labels import PredictionLabelSettings
from wsss.settings.smoothing import SmoothingSettings

METHODS = members(SmoothingSettings)


def smoother(method: type[Settings], image: np.ndarray, count: int) -> Smoother:
    """As a stage has it whose block names the method alone."""
    (name,) = get_args(method.model_fields["method"].annotation)
    settings = PredictionLabelSettings.read("labels", {"crf": {"method": name}}).crf
    assert type(settings) is method
    return smoother_of(image, count, settings)


def photograph(height: int, width: int) -> np.ndarray:
    """Noise over two halves of different colours; not to be written to."""
    image = np.random.default_rng(0).integers(0, 40, (height, width, 3), dtype=np.uint8)
    image[:, width // 2 :] += 150
    image.flags.writeable = False
    return image


def probabilities(count: int, height: int, width: int) -> np.ndarray:
    values = np.random.default_rng(1).uniform(0.1, 1, (count, height, width)).astype(np.float32)
    values /= values.sum(axis=0)
    values.flags.writeable = False
    return values


@pytest.fixture(params=METHODS, ids=lambda model: model.__name__)
def method(request: pytest.FixtureRequest) -> type[Settings]:
    found: type[Settings] = request.param
    return found


def test_there_are_methods() -> None:
    assert len(METHODS) >= 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(3, 33, 47), (2, 1, 9), (2, 7, 1), (4, 1, 1), (1, 5, 4)])
def test_probabilities_stay_probabilities(method: type[Settings], shape: tuple[int, int, int]) -> None:
    ours = smoother(method, photograph(*shape[1:]), shape[0]).from_probabilities(probabilities(*shape))
    assert (ours.dtype, ours.shape) == (np.float32, shape)
    assert (ours >= 0).all()
    np.testing.assert_allclose(ours.sum(axis=0), 1, atol=1e-5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(3, 33, 47), (2, 1, 9), (4, 1, 1), (1, 5, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_labels_stay_labels(method: type[Settings], shape: tuple[int, int, int], dtype: type) -> None:
    count, *size = shape
    labels = np.random.default_rng(2).integers(0, count, size).astype(dtype)
    ours = smoother(method, photograph(*size), count).from_labels(labels, 0.7)
    assert (ours.dtype, ours.shape) == (np.int64, tuple(size))
    assert set(np.unique(ours)) <= set(range(count))


def test_one_label_everywhere_stays_everywhere(method: type[Settings]) -> None:
    labels = np.full((20, 31), 2)
    np.testing.assert_array_equal(smoother(method, photograph(20, 31), 3).from_labels(labels, 0.7), labels)


def test_labels_are_smoothed_over_what_looks_alike(method: type[Settings]) -> None:
    """One pixel in eight of each half is wrong before, and fewer after."""
    truth = np.zeros((64, 96), np.int64)
    truth[:, 48:] = 1
    wrong = np.random.default_rng(3).uniform(size=truth.shape) < 1 / 8
    ours = smoother(method, photograph(64, 96), 2).from_labels(np.where(wrong, 1 - truth, truth), 0.7)
    assert (ours != truth).mean() < wrong.mean() / 2


def test_passes_leave_no_trace(method: type[Settings]) -> None:
    """Neither in the next pass nor in what was given; and equal input gives equal bytes."""
    image, given = photograph(14, 11), probabilities(3, 14, 11)
    labels = np.random.default_rng(4).integers(0, 3, (14, 11))
    twice = smoother(method, image, 3)
    first = twice.from_probabilities(given)
    after = twice.from_labels(labels, 0.7)
    np.testing.assert_array_equal(twice.from_probabilities(given), first)
    np.testing.assert_array_equal(smoother(method, image, 3).from_labels(labels, 0.7), after)
    np.testing.assert_array_equal(image, photograph(14, 11))
    np.testing.assert_array_equal(given, probabilities(3, 14, 11))

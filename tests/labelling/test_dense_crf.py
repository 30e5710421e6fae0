import numpy as np
import pytest

from wsss.labelling.dense_crf import DenseCrf
from wsss.settings.crf import CrfSettings

SETTINGS = CrfSettings(gaussian_sxy=2, bilateral_sxy=5, bilateral_srgb=10, bilateral_weight=4)
# Kernels this wide see all pixels as alike; these see none.
ALONE = CrfSettings(gaussian_sxy=1, gaussian_weight=0, bilateral_sxy=5, bilateral_srgb=10, bilateral_weight=0)


def two_halves(height: int, width: int) -> np.ndarray:
    image = np.full((height, width, 3), 40, np.uint8)
    image[:, width // 2 :] = (200, 90, 10)
    return image


def random_probabilities(count: int, height: int, width: int) -> np.ndarray:
    values = np.random.default_rng(0).uniform(0.1, 1, (count, height, width)).astype(np.float32)
    return values / values.sum(axis=0)


@pytest.mark.parametrize("shape", [(3, 17, 23), (2, 1, 9), (4, 1, 1), (1, 5, 4)])
def test_marginals_are_probabilities_of_the_same_shape(shape: tuple[int, int, int]) -> None:
    marginals = DenseCrf(two_halves(*shape[1:]), shape[0], SETTINGS).from_probabilities(random_probabilities(*shape))
    assert marginals.dtype == np.float32
    assert marginals.shape == shape
    np.testing.assert_allclose(marginals.sum(axis=0), 1, atol=1e-5)


def test_without_weights_the_probabilities_come_back() -> None:
    probabilities = random_probabilities(3, 7, 11)
    probabilities[:, 2, 3] = (1, 0, 0)
    marginals = DenseCrf(two_halves(7, 11), 3, ALONE).from_probabilities(probabilities)
    np.testing.assert_allclose(marginals, np.clip(probabilities, 1e-5, 1), atol=3e-5)
    assert marginals[1, 2, 3] > 0


def test_labels_follow_the_edge_of_the_image() -> None:
    labels = np.zeros((20, 30), np.int64)
    labels[:, 17:] = 1
    after = DenseCrf(two_halves(20, 30), 2, SETTINGS).from_labels(labels, 0.7)
    expected = np.zeros((20, 30), np.int64)
    expected[:, 15:] = 1
    np.testing.assert_array_equal(after, expected)


def test_colours_are_read_as_rows_and_columns_of_the_image() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, (12, 19))
    image = (np.array([20, 120, 220], np.uint8)[labels])[..., None].repeat(3, axis=2)
    noisy = np.where(rng.uniform(size=labels.shape) < 0.2, (labels + 1) % 3, labels)
    settings = SETTINGS.model_copy(update={"bilateral_sxy": 30.0, "gaussian_weight": 0.0})
    assert (noisy != labels).any()
    np.testing.assert_array_equal(DenseCrf(image, 3, settings).from_labels(noisy, 0.7), labels)


def test_labels_without_weights_stay() -> None:
    labels = np.random.default_rng(2).integers(0, 4, (5, 6)).astype(np.uint8)
    np.testing.assert_array_equal(DenseCrf(two_halves(5, 6), 4, ALONE).from_labels(labels, 0.7), labels)


@pytest.mark.parametrize("size", [(6, 5), (1, 1)])
@pytest.mark.filterwarnings("error")
def test_a_single_label_is_everywhere(size: tuple[int, int]) -> None:
    assert not DenseCrf(two_halves(*size), 1, SETTINGS).from_labels(np.zeros(size, np.uint8), 0.7).any()


def test_a_strided_image_gives_the_same() -> None:
    probabilities = random_probabilities(2, 9, 8)
    image = two_halves(9, 8)
    flipped = np.ascontiguousarray(image[:, ::-1])[:, ::-1]
    ours, other = (DenseCrf(one, 2, SETTINGS).from_probabilities(probabilities) for one in (image, flipped))
    np.testing.assert_array_equal(ours, other)


def test_passes_over_one_image_do_not_see_each_other() -> None:
    """Kernels are built once; labels, iterations and order of the passes before leave no trace."""
    image = np.random.default_rng(3).integers(0, 255, (14, 11, 3), dtype=np.uint8)
    crf = DenseCrf(image, 3, SETTINGS)
    draws = [np.random.default_rng(seed).integers(0, 3, (14, 11)) for seed in (4, 5)]
    probabilities = random_probabilities(3, 14, 11)
    together = [crf.from_labels(draws[0], 0.7), crf.from_probabilities(probabilities), crf.from_labels(draws[1], 0.9)]
    apart = [
        DenseCrf(image, 3, SETTINGS).from_labels(draws[0], 0.7),
        DenseCrf(image, 3, SETTINGS).from_probabilities(probabilities),
        DenseCrf(image, 3, SETTINGS).from_labels(draws[1], 0.9),
    ]
    for ours, other in zip(together, apart, strict=True):
        np.testing.assert_array_equal(ours, other)

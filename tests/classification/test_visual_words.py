"""Visual words against float64 loops over pixels and words."""

from math import exp, sqrt

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.reference import noise
from wsss.classification.visual_words import (
    decov,
    initial_codebook,
    word_frequencies,
    word_probabilities,
    words_present,
)

# Batch, channels, height, width, words: odd sizes, one pixel, one word, one channel.
SHAPES = [(2, 6, 3, 5, 7), (1, 4, 1, 1, 3), (3, 5, 1, 4, 1), (2, 1, 2, 2, 3), (1, 3, 7, 1, 2)]


def draw(shape: tuple[int, int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    batch, channels, height, width, words = shape
    return noise(f"words/F{shape}", (batch, channels, height, width)), noise(f"words/C{shape}", (words, channels))


def tensors(*arrays: np.ndarray) -> list[Tensor]:
    return [torch.from_numpy(array) for array in arrays]


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    product = sum(float(a) * float(b) for a, b in zip(first, second, strict=True))
    lengths = [max(sqrt(sum(float(a) ** 2 for a in vector)), 1e-12) for vector in (first, second)]
    return product / (lengths[0] * lengths[1])


def naive_probabilities(features: np.ndarray, codebook: np.ndarray, tau: float) -> np.ndarray:
    """Equations 2-3: pixels from left to right, row by row."""
    batch, _, height, width = features.shape
    out = np.zeros((batch, height * width, len(codebook)))
    for image, y, x in np.ndindex(batch, height, width):
        raised = [exp(tau * cosine(features[image, :, y, x], word)) for word in codebook]
        out[image, y * width + x] = [value / sum(raised) for value in raised]
    return out


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("tau", [0.6, 1.0, 1.2, 20.0])
def test_probabilities_are_those_of_the_loops(shape: tuple[int, int, int, int, int], tau: float) -> None:
    features, codebook = draw(shape)
    ours = word_probabilities(*tensors(features, codebook), tau)
    assert ours.shape == (shape[0], shape[2] * shape[3], shape[4])
    np.testing.assert_allclose(ours, naive_probabilities(features, codebook, tau), rtol=1e-5, atol=1e-6)


def test_lengths_of_pixels_and_words_do_not_count() -> None:
    features, codebook = tensors(*draw(SHAPES[0]))
    lengths = torch.tensor([0.01, 1, 3, 40, 1, 2, 0.5])[:, None]
    ours = word_probabilities(features * 70, codebook * lengths, 1.0)
    torch.testing.assert_close(ours, word_probabilities(features, codebook, 1.0))


def test_a_pixel_without_features_has_all_words_alike() -> None:
    _, codebook = tensors(*draw(SHAPES[0]))
    ours = word_probabilities(torch.zeros(1, 6, 1, 1), codebook, 1.0)
    torch.testing.assert_close(ours, torch.full((1, 1, 7), 1 / 7))


@pytest.mark.parametrize("shape", SHAPES)
def test_words_present_are_the_likeliest_of_some_pixel(shape: tuple[int, int, int, int, int]) -> None:
    probabilities = naive_probabilities(*draw(shape), 1.0)
    wanted = np.zeros((shape[0], shape[4]))
    for image, pixel in np.ndindex(*probabilities.shape[:2]):
        row = list(probabilities[image, pixel])
        wanted[image, row.index(max(row))] = 1
    ours = words_present(torch.from_numpy(probabilities.astype(np.float32)))
    assert ours.dtype == torch.float32
    np.testing.assert_array_equal(ours, wanted)
    assert (wanted.sum(1) >= 1).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_frequencies_are_sums_over_pixels(shape: tuple[int, int, int, int, int]) -> None:
    probabilities = naive_probabilities(*draw(shape), 1.0)
    wanted = np.zeros((shape[0], shape[4]))
    for image, pixel, word in np.ndindex(*probabilities.shape):
        wanted[image, word] += probabilities[image, pixel, word]
    ours = word_frequencies(torch.from_numpy(probabilities))
    np.testing.assert_allclose(ours, wanted, rtol=1e-12)
    np.testing.assert_allclose(ours.sum(1), shape[2] * shape[3], rtol=1e-12)


def naive_decov(codebook: np.ndarray) -> float:
    """Half of what the covariance's norm is above its diagonal's; words centred, norms not squared."""
    centred = [[float(value) - float(np.mean(word, dtype=np.float64)) for value in word] for word in codebook]
    everything = diagonal = 0.0
    for i, first in enumerate(centred):
        for j, second in enumerate(centred):
            covariance = sum(a * b for a, b in zip(first, second, strict=True))
            everything += covariance**2
            diagonal += covariance**2 if i == j else 0.0
    return 0.5 * (sqrt(everything) - sqrt(diagonal))


@pytest.mark.parametrize("shape", [(7, 6), (2, 31), (1, 9), (5, 2), (3, 3)])
def test_decov_is_that_of_the_loops(shape: tuple[int, int]) -> None:
    codebook = noise(f"words/decov{shape}", shape)
    assert decov(torch.from_numpy(codebook)).item() == pytest.approx(naive_decov(codebook), rel=1e-4, abs=1e-6)


def test_decov_of_one_word_is_nothing_and_of_equal_words_is_large() -> None:
    word = torch.tensor([[1.0, -1.0]])
    assert decov(word).item() == 0
    # Four covariances of 2, so a norm of 4, against a diagonal of two: sqrt(8).
    assert decov(word.repeat(2, 1)).item() == pytest.approx(0.5 * (4 - sqrt(8)))


def test_the_codebook_starts_as_kaiming_draws_it() -> None:
    torch.manual_seed(0)
    codebook = initial_codebook(256, 2048)
    assert codebook.shape == (256, 2048)
    assert float(codebook.std()) == pytest.approx(0.01276, rel=0.01)
    assert abs(float(codebook.mean())) < 1e-4
    # A normal, not a uniform distribution: three deviations out there are 0.27 %.
    assert float((codebook.abs() > 3 * 0.01276).float().mean()) == pytest.approx(0.0027, rel=0.1)


def test_gradients_of_the_codebook_are_those_of_differences() -> None:
    features, codebook = (one.double() for one in tensors(*draw(SHAPES[0])))
    codebook.requires_grad_()
    assert torch.autograd.gradcheck(lambda c: word_frequencies(word_probabilities(features, c, 1.2)), (codebook,))
    assert torch.autograd.gradcheck(decov, (codebook,))

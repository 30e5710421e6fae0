"""Visual words in cases that can be computed by hand. tests/papers compares the equations with loops."""

from math import sqrt

import pytest
import torch
from torch import Tensor

from tests.reference import noise
from wsss.classification.visual_words import decov_of_norms, decov_of_squares, initial_codebook, word_probabilities


def drawn() -> tuple[Tensor, Tensor]:
    """Features and a codebook of seven words."""
    return torch.from_numpy(noise("words/F", (2, 6, 3, 5))), torch.from_numpy(noise("words/C", (7, 6)))


def test_lengths_of_pixels_and_words_do_not_count() -> None:
    features, codebook = drawn()
    lengths = torch.tensor([0.01, 1, 3, 40, 1, 2, 0.5])[:, None]
    ours = word_probabilities(features * 70, codebook * lengths, 1.0)
    torch.testing.assert_close(ours, word_probabilities(features, codebook, 1.0))


def test_a_pixel_without_features_has_all_words_alike() -> None:
    _, codebook = drawn()
    ours = word_probabilities(torch.zeros(1, 6, 1, 1), codebook, 1.0)
    torch.testing.assert_close(ours, torch.full((1, 1, 7), 1 / 7))


def test_decov_of_one_word_is_nothing_and_of_equal_words_is_large() -> None:
    word = torch.tensor([[1.0, -1.0]])
    assert decov_of_norms(word).item() == decov_of_squares(word).item() == 0
    # Four covariances of 2, so a norm of 4, against a diagonal of two: sqrt(8).
    assert decov_of_norms(word.repeat(2, 1)).item() == pytest.approx(0.5 * (4 - sqrt(8)))
    # Divided by two features each is 1: four squares against two.
    assert decov_of_squares(word.repeat(2, 1)).item() == pytest.approx(0.5 * (4 - 2))


def test_the_codebook_starts_as_kaiming_draws_it() -> None:
    torch.manual_seed(0)
    codebook = initial_codebook(256, 2048)
    assert codebook.shape == (256, 2048)
    assert float(codebook.std()) == pytest.approx(0.01276, rel=0.01)
    assert abs(float(codebook.mean())) < 1e-4
    # A normal, not a uniform distribution: three deviations out there are 0.27 %.
    assert float((codebook.abs() > 3 * 0.01276).float().mean()) == pytest.approx(0.0027, rel=0.1)

"""Visual words (VWE, IJCAI 2021, eq. 1-4 and 8-9; VWL, IJCV 2022, eq. 2-5 and 13), in the released reading.

The released code sums a word's probabilities over the pixels where the papers average them, and takes DeCov's norms
unsquared over an unnormalised covariance.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize


def initial_codebook(words: int, channels: int) -> Tensor:
    """A codebook C of (k, d): normal with standard deviation sqrt(2 / (6 d)), Kaiming's with a = sqrt(5)."""
    return torch.randn(words, channels) * math.sqrt(2 / (6 * channels))


def word_probabilities(features: Tensor, codebook: Tensor, tau: float) -> Tensor:
    """P of eq. 2-3: softmax over the words of tau times the cosine of each pixel and each word.

    `features` (batch, d, h, w) and `codebook` (k, d) give (batch, h * w, k). Callers hand in detached features: the
    similarity sends no gradient into the trunk.
    """
    pixels = normalize(features.flatten(2).transpose(1, 2), dim=2, eps=1e-12)
    similarity = pixels @ normalize(codebook, dim=1, eps=1e-12).T
    probabilities: Tensor = (tau * similarity).softmax(2)
    return probabilities


def words_present(probabilities: Tensor) -> Tensor:
    """y^word of eq. 4: 1 where a word is the likeliest of some pixel; (batch, pixels, k) to float (batch, k)."""
    present = torch.zeros_like(probabilities[:, 0])
    return present.scatter_(1, probabilities.argmax(2), 1.0)


def word_frequencies(probabilities: Tensor) -> Tensor:
    """f^word of eq. 5, released reading: the sum over pixels; (batch, pixels, k) to (batch, k)."""
    return probabilities.sum(1)


def decov(codebook: Tensor) -> Tensor:
    """DeCov of eq. 13, released reading: 0.5 (||Chat||_F - ||diag Chat||_2), each word centred over its d features."""
    centred = codebook - codebook.mean(1, keepdim=True)
    covariance = centred @ centred.T
    penalty: Tensor = 0.5 * (covariance.norm() - covariance.diagonal().norm())
    return penalty

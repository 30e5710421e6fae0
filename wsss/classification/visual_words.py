"""Visual words (VWE, IJCAI 2021, eq. 1-4; VWL, IJCV 2022, eq. 2-5 and 13).

Where the papers and the authors' code differ, both readings stand here, one below the other; which belong together is
said in `wsss.classification.formulations`.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize


def initial_codebook(words: int, channels: int) -> Tensor:
    """A codebook C of (k, d): normal with standard deviation sqrt(2 / (6 d)), Kaiming's with a = sqrt(5)."""
    return torch.randn(words, channels) * math.sqrt(2 / (6 * channels))


def similarity(features: Tensor, codebook: Tensor) -> Tensor:
    """S of eq. 2 (VWE eq. 1): the cosine of each pixel and each word, in -1..1.

    `features` (batch, d, h, w) and `codebook` (k, d) give (batch, h * w, k). Of a pixel or word of zeros it is 0.
    """
    # Not under autocast: words are near each other, and the likeliest would be picked among rounding errors.
    with torch.autocast(features.device.type, enabled=False):
        pixels = normalize(features.to(codebook.dtype).flatten(2).transpose(1, 2), dim=2, eps=1e-12)
        cosines: Tensor = pixels @ normalize(codebook, dim=1, eps=1e-12).T
    return cosines


def word_probabilities(features: Tensor, codebook: Tensor, tau: float) -> Tensor:
    """P of eq. 3 (VWE eq. 2, where tau is 1): softmax over the words of tau S, (batch, h * w, k)."""
    probabilities: Tensor = (tau * similarity(features, codebook)).softmax(2)
    return probabilities


def word_labels(probabilities: Tensor) -> Tensor:
    """Y of eq. 4 (VWE eq. 3): the likeliest word of every pixel; (batch, pixels, k) to int64 (batch, pixels)."""
    return probabilities.argmax(2)


def words_present(labels: Tensor, words: int) -> Tensor:
    """y^word: 1 where a word is the label of some pixel; (batch, pixels) to float32 (batch, k) for k = `words`."""
    present = torch.zeros(len(labels), words, device=labels.device)
    return present.scatter_(1, labels, 1.0)


def frequency_sums(probabilities: Tensor) -> Tensor:
    """f^word of eq. 5 (VWE eq. 4), released reading: the sum over pixels; (batch, pixels, k) to (batch, k)."""
    return probabilities.sum(1)


def frequency_means(probabilities: Tensor) -> Tensor:
    """f^word of eq. 5 (VWE eq. 4) as printed: the mean over pixels; (batch, pixels, k) to (batch, k)."""
    return probabilities.mean(1)


def decov_of_norms(codebook: Tensor) -> Tensor:
    """DeCov of eq. 13, released reading: 0.5 (||Chat||_F - ||diag Chat||_2) of a codebook (k, d), a scalar.

    Words are centred over their d features, Chat = C C^T is not divided by d, and the norms are not squared.
    """
    centred = codebook - codebook.mean(1, keepdim=True)
    covariance = centred @ centred.T
    penalty: Tensor = 0.5 * (covariance.norm() - covariance.diagonal().norm())
    return penalty


def decov_of_squares(codebook: Tensor) -> Tensor:
    """DeCov of eq. 13 as printed: 0.5 (||Chat||_F^2 - ||diag Chat||_2^2) of a codebook (k, d), a scalar.

    Chat is the covariance matrix of the words, as in DeCov's own paper (Cogswell et al.): words centred over their d
    features, products divided by d.
    """
    centred = codebook - codebook.mean(1, keepdim=True)
    covariance = centred @ centred.T / codebook.shape[1]
    penalty: Tensor = 0.5 * (covariance.square().sum() - covariance.diagonal().square().sum())
    return penalty

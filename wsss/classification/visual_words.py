"""Visual words (VWE, IJCAI 2021, eq. 1-4; VWL, IJCV 2022, eq. 2-5 and 13).

Where the papers and the authors' code differ, both versions are here, one after the other.
`wsss.classification.formulations` says which of them belong together.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

from wsss.data.array_checks import check_array


def initial_codebook(words: int, channels: int) -> Tensor:
    """A codebook C of (k, d): normal with standard deviation sqrt(2 / (6 d)), Kaiming's with a = sqrt(5)."""
    return torch.randn(words, channels) * math.sqrt(2 / (6 * channels))


def similarity(features: Tensor, codebook: Tensor) -> Tensor:
    """Similarity S: the cosine of each pixel's features and each word.

    Parameters
    ----------
    features : Tensor
        F, float (batch, d, h, w).
    codebook : Tensor
        C, float32 (k, d).

    Returns
    -------
    Tensor
        S, in the codebook's dtype, (batch, h * w, k), in -1..1. It is 0 for a pixel or a word of zeros.

    Raises
    ------
    WsssError
        If features or codebook have another shape or dtype, or their channels differ.

    References
    ----------
    VWL eq. 2; VWE eq. 1.
    """
    check_array("features", features, "torch", "float", ("batch", "d", "h", "w"))
    check_array("codebook", codebook, "torch", "float", ("k", features.shape[1]))
    # Without autocast: similarities of the words are close, so rounding errors would decide which word is likeliest.
    with torch.autocast(features.device.type, enabled=False):
        pixels = normalize(features.to(codebook.dtype).flatten(2).transpose(1, 2), dim=2, eps=1e-12)
        cosines: Tensor = pixels @ normalize(codebook, dim=1, eps=1e-12).T
    return cosines


def word_probabilities(features: Tensor, codebook: Tensor, tau: float) -> Tensor:
    """Probabilities P of the words at each pixel: softmax over the words of tau S.

    Parameters
    ----------
    features : Tensor
        F, float (batch, d, h, w).
    codebook : Tensor
        C, float32 (k, d).
    tau : float
        The factor of the similarities, above 0. It is 1 in VWE.

    Returns
    -------
    Tensor
        P, (batch, h * w, k), in 0..1, summing to 1 over the words.

    Raises
    ------
    WsssError
        As `similarity`.

    References
    ----------
    VWL eq. 3; VWE eq. 2.
    """
    probabilities: Tensor = (tau * similarity(features, codebook)).softmax(2)
    return probabilities


def word_labels(probabilities: Tensor) -> Tensor:
    """Word labels Y: the likeliest word of every pixel.

    Parameters
    ----------
    probabilities : Tensor
        P, float (batch, pixels, k).

    Returns
    -------
    Tensor
        Y, int64 (batch, pixels), 0..k-1.

    Raises
    ------
    WsssError
        If the probabilities have another shape or dtype.

    References
    ----------
    VWL eq. 4; VWE eq. 3.
    """
    check_array("probabilities", probabilities, "torch", "float", ("batch", "pixels", "k"))
    return probabilities.argmax(2)


def words_present(labels: Tensor, words: int) -> Tensor:
    """Targets y^word: 1 where a word is the label of some pixel.

    Parameters
    ----------
    labels : Tensor
        Y, int64 (batch, pixels), 0..k-1.
    words : int
        k, the number of words.

    Returns
    -------
    Tensor
        y^word, zeros and ones, float32 (batch, k).
    """
    present = torch.zeros(len(labels), words, device=labels.device)
    return present.scatter_(1, labels, 1.0)


def frequency_sums(probabilities: Tensor) -> Tensor:
    """Word frequencies f^word as released: the sum over pixels.

    Parameters
    ----------
    probabilities : Tensor
        P, float (batch, pixels, k).

    Returns
    -------
    Tensor
        f^word, (batch, k), in 0..pixels.

    References
    ----------
    VWL eq. 5; VWE eq. 4.
    """
    return probabilities.sum(1)


def frequency_means(probabilities: Tensor) -> Tensor:
    """Word frequencies f^word as printed: the mean over pixels.

    Parameters
    ----------
    probabilities : Tensor
        P, float (batch, pixels, k).

    Returns
    -------
    Tensor
        f^word, (batch, k), in 0..1.

    References
    ----------
    VWL eq. 5; VWE eq. 4.
    """
    return probabilities.mean(1)


def decov_of_norms(codebook: Tensor) -> Tensor:
    """The DeCov loss of a codebook as released: with norms that are not squared.

    Parameters
    ----------
    codebook : Tensor
        C, float (k, d).

    Returns
    -------
    Tensor
        A scalar of at least 0.

    Notes
    -----
    The loss is 0.5 (||Chat||_F - ||diag Chat||_2). Words are centred over their d features. Chat = C C^T is not divided
    by d.

    References
    ----------
    VWL eq. 13.
    """
    centred = codebook - codebook.mean(1, keepdim=True)
    covariance = centred @ centred.T
    penalty: Tensor = 0.5 * (covariance.norm() - covariance.diagonal().norm())
    return penalty


def decov_of_squares(codebook: Tensor) -> Tensor:
    """The DeCov loss of a codebook as printed: with squared norms of the words' covariance.

    Parameters
    ----------
    codebook : Tensor
        C, float (k, d).

    Returns
    -------
    Tensor
        A scalar of at least 0.

    Notes
    -----
    The loss is 0.5 (||Chat||_F^2 - ||diag Chat||_2^2). Chat is the covariance matrix of the words, as in DeCov's own
    paper: words are centred over their d features, and products are divided by d.

    References
    ----------
    VWL eq. 13. Cogswell, Ahmed, Girshick, Zitnick, Batra: "Reducing Overfitting in Deep Networks by Decorrelating
    Representations", ICLR 2016.
    """
    centred = codebook - codebook.mean(1, keepdim=True)
    covariance = centred @ centred.T / codebook.shape[1]
    penalty: Tensor = 0.5 * (covariance.square().sum() - covariance.diagonal().square().sum())
    return penalty

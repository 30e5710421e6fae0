"""The visual words of one image: which word each cell of the features shows, and which class a word speaks for."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wsss.classification.banked_words import BankedWords
from wsss.classification.classifier import Classifier
from wsss.classification.learnt_words import LearntWords
from wsss.classification.visual_words import similarity, word_labels, word_probabilities


class ImageWords(NamedTuple):
    """The likeliest word of each cell, int64 (h, w) in 0..k-1, and its similarity S there, float32 (h, w) in -1..1."""

    words: np.ndarray
    similarities: np.ndarray


@torch.inference_mode()
def words_of(network: Classifier, features: Tensor) -> ImageWords | None:
    """The words of an image.

    Parameters
    ----------
    network : Classifier
        A trained classifier.
    features : Tensor
        F of one image, float (1, d, h, w).

    Returns
    -------
    ImageWords or None
        The words; None if the classifier has none.

    References
    ----------
    VWL eq. 2-4; VWE eq. 1-3.
    """
    codebook = _codebook(network)
    if codebook is None:
        return None
    labels = word_labels(word_probabilities(features, codebook, network.settings.tau))
    cosines = similarity(features, codebook).gather(2, labels[:, :, None])
    shape = features.shape[2:]
    return ImageWords(labels.reshape(shape).cpu().numpy(), cosines.reshape(shape).cpu().numpy())


@torch.inference_mode()
def closest_classes(network: Classifier) -> np.ndarray:
    """The class that each word speaks for most: the one with the highest CAM at a cell whose features are the word.

    Parameters
    ----------
    network : Classifier
        A trained classifier with visual words.

    Returns
    -------
    np.ndarray
        Class numbers from 0 without the background, int64 (k,); empty without words.
    """
    codebook = _codebook(network)
    if codebook is None:
        return np.zeros(0, np.int64)
    closest: np.ndarray = (codebook @ network.map_weights().T).argmax(1).cpu().numpy()
    return closest


def _codebook(network: Classifier) -> Tensor | None:
    """C, float32 (k, d)."""
    return network.words.codebook if isinstance(network.words, LearntWords | BankedWords) else None

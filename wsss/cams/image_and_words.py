"""Maps of both branches of a classifier with visual words, joined by max (VWE, IJCAI 2021, eq. 10-12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from wsss.cams.method import both_views
from wsss.cams.plain import head_features, maps_of_features
from wsss.classification.classifier import Classifier
from wsss.classification.learnt_words import LearntWords
from wsss.errors import WsssError
from wsss.settings.cams import ImageAndWordsSettings


@dataclass(frozen=True)
class ImageAndWords:
    """The method of both branches."""

    settings: ImageAndWordsSettings

    @torch.inference_mode()
    def maps(self, network: Classifier, images: Tensor, keys: Sequence[np.ndarray]) -> Tensor:
        """See `CamMethod.maps`. Maps are of all classes, whatever `keys` are."""
        return both_views(partial(joined_activations, network), images, self.settings.mirrors)


def joined_activations(network: Classifier, images: Tensor) -> Tensor:
    """Maps of both branches, image and words, joined by their maximum; of images as they are, without mirrors.

    Each branch is cut off at 0, and they are joined as they are: the paper brings them to no common scale.

    Parameters
    ----------
    network : Classifier
        A classifier with words that are mapped to classes: vwe or vwl_l.
    images : Tensor
        Normalised images, float (batch, 3, H, W).

    Returns
    -------
    Tensor
        Maps of at least 0, of the head's precision, (batch, n, h, w).

    Raises
    ------
    WsssError
        Where the network has no such words.

    References
    ----------
    VWE eq. 12.
    """
    if not isinstance(network.words, LearntWords):
        raise WsssError(
            f"cams.method: image_and_words needs words: vwe or vwl_l, and words is {network.settings.words}"
        )
    features = head_features(network, images)
    return torch.maximum(maps_of_features(network, features), network.words.maps(features).relu())


def build(settings: ImageAndWordsSettings) -> ImageAndWords:
    """The part of `wsss.cams.methods`."""
    return ImageAndWords(settings)

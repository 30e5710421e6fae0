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
    """The CAM method that uses both branches."""

    settings: ImageAndWordsSettings

    @torch.inference_mode()
    def maps(self, network: Classifier, images: Tensor, keys: Sequence[np.ndarray]) -> Tensor:
        """See `CamMethod.maps`. Maps of all classes are returned; `keys` is not used."""
        return both_views(partial(joined_activations, network), images, self.settings.mirrors)


def joined_activations(network: Classifier, images: Tensor) -> Tensor:
    """The maximum of the maps of the image branch and of the word branch, for images without their mirrors.

    The maps of each branch are cut off at 0. They are not rescaled before they are joined, as in the paper.

    Parameters
    ----------
    network : Classifier
        A classifier with words that are mapped to classes: vwe or vwl_l.
    images : Tensor
        Normalised images, float (batch, 3, H, W).

    Returns
    -------
    Tensor
        Maps, at least 0, in the head's precision, (batch, n, h, w).

    Raises
    ------
    WsssError
        If the network has no such words.

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
    """Make this method for `wsss.cams.methods.cam_method`."""
    return ImageAndWords(settings)

"""Plain class activation maps: the classifier's weights at each pixel of the features (VWL eq. 1).

References
----------
Zhou, Khosla, Lapedriza, Oliva, Torralba: "Learning Deep Features for Discriminative Localization", CVPR 2016.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from wsss.cams.method import both_views
from wsss.classification.classifier import Classifier
from wsss.settings.cams import Mirrors, PlainCamSettings


@dataclass(frozen=True)
class Plain:
    """The plain CAM method."""

    settings: PlainCamSettings

    def maps(self, network: Classifier, images: Tensor, keys: Sequence[np.ndarray]) -> Tensor:
        """See `CamMethod.maps`. Maps of all classes are returned; `keys` is not used."""
        return class_maps(network, images, self.settings.mirrors)


@torch.inference_mode()
def class_maps(network: Classifier, images: Tensor, mirrors: Mirrors = "max") -> Tensor:
    """Plain class activation maps of all classes, joined with those of the mirrored images.

    Parameters
    ----------
    network : Classifier
        A trained classifier.
    images : Tensor
        Normalised images, float (batch, 3, H, W).
    mirrors : {"max", "add"}
        Whether the two maps are joined by their maximum or their sum.

    Returns
    -------
    Tensor
        Maps, at least 0, (batch, n, h, w).

    References
    ----------
    VWL eq. 1; VWE eq. 10. Zhou, Khosla, Lapedriza, Oliva, Torralba: "Learning Deep Features for Discriminative
    Localization", CVPR 2016.
    """
    return both_views(partial(activations, network), images, mirrors)


def activations(network: Classifier, images: Tensor) -> Tensor:
    """Maps of images without their mirrors.

    Parameters
    ----------
    network : Classifier
        A classifier. The weights of its maps may come from an objective instead of W^img.
    images : Tensor
        Normalised images, (batch, 3, H, W).

    Returns
    -------
    Tensor
        Maps after ReLU, in the head's precision, (batch, n, h, w).
    """
    return maps_of_features(network, head_features(network, images))


def head_features(network: Classifier, images: Tensor) -> Tensor:
    """F of images in the head's precision, which may be higher than the trunk's."""
    return network.features(images).to(network.classifier.weight.dtype)


def maps_of_features(network: Classifier, features: Tensor) -> Tensor:
    """Maps after ReLU, (batch, n, h, w), of features (batch, d, h, w)."""
    return conv2d(features, network.map_weights()[:, :, None, None]).relu()


def build(settings: PlainCamSettings) -> Plain:
    """Make this method for `wsss.cams.methods.cam_method`."""
    return Plain(settings)

"""The interface of CAM methods: how the class activation maps of a batch are made, at one scale.

Settings of the methods are in `wsss.settings.cams`. docs/add-a-method.md shows how to add a method.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from wsss.classification.classifier import Classifier
from wsss.settings.cams import Mirrors


class CamMethod(Protocol):
    """A CAM method, made from its settings."""

    def maps(self, network: Classifier, images: Tensor, keys: Sequence[np.ndarray]) -> Tensor:
        """Class activation maps of images and their mirrors, joined.

        Parameters
        ----------
        network : Classifier
            A trained classifier. Its trunk may have a lower precision than its heads.
        images : Tensor
            Normalised images in the trunk's precision, (batch, 3, H, W), all at the same scale.
        keys : Sequence[np.ndarray]
            The class numbers of each image, int64, ascending, possibly empty. Maps of other classes are not stored.

        Returns
        -------
        Tensor
            Maps, at least 0, float32 (batch, n, h, w).
        """
        ...


def both_views(compute: Callable[[Tensor], Tensor], images: Tensor, mirrors: Mirrors) -> Tensor:
    """Maps of images joined with those of their mirrors. The maps of the mirrors are mirrored back first.

    Parameters
    ----------
    compute : Callable
        From images (2 batch, 3, H, W) to maps (2 batch, n, h, w). Maps of an image must not depend on other images.
    images : Tensor
        (batch, 3, H, W).
    mirrors : {"max", "add"}
        Whether the two maps are joined by their maximum or their sum.

    Returns
    -------
    Tensor
        (batch, n, h, w).
    """
    straight, mirrored = compute(torch.cat([images, images.flip(3)])).chunk(2)
    turned = mirrored.flip(3)
    return torch.maximum(straight, turned) if mirrors == "max" else straight + turned

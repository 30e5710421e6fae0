"""The seam for CAM methods: how the class activation maps of a batch are made, at one scale.

The methods' settings are in `wsss.settings.cams`; docs/add-a-method.md walks through a new part.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from wsss.classification.classifier import Classifier
from wsss.settings.cams import Mirrors


class CamMethod(Protocol):
    """One method, made from its settings."""

    def maps(self, network: Classifier, images: Tensor, keys: Sequence[np.ndarray]) -> Tensor:
        """Class activation maps of images and their mirrors, joined.

        Parameters
        ----------
        network : Classifier
            A trained classifier; its trunk may be of a lower precision than its heads.
        images : Tensor
            Normalised images of the trunk's precision, (batch, 3, H, W), all of one scale.
        keys : Sequence[np.ndarray]
            The class numbers of each image, int64 ascending, possibly none. Maps of other classes are not stored.

        Returns
        -------
        Tensor
            Maps of at least 0, float32 (batch, n, h, w).
        """
        ...


def both_views(compute: Callable[[Tensor], Tensor], images: Tensor, mirrors: Mirrors) -> Tensor:
    """Maps of images and of their mirrors, which are mirrored back and joined.

    Parameters
    ----------
    compute : Callable
        From images (2 batch, 3, H, W) to maps (2 batch, n, h, w), each image by itself.
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

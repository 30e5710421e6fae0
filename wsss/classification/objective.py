"""The interface of objectives, which are parts of the classifier that add terms to its loss.

The visual words are objectives, and so are the methods of `wsss.settings.objectives`. docs/add-a-method.md shows how to
add one.
"""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from wsss.networks.backbones import Backbone


class LinearClassifier(Protocol):
    """What an objective may use of the classifier: the features, and a linear head W^img on pooled features."""

    backbone: Backbone
    classifier: nn.Linear

    def features(self, images: Tensor) -> Tensor:
        """F of normalised images: (batch, 3, H, W) to (batch, d, h, w)."""
        ...

    def image_scores(self, features: Tensor) -> Tensor:
        """p^img of features: (batch, d, h, w) to (batch, n)."""
        ...


@dataclass(frozen=True)
class Step:
    """What an objective gets for a step of training.

    Parameters
    ----------
    network : LinearClassifier
        The classifier that is trained.
    images : Tensor
        Normalised images, float (batch, 3, H, W).
    labels : Tensor
        Image-level labels, zeros and ones, float32 (batch, n). An image may have none.
    features : Tensor
        F of the images, (batch, d, h, w). Gradients go through it to the trunk.
    progress : float
        How much of the training is done: 0 at the first step, below 1 at the last.
    """

    network: LinearClassifier
    images: Tensor
    labels: Tensor
    features: Tensor
    progress: float


class Objective(nn.Module):
    """The base class of objectives. An objective holds its own parameters only; they train at `lr_heads`."""

    def losses(self, step: Step) -> dict[str, Tensor]:
        """Terms of the total loss.

        Parameters
        ----------
        step : Step
            The step of training.

        Returns
        -------
        dict[str, Tensor]
            Scalars, weighted, under names that no other objective has.
        """
        raise NotImplementedError

    def map_weights(self, weights: Tensor) -> Tensor:
        """The weights that make class activation maps instead of W^img. By default W^img itself.

        Parameters
        ----------
        weights : Tensor
            W^img, or the weights that an earlier objective returned, float (n, d).

        Returns
        -------
        Tensor
            float (n, d).
        """
        return weights

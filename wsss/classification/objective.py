"""The seam for objectives: what a part of the classifier is that adds terms to its loss.

The visual words are such parts, and so are the methods of `wsss.settings.objectives`. docs/add-a-method.md walks
through a new one.
"""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from wsss.networks.backbones import Backbone


class LinearClassifier(Protocol):
    """What an objective may ask of the network that it trains with: a linear head W^img on pooled features."""

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
    """What an objective sees of a step of training.

    Parameters
    ----------
    network : LinearClassifier
        The classifier that is trained.
    images : Tensor
        Normalised images, float (batch, 3, H, W).
    labels : Tensor
        Image-level labels, zeros and ones, float32 (batch, n). An image may have none.
    features : Tensor
        F of the images, (batch, d, h, w), with the graph that leads to the trunk.
    progress : float
        How much of the training is done: 0 at the first step, below 1 at the last.
    """

    network: LinearClassifier
    images: Tensor
    labels: Tensor
    features: Tensor
    progress: float


class Objective(nn.Module):
    """The base of objectives. Parameters are its own alone, and train at the rate of the heads."""

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
        """What takes the place of W^img where class activation maps are made; W^img itself by default.

        Parameters
        ----------
        weights : Tensor
            W^img, or what an objective before has put in its place, float (n, d).

        Returns
        -------
        Tensor
            float (n, d).
        """
        return weights

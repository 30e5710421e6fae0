"""ReCAM: a softmax head on the features under each present class's map, and CAMs from both heads' weights.

References
----------
Chen, Wu, Hua, Liu, Zhang, Niu, Xiao: "Class Re-Activation Maps for Weakly-Supervised Semantic Segmentation", CVPR 2022.
Where the paper does not say how, this follows the authors' released code.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from wsss.classification.hybrid_pooling import global_maximum
from wsss.classification.objective import Objective, Step
from wsss.settings.objectives import RecamSettings

EPSILON = 1e-5


class Recam(Objective):
    """ReCAM's second head w' and its loss. Training starts from a finished classifier (`ClassifierSettings.start`).

    Parameters
    ----------
    channels : int
        d, the channels of the features.
    classes : int
        n, the number of classes.
    settings : RecamSettings
        The weight of the loss, and the weights that make CAMs.

    References
    ----------
    Chen, Wu, Hua, Liu, Zhang, Niu, Xiao: "Class Re-Activation Maps for Weakly-Supervised Semantic Segmentation", CVPR
    2022.
    """

    def __init__(self, channels: int, classes: int, settings: RecamSettings) -> None:
        super().__init__()
        self.settings = settings
        self.head = nn.Linear(channels, classes, bias=False)

    def losses(self, step: Step) -> dict[str, Tensor]:
        """The weighted softmax loss. It trains the trunk and both heads, because nothing is detached.

        Parameters
        ----------
        step : Step
            The step of training.

        Returns
        -------
        dict[str, Tensor]
            The scalar `recam`.
        """
        maps = normalised_maps(step.features, step.network.classifier.weight)
        scores: Tensor = self.head(class_features(maps, step.features))
        return {"recam": self.settings.weight * softmax_loss(scores, step.labels)}

    def map_weights(self, weights: Tensor) -> Tensor:
        """w * w', element by element. If `maps` is first_head, W^img itself.

        Parameters
        ----------
        weights : Tensor
            W^img, float (n, d).

        Returns
        -------
        Tensor
            float (n, d).
        """
        if self.settings.maps == "first_head":
            return weights
        return weights * self.head.weight


def normalised_maps(features: Tensor, weights: Tensor) -> Tensor:
    """Each class's map after ReLU, divided by its maximum + 1e-5. Gradients also go through the maximum.

    Parameters
    ----------
    features : Tensor
        F, (batch, d, h, w).
    weights : Tensor
        W^img, (n, d).

    Returns
    -------
    Tensor
        Maps in 0..1, (batch, n, h, w). A class without positive values has a map of zeros.
    """
    maps = conv2d(features, weights[:, :, None, None]).relu()
    return maps / (global_maximum(maps) + EPSILON)


def class_features(maps: Tensor, features: Tensor) -> Tensor:
    """The mean over pixels of the features, weighted by each class's map.

    Parameters
    ----------
    maps : Tensor
        Maps in 0..1, (batch, n, h, w).
    features : Tensor
        F, (batch, d, h, w).

    Returns
    -------
    Tensor
        z, (batch, n, d).
    """
    # A matrix product, because a tensor of all weighted features would be very large: (batch, n, d, h, w).
    summed = torch.einsum("nchw,ndhw->ncd", maps, features)
    return summed / maps[0, 0].numel()


def softmax_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of the scores of each present class's features. The correct answer is that class.

    Parameters
    ----------
    scores : Tensor
        The head's scores of each class's features, (batch, n, n).
    labels : Tensor
        Zeros and ones, (batch, n).

    Returns
    -------
    Tensor
        A scalar: the mean over the present classes of an image, then over images. An image without classes counts as 0.
    """
    own = scores.log_softmax(2).diagonal(dim1=1, dim2=2)
    of_images = -(own * labels).sum(1) / labels.sum(1).clamp(min=1)
    return of_images.mean()


def build(channels: int, classes: int, settings: RecamSettings) -> Recam:
    """Make this objective for `wsss.classification.objectives.build_objective`."""
    return Recam(channels, classes, settings)

"""The classifier: a backbone, a pooling, a linear head for image labels, and further objectives."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, multilabel_soft_margin_loss

from wsss.classification.formulations import FORMULATIONS
from wsss.classification.hybrid_pooling import global_average, global_maximum, hybrid_pooling
from wsss.classification.objective import Objective, Step
from wsss.classification.objectives import build_objective, build_words
from wsss.networks.backbones import Backbone, backbone_of
from wsss.networks.inference.network import inference_backbone
from wsss.networks.saved_weights import load_weights, read_weights
from wsss.settings.classifier import ClassifierSettings


class Classifier(nn.Module):
    """A classifier of image-level labels, with the objectives that the settings name.

    Parameters
    ----------
    backbone : Backbone
        The network that gives the features.
    classes : int
        n, the number of classes.
    settings : ClassifierSettings
        Pooling, words, objectives, and how many stages stay frozen.
    """

    def __init__(self, backbone: Backbone, classes: int, settings: ClassifierSettings) -> None:
        super().__init__()
        self.backbone = backbone
        self.settings = settings
        channels = backbone.channels[-1]
        # W^img. It equals a 1x1 convolution without bias, also in its default initialisation.
        self.classifier = nn.Linear(channels, classes, bias=False)
        self.words = build_words(channels, classes, settings)
        self.objectives = nn.ModuleDict(
            {one.method: build_objective(channels, classes, one) for one in settings.objectives}
        )
        self.progress = 0.0
        for number in range(1, settings.frozen_stages + 1):
            for parameter in backbone.stage_parameters(number):
                parameter.requires_grad_(False)

    def features(self, images: Tensor) -> Tensor:
        """F: the last stage's features.

        Parameters
        ----------
        images : Tensor
            Normalised images, float (batch, 3, H, W).

        Returns
        -------
        Tensor
            F, (batch, d, h, w).
        """
        features: Tensor = self.backbone(images, frozen=self.settings.frozen_stages)[-1]
        return features

    def image_scores(self, features: Tensor) -> Tensor:
        """p^img: scores of the pooled features.

        Parameters
        ----------
        features : Tensor
            F, float (batch, d, h, w).

        Returns
        -------
        Tensor
            p^img, (batch, n), of any sign.
        """
        return linear(_pooled(features, self.settings).flatten(1), self.classifier.weight)

    def map_weights(self) -> Tensor:
        """The weights that make class activation maps: W^img, or those of an objective instead.

        Returns
        -------
        Tensor
            float (n, d).
        """
        weights: Tensor = self.classifier.weight
        for part in self.parts():
            weights = part.map_weights(weights)
        return weights

    def losses(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The terms of the total loss: one for the image labels, and those of the objectives.

        Parameters
        ----------
        images : Tensor
            Normalised images, float (batch, 3, H, W).
        labels : Tensor
            Image-level labels, zeros and ones, float32 (batch, n).

        Returns
        -------
        dict[str, Tensor]
            Scalars by name, weighted.

        Notes
        -----
        The loss of the image labels is the multi-label soft margin loss. Eq. 11 of VWL (VWE eq. 8) names it, but lacks
        its minus sign as printed.

        References
        ----------
        VWL eq. 11; VWE eq. 8; VWL eq. 12; VWL eq. 15; VWE eq. 9.
        """
        step = Step(self, images, labels, self.features(images), self.progress)
        losses = {"img": multilabel_soft_margin_loss(self.image_scores(step.features), labels)}
        for part in self.parts():
            losses |= part.losses(step)
        return losses

    def set_progress(self, progress: float) -> None:
        """Set how much of the training is done.

        Parameters
        ----------
        progress : float
            0 at the first step; 1 would be after the last.
        """
        self.progress = progress

    def parts(self) -> list[Objective]:
        """The objectives beside the image labels. Visual words, if there are some, come first.

        Returns
        -------
        list[Objective]
            The objectives.
        """
        others = cast("list[Objective]", list(self.objectives.values()))
        return others if self.words is None else [self.words, *others]

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """The parameters outside the backbone.

        Returns
        -------
        Iterator[nn.Parameter]
            The parameters.
        """
        yield from self.classifier.parameters()
        for part in self.parts():
            yield from part.parameters()


def _pooled(features: Tensor, settings: ClassifierSettings) -> Tensor:
    if settings.pooling == "gap":
        return global_average(features)
    if settings.pooling == "gmp":
        return global_maximum(features)
    local_maxima = FORMULATIONS[settings.formulation].local_maxima
    return hybrid_pooling(features, settings.regions, settings.gamma, local_maxima)


def load_classifier(
    settings: ClassifierSettings, classes: int, weights: Path, precision: torch.dtype = torch.float32
) -> Classifier:
    """Load a classifier from a file of weights, ready for inference.

    Parameters
    ----------
    settings : ClassifierSettings
        The settings that it was trained with.
    classes : int
        n, the number of classes.
    weights : Path
        Its classifier.safetensors.
    precision : torch.dtype
        The backbone's precision, float32 or bfloat16. The head and the maps stay in float32, which costs little.

    Returns
    -------
    Classifier
        The classifier, in eval mode.
    """
    network = build_classifier(settings, classes)
    load_weights(network, read_weights(weights), weights)
    network.backbone = inference_backbone(network.backbone, precision)
    return network.eval()


def build_classifier(settings: ClassifierSettings, classes: int) -> Classifier:
    """A classifier with an untrained backbone at output stride 16, undilated, as released."""
    return Classifier(backbone_of(settings.backbone), classes, settings)

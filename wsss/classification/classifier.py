"""The classifier: a backbone, a pooling, and heads for image labels and visual words."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear, multilabel_soft_margin_loss

from wsss.classification.formulations import FORMULATIONS
from wsss.classification.hybrid_pooling import global_average, global_maximum, hybrid_pooling
from wsss.classification.word_heads import LearntWords, build_words
from wsss.errors import WsssError
from wsss.networks.backbones import Backbone, backbone_of
from wsss.networks.inference.network import inference_backbone
from wsss.networks.saved_weights import load_weights, read_weights
from wsss.settings.cams import Branches
from wsss.settings.classifier import ClassifierSettings


class Classifier(nn.Module):
    """A classifier of `classes` image-level labels by the methods of VWE and VWL."""

    def __init__(self, backbone: Backbone, classes: int, settings: ClassifierSettings) -> None:
        super().__init__()
        self.backbone = backbone
        self.settings = settings
        channels = backbone.channels[-1]
        # W^img: a 1x1 convolution without bias, with that layer's default initialisation.
        self.classifier = nn.Linear(channels, classes, bias=False)
        self.words = build_words(channels, classes, settings)
        for number in range(1, settings.frozen_stages + 1):
            for parameter in backbone.stage_parameters(number):
                parameter.requires_grad_(False)

    def features(self, images: Tensor) -> Tensor:
        """F: the last stage's features of normalised images, (batch, d, h, w)."""
        features: Tensor = self.backbone(images, frozen=self.settings.frozen_stages)[-1]
        return features

    def image_scores(self, features: Tensor) -> Tensor:
        """p^img: scores (batch, n) of the pooled features."""
        return linear(_pooled(features, self.settings).flatten(1), self.classifier.weight)

    def activations(self, images: Tensor, branches: Branches = "image") -> Tensor:
        """Class activation maps after ReLU, (batch, n, h, w): of the features alone (VWL eq. 1), or of both branches.

        With both (VWE eq. 10-12), each is cut off at 0 and they are joined by max, as they are: the paper brings them
        to no common scale. Raises WsssError where there are no words that are mapped to classes.
        """
        # The trunk may be of a lower precision than the head.
        features = self.features(images).to(self.classifier.weight.dtype)
        maps = conv2d(features, self.classifier.weight[:, :, None, None]).relu()
        if branches == "image":
            return maps
        if not isinstance(self.words, LearntWords):
            raise WsssError(f"cams.branches: {branches} needs words: vwe or vwl_l, and words is {self.settings.words}")
        return torch.maximum(maps, self.words.maps(features).relu())

    def losses(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The terms of the total loss (VWL eq. 12 and 15; VWE eq. 9), for labels (batch, n) of zeros and ones."""
        features = self.features(images)
        losses = {"img": multilabel_soft_margin_loss(self.image_scores(features), labels)}
        if self.words is not None:
            losses |= self.words.losses(features, labels)
        return losses

    def head_parameters(self) -> Iterable[nn.Parameter]:
        """Everything outside the backbone."""
        yield from self.classifier.parameters()
        if self.words is not None:
            yield from self.words.parameters()


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
    """The classifier that `weights` hold, ready for inference, its backbone in this precision.

    The head stays in float32, and with it the maps: it costs next to nothing.
    """
    network = build_classifier(settings, classes)
    load_weights(network, read_weights(weights), weights)
    network.backbone = inference_backbone(network.backbone, precision)
    return network.eval()


def build_classifier(settings: ClassifierSettings, classes: int) -> Classifier:
    """A classifier with an untrained backbone at output stride 16, undilated, as released."""
    return Classifier(backbone_of(settings.backbone), classes, settings)

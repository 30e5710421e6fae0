"""The classifier: a backbone, a pooling, and heads for image labels and visual words."""

from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import conv2d, linear, multilabel_soft_margin_loss

from wsss.backbone import Backbone, backbone_of
from wsss.classification.hybrid_pooling import global_average, hybrid_pooling
from wsss.classification.visual_words import (
    decov,
    initial_codebook,
    word_frequencies,
    word_probabilities,
    words_present,
)
from wsss.settings.classification import ClassifierSettings


class Words(NamedTuple):
    """What the visual words say of a batch: p^w2i (batch, n), p^word and y^word (batch, k)."""

    image_scores: Tensor
    word_scores: Tensor
    present: Tensor


class WordHeads(nn.Module):
    """Codebook C (k, d), W^word (k, d) and W^w2i (n, k) of the learning-based strategy (VWL, fig. 4a)."""

    def __init__(self, channels: int, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.codebook = nn.Parameter(initial_codebook(vocabulary, channels))
        self.word = nn.Linear(channels, vocabulary, bias=False)
        self.word_to_image = nn.Linear(vocabulary, classes, bias=False)


class Classifier(nn.Module):
    """A classifier of `classes` image-level labels by the methods of VWE and VWL."""

    def __init__(self, backbone: Backbone, classes: int, settings: ClassifierSettings) -> None:
        super().__init__()
        self.backbone = backbone
        self.settings = settings
        channels = backbone.channels[-1]
        # W^img: a 1x1 convolution without bias, with that layer's default initialisation.
        self.classifier = nn.Linear(channels, classes, bias=False)
        self.words = None if settings.words == "none" else WordHeads(channels, settings.vocabulary, classes)
        # The stem never trains.
        for number in range(1, max(settings.frozen_stages, 1) + 1):
            for parameter in backbone.stage_parameters(number):
                parameter.requires_grad_(False)

    def features(self, images: Tensor) -> Tensor:
        """F: the last stage's features of normalised images, (batch, d, h, w)."""
        features: Tensor = self.backbone(images, frozen=self.settings.frozen_stages)[-1]
        return features

    def image_scores(self, features: Tensor) -> Tensor:
        """p^img: scores (batch, n) of the pooled features."""
        if self.settings.pooling == "gap":
            pooled = global_average(features)
        else:
            pooled = hybrid_pooling(features, self.settings.regions, self.settings.gamma)
        return linear(pooled.flatten(1), self.classifier.weight)

    def word_scores(self, features: Tensor) -> Words:
        """Scores and targets of the visual words; only p^word sends a gradient into the trunk."""
        heads = self.words
        assert heads is not None
        probabilities = word_probabilities(features.detach(), heads.codebook, self.settings.tau)
        return Words(
            heads.word_to_image(word_frequencies(probabilities)),
            heads.word(global_average(features).flatten(1)),
            words_present(probabilities.detach()),
        )

    def activations(self, images: Tensor) -> Tensor:
        """Class activation maps after ReLU (VWL eq. 1): (batch, n, h, w)."""
        return conv2d(self.features(images), self.classifier.weight[:, :, None, None]).relu()

    def losses(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The terms of the total loss (VWL eq. 15; VWE eq. 9), for labels (batch, n) of zeros and ones."""
        features = self.features(images)
        losses = {"img": multilabel_soft_margin_loss(self.image_scores(features), labels)}
        if self.words is not None:
            words = self.word_scores(features)
            losses["word"] = multilabel_soft_margin_loss(words.word_scores, words.present)
            losses["w2i"] = multilabel_soft_margin_loss(words.image_scores, labels)
            if self.settings.words == "vwl_l":
                losses["decov"] = self.settings.decov_weight * decov(self.words.codebook)
        return losses

    def head_parameters(self) -> Iterable[nn.Parameter]:
        """Everything outside the backbone."""
        yield from self.classifier.parameters()
        if self.words is not None:
            yield from self.words.parameters()


def build_classifier(settings: ClassifierSettings, classes: int) -> Classifier:
    """A classifier with an untrained backbone at output stride 16, undilated, as released."""
    return Classifier(backbone_of(settings.backbone), classes, settings)

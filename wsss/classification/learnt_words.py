"""Visual words with a codebook that is learnt by gradients (VWE, IJCAI 2021; VWL, IJCV 2022, fig. 4a)."""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import multilabel_soft_margin_loss

from wsss.classification.formulations import FORMULATIONS
from wsss.classification.hybrid_pooling import global_average
from wsss.classification.objective import Objective, Step
from wsss.classification.visual_words import initial_codebook, word_labels, word_probabilities, words_present
from wsss.settings.classifier import ClassifierSettings


class WordScores(NamedTuple):
    """What the visual words say of a batch: p^w2i (batch, n), p^word and y^word (batch, k)."""

    image: Tensor
    word: Tensor
    present: Tensor


class LearntWords(Objective):
    """Learning-based strategy (fig. 4a): codebook C (k, d), W^word (k, d) and W^w2i (n, k), all trained.

    VWE is this without DeCov and with tau 1.
    """

    def __init__(self, channels: int, classes: int, settings: ClassifierSettings) -> None:
        super().__init__()
        self.settings, self.formulation = settings, FORMULATIONS[settings.formulation]
        self.codebook = nn.Parameter(initial_codebook(settings.vocabulary, channels))
        self.word = nn.Linear(channels, settings.vocabulary, bias=False)
        self.word_to_image = nn.Linear(settings.vocabulary, classes, bias=False)

    def scores(self, features: Tensor) -> WordScores:
        """Scores and targets for features (batch, d, h, w). W^word sees the average: y^word is of all pixels."""
        probabilities = self._probabilities(features)
        return WordScores(
            self.word_to_image(self.formulation.word_frequencies(probabilities)),
            self.word(global_average(features).flatten(1)),
            words_present(word_labels(probabilities), self.settings.vocabulary),
        )

    def losses(self, step: Step) -> dict[str, Tensor]:
        """Terms of VWL eq. 15 (VWE eq. 9) beside the images'."""
        scores = self.scores(step.features)
        losses = {
            "word": multilabel_soft_margin_loss(scores.word, scores.present),
            "w2i": multilabel_soft_margin_loss(scores.image, step.labels),
        }
        if self.settings.words == "vwl_l":
            losses["decov"] = self.settings.decov_weight * self.formulation.decov(self.codebook)
        return losses

    def maps(self, features: Tensor) -> Tensor:
        """M^word of VWE eq. 11, before ReLU: W^w2i applied to P at each pixel; (batch, d, h, w) to (batch, n, h, w)."""
        scores: Tensor = self.word_to_image(self._probabilities(features))
        return scores.transpose(1, 2).reshape(len(features), -1, *features.shape[2:])

    def _probabilities(self, features: Tensor) -> Tensor:
        return word_probabilities(self.formulation.word_features(features), self.codebook, self.settings.tau)


def build(channels: int, classes: int, settings: ClassifierSettings) -> LearntWords:
    """The part of `wsss.classification.objectives`."""
    return LearntWords(channels, classes, settings)

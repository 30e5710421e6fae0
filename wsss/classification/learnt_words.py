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
    """Scores of the visual words for a batch: p^w2i (batch, n), p^word and the targets y^word (batch, k)."""

    image: Tensor
    word: Tensor
    present: Tensor


class LearntWords(Objective):
    """Visual words with a codebook that is learnt by gradients (learning-based strategy).

    Parameters
    ----------
    channels : int
        d, the channels of the features.
    classes : int
        n, the number of classes.
    settings : ClassifierSettings
        Vocabulary k, formulation, tau, and the weight of DeCov.

    Notes
    -----
    The codebook C (k, d), W^word (k, d) and W^w2i (n, k) are all trained. VWE is the same with tau 1 and without DeCov.

    References
    ----------
    VWL fig. 4a.
    """

    def __init__(self, channels: int, classes: int, settings: ClassifierSettings) -> None:
        super().__init__()
        self.settings, self.formulation = settings, FORMULATIONS[settings.formulation]
        self.codebook = nn.Parameter(initial_codebook(settings.vocabulary, channels))
        self.word = nn.Linear(channels, settings.vocabulary, bias=False)
        self.word_to_image = nn.Linear(settings.vocabulary, classes, bias=False)

    def scores(self, features: Tensor) -> WordScores:
        """Scores and targets of a batch. W^word is applied to the averaged features; y^word covers all pixels.

        Parameters
        ----------
        features : Tensor
            F, float (batch, d, h, w).

        Returns
        -------
        WordScores
            p^w2i (batch, n), p^word and y^word (batch, k).
        """
        probabilities = self._probabilities(features)
        return WordScores(
            self.word_to_image(self.formulation.word_frequencies(probabilities)),
            self.word(global_average(features).flatten(1)),
            words_present(word_labels(probabilities), self.settings.vocabulary),
        )

    def losses(self, step: Step) -> dict[str, Tensor]:
        """The terms of the words in the total loss: word, w2i and, for VWL-L, decov.

        Parameters
        ----------
        step : Step
            The step of training.

        Returns
        -------
        dict[str, Tensor]
            Scalars by name, weighted.

        Notes
        -----
        L_w2i and L_decov together are the auxiliary loss of eq. 14.

        References
        ----------
        VWL eq. 14; VWL eq. 15; VWE eq. 9.
        """
        scores = self.scores(step.features)
        losses = {
            "word": multilabel_soft_margin_loss(scores.word, scores.present),
            "w2i": multilabel_soft_margin_loss(scores.image, step.labels),
        }
        if self.settings.words == "vwl_l":
            losses["decov"] = self.settings.decov_weight * self.formulation.decov(self.codebook)
        return losses

    def maps(self, features: Tensor) -> Tensor:
        """Maps M^word before ReLU: W^w2i applied to P at each pixel.

        Parameters
        ----------
        features : Tensor
            F, float (batch, d, h, w).

        Returns
        -------
        Tensor
            M^word, (batch, n, h, w), of any sign.

        References
        ----------
        VWE eq. 11.
        """
        scores: Tensor = self.word_to_image(self._probabilities(features))
        return scores.transpose(1, 2).reshape(len(features), -1, *features.shape[2:])

    def _probabilities(self, features: Tensor) -> Tensor:
        return word_probabilities(self.formulation.word_features(features), self.codebook, self.settings.tau)


def build(channels: int, classes: int, settings: ClassifierSettings) -> LearntWords:
    """Make this objective for `wsss.classification.objectives.build_words`."""
    return LearntWords(channels, classes, settings)

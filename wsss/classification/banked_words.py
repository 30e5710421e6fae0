"""Visual words with a memory bank (VWL, IJCV 2022, fig. 4b)."""

from torch import Tensor, nn
from torch.nn.functional import multilabel_soft_margin_loss

from wsss.classification.formulations import FORMULATIONS
from wsss.classification.hybrid_pooling import global_average
from wsss.classification.memory_bank import MemoryBank
from wsss.classification.objective import Objective, Step
from wsss.classification.visual_words import word_labels, word_probabilities, words_present
from wsss.settings.classifier import ClassifierSettings


class BankedWords(Objective):
    """Visual words whose codebook is a memory bank (memory-bank strategy). tau is 1.

    Parameters
    ----------
    channels : int
        d, the channels of the features.
    settings : ClassifierSettings
        Vocabulary k, formulation, and rho.

    Notes
    -----
    W^word (k, d) is trained by gradients. The codebook follows the features. There is no W^w2i, because the total loss
    (eq. 12) has no term that would train it.

    References
    ----------
    VWL fig. 4b.
    """

    def __init__(self, channels: int, settings: ClassifierSettings) -> None:
        super().__init__()
        reconstruction = FORMULATIONS[settings.formulation].reconstruction
        self.bank = MemoryBank(settings.vocabulary, channels, settings.rho, reconstruction)
        self.word = nn.Linear(channels, settings.vocabulary, bias=False)

    @property
    def codebook(self) -> Tensor:
        """C (k, d)."""
        return self.bank.codebook

    def losses(self, step: Step) -> dict[str, Tensor]:
        """The word term of the total loss. In training, the memory bank is then updated with these features.

        Parameters
        ----------
        step : Step
            The step of training.

        Returns
        -------
        dict[str, Tensor]
            The scalar `word`.

        Notes
        -----
        The features are those of this forward pass (algorithm 1). So it does not matter that the optimiser's step comes
        later.

        References
        ----------
        VWL eq. 12.
        """
        apart = step.features.detach()
        chosen = word_labels(word_probabilities(apart, self.bank.codebook, tau=1.0))
        scores = self.word(global_average(step.features).flatten(1))
        loss = multilabel_soft_margin_loss(scores, words_present(chosen, scores.shape[1]))
        if self.training:
            self.bank.update(apart, chosen)
        return {"word": loss}


def build(channels: int, classes: int, settings: ClassifierSettings) -> BankedWords:
    """Make this objective for `wsss.classification.objectives.build_words`."""
    return BankedWords(channels, settings)

"""The two formulations: `released`, which is the authors' code, and `paper`, which is the equations as printed.

Neither follows two misprints of VWL. Eq. 11 (VWE eq. 8) names the multi-label soft margin loss but lacks its minus
sign. Eq. 6 inverts D twice, which gives sums; means are intended.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from wsss.classification.hybrid_pooling import LocalMaxima, maxima_of_grid, maxima_of_whole_cells
from wsss.classification.memory_bank import Reconstruction, damped_means, plain_means
from wsss.classification.visual_words import decov_of_norms, decov_of_squares, frequency_means, frequency_sums


@dataclass(frozen=True)
class Formulation:
    """One formulation of the papers' equations. `FORMULATIONS` has both, `released` and `paper`.

    Parameters
    ----------
    local_maxima : LocalMaxima
        f_r^max of hybrid pooling, VWL's eq. 8.
    word_features : Callable[[Tensor], Tensor]
        Makes the features that the similarity is computed from, VWL's eq. 2.
    word_frequencies : Callable[[Tensor], Tensor]
        f^word, VWL's eq. 5.
    reconstruction : Reconstruction
        C' of the memory bank, VWL's eq. 6.
    decov : Callable[[Tensor], Tensor]
        The DeCov loss, VWL's eq. 13.
    """

    local_maxima: LocalMaxima
    word_features: Callable[[Tensor], Tensor]
    word_frequencies: Callable[[Tensor], Tensor]
    reconstruction: Reconstruction
    decov: Callable[[Tensor], Tensor]


def features_apart(features: Tensor) -> Tensor:
    """F of eq. 2 as released: F is detached, so L_w2i sends no gradient into the trunk."""
    return features.detach()


def features_themselves(features: Tensor) -> Tensor:
    """F of eq. 2 as printed: L_w2i trains both the trunk and the codebook."""
    return features


FORMULATIONS = {
    "released": Formulation(maxima_of_whole_cells, features_apart, frequency_sums, damped_means, decov_of_norms),
    "paper": Formulation(maxima_of_grid, features_themselves, frequency_means, plain_means, decov_of_squares),
}

"""Losses of IRNet's displacements (Ahn et al., CVPR 2019), which lead from each cell to the centre of its object.

Each cell has a displacement d = (dy, dx) in cells. In an object, the displacements of two cells should differ by the
offset between the cells. On the background they should be equal.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from wsss.refinement.cell_paths import offsets
from wsss.refinement.irnet.affinity import EPSILON, pair_kinds, shifted
from wsss.training.ranks import sharers, summed


class DisplacementLosses(NamedTuple):
    """Mean losses of the pairs of cells of the same class, and of those that are both background."""

    foreground: Tensor
    background: Tensor

    @property
    def total(self) -> Tensor:
        """Loss of the displacements."""
        return (self.foreground + self.background) / 2


def displacement_loss(displacements: Tensor, labels: Tensor, radius: int) -> DisplacementLosses:
    """Losses of the displacements of pairs of cells.

    The loss of a pair is the L1 distance of d(source) - d(destination) from a target. The target is
    destination - source for two cells of the same class, and 0 for two background cells.

    Parameters
    ----------
    displacements : Tensor
        Displacements (dy, dx) in cells, float (batch, 2, h, w).
    labels : Tensor
        Labels of the cells, uint8 (batch, h, w), 255 ignored.
    radius : int
        Pairs are those of the affinities: cells whose distance is below this; at least 2.

    Returns
    -------
    DisplacementLosses
        Two means, scalars.

    Notes
    -----
    Each sum over the batch is divided by twice the number of pairs + 1e-5.

    References
    ----------
    Ahn, Cho, Kwak: "Weakly Supervised Learning of Instance Segmentation with Inter-pixel Relations", CVPR 2019.
    """
    values = displacements.float()
    # |x| = sign(x) x, and the sign has no gradient. So signs are summed for each cell without autograd. Autograd then
    # works on one value for each cell, not on one for each pair.
    losses = []
    for kind in (1, 0):
        signs, constant, pairs = _signs_by_cell(values.detach(), labels, radius, kind)
        total = ((signs * values).sum(dtype=torch.float64) - constant).float()
        losses.append(total * sharers() / (2 * summed(pairs) + EPSILON))
    return DisplacementLosses(*losses)


def _signs_by_cell(values: Tensor, labels: Tensor, radius: int, kind: int) -> tuple[Tensor, Tensor, Tensor]:
    """Signs, constant and number of all pairs of a kind (1 same class, 0 background).

    Their loss is sum(signs * values) - constant. `signs` (batch, 2, h, w) is the number of pairs that pull a value down
    minus the number of those that pull it up. `constant` is the sum of sign * target over all pairs.
    """
    signs = torch.zeros_like(values)
    constant, pairs = (torch.zeros((), dtype=torch.int64, device=values.device) for _ in range(2))
    source, start = shifted(labels, (0, 0), radius), shifted(values, (0, 0), radius)
    for offset in offsets(radius):
        chosen = pair_kinds(source, shifted(labels, offset, radius)) == kind
        target = values.new_tensor(offset if kind == 1 else (0, 0))[:, None, None]
        sign = torch.sign(start - shifted(values, offset, radius) - target) * chosen[:, None]
        shifted(signs, (0, 0), radius).add_(sign)
        shifted(signs, offset, radius).sub_(sign)
        constant += (sign * target).sum(dtype=torch.float64).round().long()
        pairs += chosen.sum()
    return signs, constant, pairs

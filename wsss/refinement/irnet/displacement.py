"""Losses of IRNet's displacements (Ahn et al., CVPR 2019): where pairs of cells lie, seen from their object's centre.

Each cell has a displacement d = (dy, dx) in cells. Within an object, the displacements of two cells differ by the way
from one to the other; on the background they do not differ.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from wsss.refinement.cell_paths import offsets
from wsss.refinement.irnet.affinity import EPSILON, pair_kinds, shifted


class DisplacementLosses(NamedTuple):
    """Mean losses of the pairs of cells of the same class, and of those that are both background."""

    foreground: Tensor
    background: Tensor

    @property
    def total(self) -> Tensor:
        """Loss of the displacements."""
        return (self.foreground + self.background) / 2


def displacement_loss(displacements: Tensor, labels: Tensor, radius: int) -> DisplacementLosses:
    """Losses of the displacements: how far pairs of cells are from agreeing on their way.

    L1 between d(source) - d(destination) and destination - source for two cells of one class, and 0 for two background
    cells.

    Parameters
    ----------
    displacements : Tensor
        Displacements (dy, dx) in cells, float (batch, 2, h, w).
    labels : Tensor
        Labels of the cells, uint8 (batch, h, w), 255 ignored.
    radius : int
        Pairs are those of the affinities: cells closer than this, strictly; at least 2.

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
    # |x| = sign(x) x, and the sign has no gradient: so signs are summed by cell without autograd, and what takes part
    # in it are as many values as there are cells, not as there are pairs.
    losses = []
    for kind in (1, 0):
        signs, constant, pairs = _signs_by_cell(values.detach(), labels, radius, kind)
        losses.append(((signs * values).sum(dtype=torch.float64) - constant).float() / (2 * pairs + EPSILON))
    return DisplacementLosses(*losses)


def _signs_by_cell(values: Tensor, labels: Tensor, radius: int, kind: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of all pairs of a kind (1 the same class, 0 background), the loss being sum(signs * values) - constant.

    `signs` (batch, 2, h, w) counts the pairs that pull a value down less those that pull it up, and `constant` is the
    sum of the targets under the signs; the third is the number of pairs.
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

"""Affinities between neighbouring cells, and the loss that trains edges through them (IRNet, Ahn et al., CVPR 2019).

The affinity of two cells is 1 minus the strongest edge on the path between them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from wsss.data.images import IGNORE
from wsss.refinement.cell_paths import Cell, offsets, runs
from wsss.training.ranks import sharers, summed

EPSILON = 1e-5


def path_maxima(values: Tensor, radius: int) -> Iterator[Tensor]:
    """For each of `offsets(radius)`, the maximum of `values` on the path from every source, without autograd.

    `values`: (..., h, w) of any dtype. Sources are the cells whose partners are all inside: rows 0..h-radius, columns
    radius-1..w-radius. So each result is (..., h - radius + 1, w - 2 radius + 2). Results must not be written to.
    """
    # by_length[n - 1] has the maxima of n neighbouring cells of a row. Several paths use them.
    by_length = [values.detach()]
    for length in range(1, radius):
        by_length.append(torch.maximum(by_length[-1][..., :-1], by_length[0][..., length:]))
    for offset in offsets(radius):
        maximum, *others = (shifted(by_length[length - 1], cell, radius, length) for cell, length in runs(*offset))
        if others:
            maximum = torch.maximum(maximum, others[0])
        for other in others[1:]:
            torch.maximum(maximum, other, out=maximum)
        yield maximum


def shifted(values: Tensor, offset: Cell, radius: int, length: int = 1) -> Tensor:
    """The values at `offset` from each source, as a view. `length`: the number of cells that each value is of."""
    height, width = values.shape[-2], values.shape[-1] + length - 1
    (dy, dx), margin = offset, radius - 1
    return values[..., dy : dy + height - margin, margin + dx : width - margin + dx]


class AffinityLosses(NamedTuple):
    """Mean losses of the pairs of cells that are both background, of one class, and of different classes.

    Parameters
    ----------
    background : Tensor
        The loss of pairs that are both background, a scalar.
    foreground : Tensor
        The loss of pairs of the same class, a scalar.
    negative : Tensor
        The loss of pairs of different classes, a scalar.
    """

    background: Tensor
    foreground: Tensor
    negative: Tensor

    @property
    def positive(self) -> Tensor:
        """Loss of the pairs that belong together."""
        return (self.background + self.foreground) / 2

    @property
    def total(self) -> Tensor:
        """Loss of the edges."""
        return (self.positive + self.negative) / 2


def affinity_loss(edge_logits: Tensor, labels: Tensor, radius: int) -> AffinityLosses:
    """Losses of the affinities between neighbouring cells. They train the edges.

    Parameters
    ----------
    edge_logits : Tensor
        Edge logits, float (batch, 1, h, w).
    labels : Tensor
        Labels of the cells, uint8 (batch, h, w), 255 ignored.
    radius : int
        Pairs are cells whose distance is below this; at least 2.

    Returns
    -------
    AffinityLosses
        Three means, scalars.

    Notes
    -----
    The affinity a of two cells is 1 minus the strongest edge on the path between them. The loss of equal labels is
    -log(a + 1e-5), that of different labels is -log(1 + 1e-5 - a). Each sum over the batch is divided by the number of
    pairs + 1e-5.

    References
    ----------
    Ahn, Cho, Kwak: "Weakly Supervised Learning of Instance Segmentation with Inter-pixel Relations", CVPR 2019.
    """
    # The loss of a pair depends only on the strongest cell of its path. So pairs are counted by that cell, and the
    # loss of each cell is multiplied by its counts.
    counts = pairs_by_strongest_cell(edge_logits[:, 0], labels, radius)
    edges = torch.sigmoid(edge_logits[:, 0].float())
    together, apart = -torch.log(1 - edges + EPSILON), -torch.log(edges + EPSILON)
    totals = [(count * cost).sum() for count, cost in zip(counts, (together, together, apart), strict=True)]
    pairs = summed(counts.sum((1, 2, 3)))
    return AffinityLosses(
        *(total * sharers() / (number + EPSILON) for total, number in zip(totals, pairs, strict=True))
    )


def pairs_by_strongest_cell(edge_logits: Tensor, labels: Tensor, radius: int) -> Tensor:
    """For each cell, the number of pairs on whose path it has the strongest edge: int64 (3, batch, h, w).

    `edge_logits`: (batch, h, w). `labels`: uint8 (batch, h, w), 255 ignored. The first axis has the kinds of pairs:
    both background, the same class, different classes.
    """
    ranks = _ranks(edge_logits.detach().flatten(1))
    if labels.is_cuda:
        # Imported only with a GPU, because torch brings Triton only for GPUs.
        from wsss.refinement.kernels.affinity_on_gpu import count_on_gpu

        by_rank = count_on_gpu(ranks, labels, radius)
    else:
        by_rank = _count_by_views(ranks, labels, radius)
    return by_rank.gather(2, ranks.long().expand(by_rank.shape)).view(3, *labels.shape).long()


def _count_by_views(ranks: Tensor, labels: Tensor, radius: int) -> Tensor:
    """For each rank, the number of pairs whose path has it as its highest: int64 (3, batch, h w)."""
    first_rank = torch.arange(len(labels), device=labels.device)[:, None, None] * labels[0].numel()
    counts = labels.new_zeros(4 * labels.numel(), dtype=torch.int64)
    source = shifted(labels, (0, 0), radius)
    for offset, strongest in zip(offsets(radius), path_maxima(ranks.view(labels.shape), radius), strict=True):
        kinds = pair_kinds(source, shifted(labels, offset, radius))
        places = (kinds * labels.numel() + first_rank + strongest).flatten()
        counts.scatter_add_(0, places, torch.ones_like(places))
    return counts.view(4, *ranks.shape)[:3]


def _ranks(values: Tensor) -> Tensor:
    """Ranks of (batch, cells) within each row, int32. They have the order of the values. No rank occurs twice."""
    order = values.argsort(dim=1, stable=True)
    ascending = torch.arange(values.shape[1], dtype=torch.int32, device=values.device)
    return torch.empty_like(order, dtype=torch.int32).scatter_(1, order, ascending.expand(order.shape))


def pair_kinds(source: Tensor, target: Tensor) -> Tensor:
    """Kinds of pairs of two uint8 label maps, int64: 0 both background, 1 same class, 2 two classes, 3 ignored."""
    kinds = torch.where(source == target, (source > 0).long(), 2)
    return kinds.masked_fill_((source == IGNORE) | (target == IGNORE), 3)


def labels_of_cells(labels: Tensor) -> Tensor:
    """Labels (batch, H/4, W/4) at the stride of the edges from (batch, H, W): every pixel 4i + 2."""
    return labels[:, 2::4, 2::4]

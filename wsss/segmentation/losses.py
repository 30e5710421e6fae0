"""The loss of a segmentation network that sees its input at several scales."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from wsss.data.images import IGNORE
from wsss.training.ranks import sharers, summed


def segmentation_loss(per_scale: Sequence[Tensor], fused: Tensor, labels: Tensor) -> Tensor:
    """Sum of the mean cross-entropies of each scale's logits and of their fusion.

    Parameters
    ----------
    per_scale : Sequence[Tensor]
        Logits of each scale, float (N, n, h_s, w_s), each at its own size. A single scale equals its fusion and is
        counted once.
    fused : Tensor
        Logits of the fusion, float (N, n, h, w).
    labels : Tensor
        Labels, uint8 (N, H, W), 0..n-1, 255 ignored.

    Returns
    -------
    Tensor
        A scalar. If every label is ignored, it is 0 and has no gradient.

    References
    ----------
    Chen, Papandreou, Kokkinos, Murphy, Yuille: "DeepLab: Semantic Image Segmentation with Deep Convolutional Nets,
    Atrous Convolution, and Fully Connected CRFs", TPAMI 2018.
    """
    terms = list(per_scale) if len(per_scale) == 1 else [*per_scale, fused]
    return torch.stack([_mean_cross_entropy(logits, labels) for logits in terms]).sum()


def labels_at_size(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """Labels (N, H, W) at `size` = (h, w). Each cell gets the pixel under its centre, floor((i + 1/2) H / h).

    This equals Pillow's nearest, which the widespread re-implementation uses. torch's `nearest` is shifted up and left.
    """
    rows, columns = (
        (2 * torch.arange(new, device=labels.device) + 1) * old // (2 * new)
        for old, new in zip(labels.shape[1:], size, strict=True)
    )
    return labels[:, rows[:, None], columns]


def _mean_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    reduced = labels_at_size(labels, (logits.shape[2], logits.shape[3])).long()
    # Losses are computed for each pixel first. A GPU's own sum would not give the same bytes every time.
    total = cross_entropy(logits, reduced, ignore_index=IGNORE, reduction="none").sum()
    return total * sharers() / summed((reduced != IGNORE).sum()).clamp(min=1)

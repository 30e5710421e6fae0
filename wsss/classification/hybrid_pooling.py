"""Hybrid pooling (VWL, IJCV 2022, eq. 8-10; VWE, IJCAI 2021, eq. 5-7): local maxima and the global average."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import max_pool2d


def global_average(features: Tensor) -> Tensor:
    """f^gap of eq. 9: (batch, d, h, w) to (batch, d, 1, 1)."""
    return features.mean((2, 3), keepdim=True)


def local_maxima(features: Tensor, regions: int) -> Tensor:
    """f_r^max of eq. 8 for r = `regions`: the mean over cells of each cell's maximum, (batch, d, 1, 1).

    As released, cells have floor(h/r) x floor(w/r) pixels without padding: pixels left over are dropped, or make extra
    cells where they fill one. A side shorter than r has one cell a pixel.
    """
    cell = (max(features.shape[2] // regions, 1), max(features.shape[3] // regions, 1))
    return max_pool2d(features, cell, cell).mean((2, 3), keepdim=True)


def hybrid_pooling(features: Tensor, regions: Sequence[int], gamma: float) -> Tensor:
    """f^hp of eq. 10: (sum of f_r^max over r in `regions` + gamma f^gap) / (gamma + number of regions).

    Features are (batch, d, h, w), the result is (batch, d, 1, 1).
    """
    total = gamma * global_average(features)
    for count in regions:
        total = total + local_maxima(features, count)
    return total / (gamma + len(regions))

"""Poolings: the global average and maximum, local maxima, and hybrid pooling, which joins them.

Hybrid pooling is HP of VWL (IJCV 2022, eq. 8-10), the same as HSPP of VWE (IJCAI 2021, eq. 5-7).
"""

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d, max_pool2d

# f_r^max of features (batch, d, h, w) for a number of regions r: (batch, d, 1, 1).
LocalMaxima = Callable[[Tensor, int], Tensor]


def global_average(features: Tensor) -> Tensor:
    """f^gap of eq. 9 (VWE eq. 6): (batch, d, h, w) to (batch, d, 1, 1)."""
    return features.mean((2, 3), keepdim=True)


def global_maximum(features: Tensor) -> Tensor:
    """GMP, the maximum over all pixels: (batch, d, h, w) to (batch, d, 1, 1)."""
    return adaptive_max_pool2d(features, 1)


def maxima_of_whole_cells(features: Tensor, regions: int) -> Tensor:
    """f_r^max of eq. 8 (VWE eq. 5), released reading: the mean over cells of each cell's maximum, (batch, d, 1, 1).

    Cells have floor(h/r) x floor(w/r) pixels without padding: pixels left over are dropped, or make extra cells where
    they fill one. A side shorter than r has one cell a pixel.
    """
    cell = (max(features.shape[2] // regions, 1), max(features.shape[3] // regions, 1))
    return max_pool2d(features, cell, cell).mean((2, 3), keepdim=True)


def maxima_of_grid(features: Tensor, regions: int) -> Tensor:
    """f_r^max of eq. 8 (VWE eq. 5), the papers' reading: the mean over r x r maxima, (batch, d, 1, 1).

    The map is divided into r x r divisions of h/r x w/r, whatever its size. Where a border between two divisions cuts a
    pixel, it belongs to both; so no pixel is left out, and a side shorter than r has divisions that share pixels.
    """
    return adaptive_max_pool2d(features, regions).mean((2, 3), keepdim=True)


def hybrid_pooling(features: Tensor, regions: Sequence[int], gamma: float, local_maxima: LocalMaxima) -> Tensor:
    """f^hp of eq. 10 (f^hspp of VWE eq. 7): (sum of f_r^max over r in `regions` + gamma f^gap) / (gamma + regions).

    Features are (batch, d, h, w), the result is (batch, d, 1, 1). Without the average, gamma is 0 and the sum is
    divided by the number of regions, 3 in the papers.
    """
    total = gamma * global_average(features)
    for count in regions:
        total = total + local_maxima(features, count)
    return total / (gamma + len(regions))

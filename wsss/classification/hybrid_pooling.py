"""Poolings: the global average, the global maximum, local maxima, and hybrid pooling, which combines them.

Hybrid pooling is HP of VWL (IJCV 2022, eq. 8-10), the same as HSPP of VWE (IJCAI 2021, eq. 5-7).
"""

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d, max_pool2d

from wsss.data.array_checks import check_array
from wsss.errors import WsssError

# From features (batch, d, h, w) and r to f_r^max, (batch, d, 1, 1).
LocalMaxima = Callable[[Tensor, int], Tensor]


def global_average(features: Tensor) -> Tensor:
    """The global average over all pixels, f^gap.

    Parameters
    ----------
    features : Tensor
        F, float (batch, d, h, w).

    Returns
    -------
    Tensor
        f^gap, (batch, d, 1, 1).

    References
    ----------
    VWL eq. 9; VWE eq. 6.
    """
    return features.mean((2, 3), keepdim=True)


def global_maximum(features: Tensor) -> Tensor:
    """The global maximum over all pixels (GMP).

    Parameters
    ----------
    features : Tensor
        F, float (batch, d, h, w).

    Returns
    -------
    Tensor
        The maxima, (batch, d, 1, 1).
    """
    return adaptive_max_pool2d(features, 1)


def maxima_of_whole_cells(features: Tensor, regions: int) -> Tensor:
    """Local maxima f_r^max as released: the mean over cells of each cell's maximum.

    Parameters
    ----------
    features : Tensor
        F, float (batch, d, h, w).
    regions : int
        r, at least 1: the number of cells along each side.

    Returns
    -------
    Tensor
        f_r^max, (batch, d, 1, 1).

    Notes
    -----
    Cells have floor(h/r) x floor(w/r) pixels, without padding. Remaining pixels make further cells if they fill one;
    otherwise they are dropped. On a side shorter than r, each pixel is a cell.

    References
    ----------
    VWL eq. 8; VWE eq. 5.
    """
    cell = (max(features.shape[2] // regions, 1), max(features.shape[3] // regions, 1))
    return max_pool2d(features, cell, cell).mean((2, 3), keepdim=True)


def maxima_of_grid(features: Tensor, regions: int) -> Tensor:
    """Local maxima f_r^max as in the papers: the mean over r x r maxima.

    Parameters
    ----------
    features : Tensor
        F, float (batch, d, h, w).
    regions : int
        r, at least 1: the number of divisions along each side.

    Returns
    -------
    Tensor
        f_r^max, (batch, d, 1, 1).

    Notes
    -----
    The map is always divided into r x r cells of h/r x w/r pixels. A pixel that is cut by the border between two cells
    belongs to both. So no pixel is left out. On a side shorter than r, several cells share a pixel.

    References
    ----------
    VWL eq. 8; VWE eq. 5.
    """
    return adaptive_max_pool2d(features, regions).mean((2, 3), keepdim=True)


def hybrid_pooling(features: Tensor, regions: Sequence[int], gamma: float, local_maxima: LocalMaxima) -> Tensor:
    """Hybrid pooling f^hp (HP of VWL, HSPP of VWE): a weighted mean of local maxima and the global average.

    Parameters
    ----------
    features : Tensor
        F, float (batch, d, h, w).
    regions : Sequence[int]
        Each r of the local maxima; 1, 2 and 4 in the papers.
    gamma : float
        The weight of the global average, at least 0. The papers have 2; 0 leaves the average out.
    local_maxima : LocalMaxima
        How local maxima are taken: `maxima_of_whole_cells` or `maxima_of_grid`.

    Returns
    -------
    Tensor
        f^hp, (batch, d, 1, 1).

    Raises
    ------
    WsssError
        If the features have another shape or dtype, a region is below 1, or nothing is left to pool.

    Notes
    -----
    f^hp = (sum of f_r^max over r + gamma f^gap) / (gamma + the number of regions). Without the average, gamma is 0 and
    the sum is divided by the number of regions, 3 in the papers.

    References
    ----------
    VWL eq. 10; VWE eq. 7.
    """
    check_array("features", features, "torch", "float", ("batch", "d", "h", "w"))
    if min(regions, default=1) < 1 or gamma < 0 or gamma + len(regions) == 0:
        raise WsssError(
            f"regions are numbers of at least 1 and gamma is at least 0, and one of them is needed: regions {regions}, "
            f"gamma {gamma}"
        )
    total = gamma * global_average(features)
    for count in regions:
        total = total + local_maxima(features, count)
    return total / (gamma + len(regions))

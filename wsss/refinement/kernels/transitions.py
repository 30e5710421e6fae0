"""Transitions of the random walk on a grid of cells, as a stencil (IRNet, Ahn et al., CVPR 2019).

Affinities S_ij are (1 - the strongest edge on the path)^beta between cells closer than the radius, 0 between others,
and 1 on the diagonal. T is S with its columns divided by their sums. As S is symmetric, a row vector x gives
x T = P x with P = D^-1 S, D the sums: every step averages over neighbours. No matrix over pairs of cells is made:
memory grows with cells times neighbours.
"""

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.nn.functional import pad

from wsss.refinement.cell_paths import offsets
from wsss.refinement.irnet.affinity import path_maxima

# Cells that one pass over all offsets works on: their weights, twice 34 x 8 kB, stay in a core's own cache.
CHUNK = 1024


class Transitions:
    """P of a grid of h x w cells, on the device of its edges.

    `degrees`: (h, w) float64, the sums D, 1 or more.
    """

    def __init__(self, edge: Tensor, radius: int, beta: float) -> None:
        """`edge`: (h, w) in 0..1."""
        self._size, self._margin = edge.shape, radius - 1
        columns = edge.shape[1] + 2 * self._margin
        # How far each of `offsets` is from a cell, in cells of a padded grid read row by row.
        shifts = [dy * columns + dx for dy, dx in offsets(radius)]
        self._shifts = torch.tensor(shifts, dtype=torch.int32, device=edge.device)
        self._weights = self._half_plane_weights(edge, radius, beta)
        self._inverse = self.padded(torch.ones_like(edge)[None])[0]
        ones = self.padded(torch.ones_like(edge)[None])
        sums = torch.zeros_like(ones)
        self.step(ones, sums, 1, 0)
        self.degrees = self.inside(sums)[0]
        self.inside(self._inverse).div_(self.degrees)

    def padded(self, values: Tensor) -> Tensor:
        """`values` (n, h, w) as float64, surrounded by the zeros that `step` reads."""
        return pad(values.double(), (self._margin,) * 4)

    def inside(self, padded: Tensor) -> Tensor:
        """(..., h, w) of padded values, a view."""
        (height, width), margin = self._size, self._margin
        return padded[..., margin : margin + height, margin : margin + width]

    def step(self, current: Tensor, out: Tensor, scale: float, keep: float) -> None:
        """out = scale P current - keep out, for padded values of n classes at once."""
        weights, inverse = self._weights.flatten(1), self._inverse.flatten()
        values, result = current.flatten(1), out.flatten(1)
        # From the first cell inside to behind the last; margins between rows have weights of 0, and stay 0.
        first = self._margin * current.shape[2] + self._margin
        last = current[0].numel() - first
        if out.device.type == "cpu":
            arrays = (weights.numpy(), inverse.numpy(), values.numpy(), result.numpy())
            step_compiled(self._shifts.numpy(), *arrays, first, last, float(scale), float(keep))
        else:
            # Only where there is a GPU: Triton comes with torch for those alone.
            from wsss.refinement.kernels.transitions_on_gpu import step_on_gpu

            step_on_gpu(self._shifts, weights, inverse, values, result, first, last, scale, keep)

    def _half_plane_weights(self, edge: Tensor, radius: int, beta: float) -> Tensor:
        """S of each cell with its partner at each of `offsets`, float64 (offsets, h, w), padded as values are."""
        (height, width), margin = self._size, self._margin
        # The power keeps the order, so it is taken of cells before the maximum, not of pairs after it.
        closed = pad(-((1 - edge.double()) ** beta), (margin, margin, 0, margin))
        shape = (len(self._shifts), height + 2 * margin, width + 2 * margin)
        weights = torch.zeros(shape, dtype=torch.float64, device=edge.device)
        for inside, maximum in zip(self.inside(weights), path_maxima(closed, radius), strict=True):
            torch.neg(maximum, out=inside)
        return weights


@njit(nogil=True, cache=True)
def step_compiled(
    shifts: np.ndarray,
    weights: np.ndarray,
    inverse: np.ndarray,
    current: np.ndarray,
    out: np.ndarray,
    first: int,
    last: int,
    scale: float,
    keep: float,
) -> None:
    """out = scale inverse S current - keep out for the cells first..last-1, chunk by chunk and class by class.

    Of padded grids read row by row: weights (shifts, cells), inverse (cells), which is 1 / D, current, out (n, cells).
    """
    sums = np.empty(CHUNK)
    for start in range(first, last, CHUNK):
        stop = min(start + CHUNK, last)
        part = sums[: stop - start]
        # Not `for values, result in zip(current, out)`: numba would not know that cells lie side by side.
        for number in range(len(current)):
            values, result = current[number], out[number]
            part[:] = values[start:stop]
            # Partners, of which there is an even number, go by twos: that halves the passes over the sums.
            for i in range(0, len(shifts), 2):
                s, t = shifts[i], shifts[i + 1]
                _add_products(
                    part,
                    weights[i, start:stop],
                    values[start + s : stop + s],
                    weights[i, start - s : stop - s],
                    values[start - s : stop - s],
                    weights[i + 1, start:stop],
                    values[start + t : stop + t],
                    weights[i + 1, start - t : stop - t],
                    values[start - t : stop - t],
                )
            share, before = inverse[start:stop], result[start:stop]
            for x in range(len(part)):
                before[x] = scale * share[x] * part[x] - keep * before[x]


@njit(nogil=True, cache=True)
def _add_products(
    sums: np.ndarray,
    w1: np.ndarray,
    v1: np.ndarray,
    w2: np.ndarray,
    v2: np.ndarray,
    w3: np.ndarray,
    v3: np.ndarray,
    w4: np.ndarray,
    v4: np.ndarray,
) -> None:
    """sums += w1 v1 + w2 v2 + w3 v3 + w4 v4: in a function of its own, where the compiler makes vectors of it."""
    for x in range(len(sums)):
        sums[x] += w1[x] * v1[x] + w2[x] * v2[x] + w3[x] * v3[x] + w4[x] * v4[x]

"""Transitions of the random walk on a grid of cells, as a stencil (IRNet, Ahn et al., CVPR 2019).

The affinity S_ij of two cells closer than the radius is (1 - the strongest edge on the path)^beta. It is 0 for other
pairs and 1 on the diagonal. T is S with columns divided by their sums D. S is symmetric, so for a row vector x,
x T = P x with P = D^-1 S: every step averages over neighbours. No matrix over pairs of cells is needed. Memory grows
with cells times neighbours.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from wsss.refinement.cell_paths import offsets
from wsss.refinement.irnet.affinity import path_maxima
from wsss.runtime.compiled import compiled

# Number of cells in one pass over all offsets. Their weights, twice 34 x 8 kB, fit into a core's own cache.
CHUNK = 1024


class Transitions:
    """P of a grid of h x w cells, on the device of its edges.

    `degrees`: (h, w) float64, the sums D, 1 or more.
    """

    def __init__(self, edge: Tensor, radius: int, beta: float) -> None:
        """`edge`: (h, w) in 0..1."""
        self._size, self._margin = edge.shape, radius - 1
        columns = edge.shape[1] + 2 * self._margin
        # The distance of each offset in a padded grid that is read row by row, in cells.
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
        """`values` (n, h, w) as float64, with a margin of zeros, which `step` reads."""
        return pad(values.double(), (self._margin,) * 4)

    def inside(self, padded: Tensor) -> Tensor:
        """Padded values without their margin, (..., h, w), as a view."""
        (height, width), margin = self._size, self._margin
        return padded[..., margin : margin + height, margin : margin + width]

    def step(self, current: Tensor, out: Tensor, scale: float, keep: float) -> None:
        """Compute out = scale P current - keep out, for padded values of n classes at once."""
        weights, inverse = self._weights.flatten(1), self._inverse.flatten()
        values, result = current.flatten(1), out.flatten(1)
        # From the first cell inside to the last. Margins between rows have weights of 0, so they stay 0.
        first = self._margin * current.shape[2] + self._margin
        last = current[0].numel() - first
        if out.device.type == "cpu":
            arrays = (weights.numpy(), inverse.numpy(), values.numpy(), result.numpy())
            step_compiled(self._shifts.numpy(), *arrays, first, last, float(scale), float(keep))
        else:
            # Imported only with a GPU, because torch brings Triton only for GPUs.
            from wsss.refinement.kernels.transitions_on_gpu import step_on_gpu

            step_on_gpu(self._shifts, weights, inverse, values, result, first, last, scale, keep)

    def _half_plane_weights(self, edge: Tensor, radius: int, beta: float) -> Tensor:
        """S of each cell and its partner at each offset, float64 (offsets, h, w), padded like values."""
        (height, width), margin = self._size, self._margin
        # The power keeps the order of values. So it is computed for cells before the maximum, not for pairs after it.
        closed = pad(-((1 - edge.double()) ** beta), (margin, margin, 0, margin))
        shape = (len(self._shifts), height + 2 * margin, width + 2 * margin)
        weights = torch.zeros(shape, dtype=torch.float64, device=edge.device)
        for inside, maximum in zip(self.inside(weights), path_maxima(closed, radius), strict=True):
            torch.neg(maximum, out=inside)
        return weights


@compiled
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
    """Compute out = scale inverse S current - keep out for cells first..last-1, chunk by chunk and class by class.

    All are padded grids read row by row: weights (shifts, cells), inverse (cells), which is 1 / D, and current and out
    (n, cells).
    """
    sums = np.empty(CHUNK)
    for start in range(first, last, CHUNK):
        stop = min(start + CHUNK, last)
        part = sums[: stop - start]
        # Not `for values, result in zip(current, out)`, because numba would not know that arrays are contiguous.
        for number in range(len(current)):
            values, result = current[number], out[number]
            part[:] = values[start:stop]
            # Two partners at a time (their number is even), which halves the number of passes over the sums.
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


@compiled
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
    """Compute sums += w1 v1 + w2 v2 + w3 v3 + w4 v4. The compiler vectorises it only in a function of its own."""
    for x in range(len(sums)):
        sums[x] += w1[x] * v1[x] + w2[x] * v2[x] + w3[x] * v3[x] + w4[x] * v4[x]

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

from wsss.refinement.affinity import offsets, path_maxima

# Columns come in multiples of this, so that no compiled loop ends in a part of a vector.
VECTOR = 16


class Transitions:
    """P of a grid of h x w cells, on the device of its edges.

    `degrees`: (h, w) float64, the sums D, 1 or more.
    """

    def __init__(self, edge: Tensor, radius: int, beta: float) -> None:
        """`edge`: (h, w) in 0..1."""
        self._size, self._margin = edge.shape, radius - 1
        self._offsets = np.array(offsets(radius))
        self._columns = -(-edge.shape[1] // VECTOR) * VECTOR
        self._weights = self._half_plane_weights(edge, radius, beta)
        self._inverse = torch.ones(edge.shape[0], self._columns, dtype=torch.float64, device=edge.device)
        ones = self.padded(torch.ones_like(edge)[None])
        sums = torch.zeros_like(ones)
        self.step(ones, sums, 1, 0)
        self.degrees = self.inside(sums)[0]
        self._inverse[:, : edge.shape[1]] /= self.degrees

    def padded(self, values: Tensor) -> Tensor:
        """`values` (n, h, w) as float64, surrounded by the zeros that `step` reads."""
        right = self._columns - self._size[1] + self._margin
        return pad(values.double(), (self._margin, right, self._margin, self._margin))

    def inside(self, padded: Tensor) -> Tensor:
        """(n, h, w) of padded values, a view."""
        (height, width), margin = self._size, self._margin
        return padded[:, margin : margin + height, margin : margin + width]

    def step(self, current: Tensor, out: Tensor, scale: float, keep: float) -> None:
        """out = scale P current - keep out, for padded values of n classes at once."""
        weights, inverse = self._weights, self._inverse
        if out.device.type == "cpu":
            arrays = (weights.numpy(), inverse.numpy(), current.numpy(), out.numpy())
            step_compiled(self._offsets, *arrays, float(scale), float(keep))
        else:
            step_shifted(self._offsets, weights, inverse, current, out, scale, keep)

    def _half_plane_weights(self, edge: Tensor, radius: int, beta: float) -> Tensor:
        """S of each cell with its partner at each of `offsets`, float64, laid out as (row, offset, column), padded.

        There are margins of zeros above, on the left and on the right.
        """
        (height, width), margin, count = self._size, self._margin, len(self._offsets)
        # The power keeps the order, so it is taken of cells before the maximum, not of pairs after it.
        closed = pad(-((1 - edge.double()) ** beta), (margin, margin, 0, margin))
        shape = (margin + height, count, self._columns + 2 * margin)
        weights = torch.zeros(shape, dtype=torch.float64, device=edge.device)
        inside = weights[margin:, :, margin : margin + width]
        for number, maximum in enumerate(path_maxima(closed, radius)):
            torch.neg(maximum, out=inside[:, number])
        return weights


@njit(nogil=True, cache=True, fastmath={"contract"})
def step_compiled(
    partners: np.ndarray,
    weights: np.ndarray,
    inverse: np.ndarray,
    current: np.ndarray,
    out: np.ndarray,
    scale: float,
    keep: float,
) -> None:
    """out = scale inverse S current - keep out, row by row and class by class; `partners`: offsets, int64 (count, 2).

    Weights are those of `Transitions`, inverse is 1 / D, (rows, columns); current and out are padded values.
    """
    height, columns = inverse.shape
    top = left = weights.shape[0] - height
    right = left + columns
    sums = np.empty(columns)
    for row in range(height):
        y = top + row
        for values, result in zip(current, out):  # noqa: B905 (numba knows no strict)
            sums[:] = values[y, left:right]
            # Partners, of which there is an even number, go by twos: that halves the passes over the sums.
            for i in range(0, len(partners), 2):
                (dy, dx), (ey, ex) = partners[i], partners[i + 1]
                s1, t1 = weights[y, i, left:right], values[y + dy, left + dx : right + dx]
                s2, t2 = weights[y - dy, i, left - dx : right - dx], values[y - dy, left - dx : right - dx]
                s3, t3 = weights[y, i + 1, left:right], values[y + ey, left + ex : right + ex]
                s4, t4 = weights[y - ey, i + 1, left - ex : right - ex], values[y - ey, left - ex : right - ex]
                for x in range(columns):
                    sums[x] += s1[x] * t1[x] + s2[x] * t2[x] + s3[x] * t3[x] + s4[x] * t4[x]
            before, share = result[y, left:right], inverse[row]
            for x in range(columns):
                before[x] = scale * share[x] * sums[x] - keep * before[x]


def step_shifted(
    partners: np.ndarray,
    weights: Tensor,
    inverse: Tensor,
    current: Tensor,
    out: Tensor,
    scale: float,
    keep: float,
) -> None:
    """The same on tensors of any device, by shifted views."""
    height, columns = inverse.shape
    margin = weights.shape[0] - height

    def view(values: Tensor, dy: int, dx: int) -> Tensor:
        return values[..., margin + dy : margin + dy + height, margin + dx : margin + dx + columns]

    sums = view(current, 0, 0).clone()
    for number, (dy, dx) in enumerate(partners.tolist()):
        sums.addcmul_(view(weights[:, number], 0, 0), view(current, dy, dx))
        sums.addcmul_(view(weights[:, number], -dy, -dx), view(current, -dy, -dx))
    view(out, 0, 0).mul_(-keep).addcmul_(sums, inverse, value=scale)

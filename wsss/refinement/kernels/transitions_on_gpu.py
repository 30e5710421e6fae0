"""A step of the random walk as a GPU kernel; see `wsss.refinement.kernels.transitions`."""

import triton
import triton.language as tl
from torch import Tensor

# Number of cells for each program of the kernel. It is small, so that small images keep the whole GPU busy.
BLOCK = 128


def step_on_gpu(
    shifts: Tensor,
    weights: Tensor,
    inverse: Tensor,
    current: Tensor,
    out: Tensor,
    first: int,
    last: int,
    scale: float,
    keep: float,
) -> None:
    """Compute out = scale inverse S current - keep out for cells first..last-1: float64, shifts int32, on one GPU."""
    grid = (triton.cdiv(last - first, BLOCK), len(current))
    cells = current.shape[1]
    _step[grid](shifts, weights, inverse, current, out, cells, first, last, scale, keep, len(shifts), BLOCK)


@triton.jit(do_not_specialize=["cells", "first", "last"])  # type: ignore[untyped-decorator]
def _step(  # type: ignore[no-untyped-def]
    shifts, weights, inverse, current, out, cells, first, last, scale, keep, offsets: tl.constexpr, block: tl.constexpr
):
    cell = first + tl.program_id(0) * block + tl.arange(0, block)
    inside = cell < last
    values = current + tl.program_id(1) * cells + cell
    result = out + tl.program_id(1) * cells + cell
    sums = tl.load(values, inside)
    for i in range(offsets):
        shift = tl.load(shifts + i)
        weight = weights + i * cells + cell
        sums += tl.load(weight, inside) * tl.load(values + shift, inside)
        sums += tl.load(weight - shift, inside) * tl.load(values - shift, inside)
    tl.store(result, scale * tl.load(inverse + cell, inside) * sums - keep * tl.load(result, inside), inside)

"""Pairs of cells counted by the strongest cell on their path, as a GPU's kernel; see `wsss.refinement.affinity`."""

from functools import cache
from itertools import accumulate, chain

import torch
import triton
import triton.language as tl
from torch import Tensor

from wsss.data.images import IGNORE
from wsss.refinement.affinity import offsets, path

# Sources that a program works on.
BLOCK = 256


def count_on_gpu(ranks: Tensor, labels: Tensor, radius: int) -> Tensor:
    """How many pairs have a rank as the highest on their path: int32 (3, batch, h w), by kind as of `pair_kinds`.

    `ranks`: int32 (batch, h w), those of 0..h w - 1 in some order; `labels`: uint8 (batch, h, w); both on one GPU.
    """
    batch, height, width = labels.shape
    counts = torch.zeros((3, *ranks.shape), dtype=torch.int32, device=labels.device)
    across, margin = width - 2 * (radius - 1), radius - 1
    sources = across * (height - margin)
    cells, starts, partners = _paths(radius, width, labels.device)
    grid = (triton.cdiv(sources, BLOCK), len(partners), batch)
    _count[grid](
        ranks, labels.contiguous(), counts, cells, starts, partners, sources, across, margin, width, ranks.shape[1],
        counts[0].numel(), IGNORE, BLOCK,
    )  # fmt: skip
    return counts


@cache
def _paths(radius: int, width: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Cells on the paths of all `offsets`, from where each path's begin, and the partners, in cells from the source."""
    paths = [[y * width + x for y, x in path(*offset)] for offset in offsets(radius)]
    starts = [*accumulate(map(len, paths), initial=0)]
    partners = [dy * width + dx for dy, dx in offsets(radius)]
    tables = (torch.tensor(one, dtype=torch.int32, device=device) for one in ([*chain(*paths)], starts, partners))
    return next(tables), next(tables), next(tables)


@triton.jit(do_not_specialize=["sources", "across", "margin", "width", "size", "kind_size"])  # type: ignore[untyped-decorator]
def _count(  # type: ignore[no-untyped-def]
    ranks, labels, counts, path_cells, starts, partners, sources, across, margin, width, size, kind_size,
    ignored: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    source = tl.program_id(0) * block + tl.arange(0, block)
    inside = source < sources
    offset, image = tl.program_id(1), tl.program_id(2) * size
    cell = image + source // across * width + margin + source % across
    strongest = tl.load(ranks + cell, inside, 0)
    for i in range(tl.load(starts + offset), tl.load(starts + offset + 1)):
        strongest = tl.maximum(strongest, tl.load(ranks + cell + tl.load(path_cells + i), inside, 0))
    one = tl.load(labels + cell, inside, ignored)
    other = tl.load(labels + cell + tl.load(partners + offset), inside, ignored)
    kind = tl.where(one == other, (one > 0).to(tl.int32), 2)
    known = (one != ignored) & (other != ignored)
    tl.atomic_add(counts + kind * kind_size + image + strongest, 1, inside & known)

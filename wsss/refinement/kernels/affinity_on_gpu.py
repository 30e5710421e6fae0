"""A GPU kernel that counts pairs by the strongest cell on their path; see `wsss.refinement.irnet.affinity`."""

from functools import cache

import torch
import triton
import triton.language as tl
from torch import Tensor

from wsss.data.images import IGNORE
from wsss.refinement.cell_paths import offsets, path

# Number of sources for each program of the kernel.
BLOCK = 256


def count_on_gpu(ranks: Tensor, labels: Tensor, radius: int) -> Tensor:
    """For each rank, the number of pairs whose path has it as its highest: int32 (3, batch, h w), by `pair_kinds`.

    `ranks`: int32 (batch, h w), a permutation of 0..h w - 1. `labels`: uint8 (batch, h, w). Both are on one GPU.
    """
    batch, height, width = labels.shape
    counts = torch.zeros((3, *ranks.shape), dtype=torch.int32, device=labels.device)
    margin = radius - 1
    across = width - 2 * margin
    sources = across * (height - margin)
    paths, partners = _tables(radius, width, labels.device)
    tensors = (ranks, labels.contiguous(), counts, paths, partners)
    sizes = (sources, across, margin, width, height * width, counts[0].numel(), paths.shape[1])
    _count[triton.cdiv(sources, BLOCK), len(partners), batch](*tensors, *sizes, IGNORE, BLOCK)
    return counts


@cache
def _tables(radius: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The cells of each path, (offsets, longest), and the partners, (offsets,), both relative to the source; int32.

    Shorter paths are filled up with their source, which does not change a maximum.
    """
    paths = [[y * width + x for y, x in path(*offset)] for offset in offsets(radius)]
    longest = max(map(len, paths))
    cells = [[*one, *[0] * (longest - len(one))] for one in paths]
    partners = [dy * width + dx for dy, dx in offsets(radius)]
    tables = (torch.tensor(table, dtype=torch.int32, device=device) for table in (cells, partners))
    return next(tables), next(tables)


@triton.jit(  # type: ignore[untyped-decorator]
    do_not_specialize=["sources", "across", "margin", "width", "cells", "kind_cells"]
)
def _count(  # type: ignore[no-untyped-def]
    ranks,
    labels,
    counts,
    paths,
    partners,
    sources,
    across,
    margin,
    width,
    cells,
    kind_cells,
    longest: tl.constexpr,
    ignored: tl.constexpr,
    block: tl.constexpr,
):
    source = tl.program_id(0) * block + tl.arange(0, block)
    inside = source < sources
    offset, image = tl.program_id(1), tl.program_id(2) * cells
    cell = image + source // across * width + margin + source % across
    strongest = tl.load(ranks + cell, inside, 0)
    for i in range(longest):
        away = tl.load(paths + offset * longest + i)
        strongest = tl.maximum(strongest, tl.load(ranks + cell + away, inside, 0))
    one = tl.load(labels + cell, inside, ignored)
    other = tl.load(labels + cell + tl.load(partners + offset), inside, ignored)
    kind = tl.where(one == other, (one > 0).to(tl.int32), 2)
    known = (one != ignored) & (other != ignored)
    tl.atomic_add(counts + kind * kind_cells + image + strongest, 1, inside & known)

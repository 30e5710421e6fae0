"""The affinity loss against the released method, which gathers every path: seconds, memory and errors.

python benchmarks/affinity_loss.py --batch 8
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from measure import median_seconds, peak_mib
from record import Row, command_line, write_record
from torch import Tensor
from torch.nn.functional import max_pool2d

from wsss.refinement.irnet.affinity import EPSILON, affinity_loss

SIDE, RADIUS = 128, 10
Step = tuple[float, Tensor]


class GatheredPaths:
    """The released method: paths of one length are gathered at once and their maxima pooled, all with autograd."""

    def __init__(self, side: int, radius: int) -> None:
        cells, reach = torch.arange(side * side).view(side, side), radius - 1
        self.sources = cells[: side - reach, reach : side - reach].flatten()
        paths: dict[int, list[Tensor]] = defaultdict(list)
        targets: dict[int, list[Tensor]] = defaultdict(list)
        for dy in range(radius):
            for dx in range(-reach, radius):
                if (dy == 0 and dx <= 0) or dy**2 + dx**2 >= radius**2:
                    continue
                near = [
                    self.sources + y * side + x
                    for y in range(dy + 1)
                    for x in range(min(dx, 0), max(dx, 0) + 1)
                    if (dy * x - dx * y) ** 2 < dy**2 + dx**2
                ]
                paths[len(near)].append(torch.stack(near))
                targets[len(near)].append(self.sources + dy * side + dx)
        self.paths = [torch.stack(group) for group in paths.values()]
        self.targets = torch.cat([torch.stack(group) for group in targets.values()])

    def affinities(self, edge_logits: Tensor) -> Tensor:
        """(batch, offsets, sources)."""
        edges, pooled = edge_logits.sigmoid().flatten(1), []
        for group in self.paths:
            on_paths = edges.index_select(1, group.flatten()).view(len(edges), *group.shape)
            pooled.append(max_pool2d(on_paths, (group.shape[1], 1)).squeeze(2))
        return 1 - torch.cat(pooled, dim=1)

    def kinds(self, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Which pairs are both background, of one class, of different classes: float32 (batch, offsets, sources)."""
        marks = labels.flatten(1)
        one = marks[:, None, self.sources]
        other = marks.index_select(1, self.targets.flatten()).view(len(marks), *self.targets.shape)
        known = (one < 255) & (other < 255)
        same = known & (one == other)
        return (same & (one == 0)).float(), (same & (one > 0)).float(), (known & (one != other)).float()

    def loss(self, edge_logits: Tensor, labels: Tensor) -> Tensor:
        """(background + foreground) / 4 + negative / 2."""
        affinities, (background, foreground, negative) = self.affinities(edge_logits), self.kinds(labels)
        together, apart = -torch.log(affinities + EPSILON), -torch.log(1 + EPSILON - affinities)
        terms = ((background, together, 0.25), (foreground, together, 0.25), (negative, apart, 0.5))
        parts = [share * (pairs * cost).sum() / (pairs.sum() + EPSILON) for pairs, cost, share in terms]
        return parts[0] + parts[1] + parts[2]


def make_batch(batch: int) -> tuple[Tensor, Tensor]:
    """Edge logits (batch, 1, 128, 128) and labels (batch, 128, 128), in blocks, a fifth of them ignored."""
    draws = torch.Generator().manual_seed(0)
    values = torch.tensor([0, 0, 3, 20, 255], dtype=torch.uint8)
    blocks = values[torch.randint(0, 5, (batch, SIDE // 16, SIDE // 16), generator=draws)]
    labels = blocks.repeat_interleave(16, 1).repeat_interleave(16, 2)
    return torch.randn(batch, 1, SIDE, SIDE, generator=draws), labels


def prepare(way: str, batch: int) -> Callable[[], Step]:
    """The part of a training step that is measured: the loss and its gradient."""
    gathered = GatheredPaths(SIDE, RADIUS)
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "gathered": gathered.loss,
        "ours": lambda edge_logits, labels: affinity_loss(edge_logits, labels, RADIUS).total,
    }

    def step(edge_logits: Tensor, labels: Tensor) -> Step:
        start = edge_logits.requires_grad_()
        loss = losses[way](start, labels)
        (gradient,) = torch.autograd.grad(loss, start)
        return float(loss.detach()), gradient

    return partial(step, *make_batch(batch))


def main() -> None:
    """Print seconds and memory of both methods, then ratios and errors."""
    parser = command_line(__doc__)
    parser.add_argument("--batch", type=int, default=8, help="crops of 512; 8 take the gathered way some 3 GiB")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    ways = ("gathered", "ours")
    calls = {way: prepare(way, given.batch) for way in ways}
    (loss, gradient), (our_loss, our_gradient) = (calls[way]() for way in ways)
    seconds = median_seconds(calls, dict.fromkeys(ways, given.repetitions))
    memory = {way: peak_mib(prepare, way, given.batch) for way in ways}
    sizes = f"{given.batch} maps of {SIDE}x{SIDE} cells, radius {RADIUS}, forward and backward"
    apart = float((our_gradient - gradient).abs().max() / gradient.abs().max())
    faster, smaller = seconds["gathered"] / seconds["ours"], memory["gathered"] / memory["ours"]
    error = max(abs(our_loss / loss - 1), apart)
    differences = f"loss {abs(our_loss / loss - 1):.1e}, gradient {apart:.1e}"
    goal, met = "at least 2, within 1e-5", min(faster, smaller) >= 2 and error < 1e-5
    rows = [
        Row("affinity loss, time", sizes, seconds["ours"], "s", given.threads, seconds["gathered"], faster),
        Row("affinity loss, memory", sizes, memory["ours"], "MiB", given.threads, memory["gathered"], smaller),
    ]
    write_record(given.record, [replace(row, error=differences, goal=goal, met=met) for row in rows])
    print(sizes)
    for way in ways:
        print(f"{way}: {seconds[way]:.3f} s (median of {given.repetitions}), {memory[way]:.0f} MiB")
    print(f"ours: {faster:.1f} times as fast, in {1 / smaller:.1%} of the memory; error of the {differences}")


if __name__ == "__main__":
    main()

"""The random walk and the affinity loss on a GPU, each against the released method on the same card.

python benchmarks/gpu_refinement.py    # half a minute
"""

from collections.abc import Callable
from functools import partial

import torch
from affinity_loss import RADIUS, GatheredPaths, make_batch
from affinity_loss import SIDE as CELLS
from gpu import card, gpu_mib, gpu_seconds
from random_walk import ACCELERATED, EXACT, Scene, dense_end, dense_transitions, error, make_scene
from record import Row, command_line, write_record
from torch import Tensor

from wsss.refinement.irnet.affinity import affinity_loss
from wsss.refinement.random_walk import random_walk

SIZE, LARGE = (375, 500), (1500, 2000)
BATCH, REPETITIONS = 32, 5


def on_card(scene: Scene) -> Scene:
    """The scene with its maps in GPU memory."""
    return Scene(scene.size, scene.edge.cuda(), scene.cams.cuda())


def dense_walk(scene: Scene, transitions: Tensor) -> Tensor:
    """The released method: the matrix is squared, then applied. Time to build the matrix is not counted."""
    for _ in range(EXACT.log2_steps):
        transitions = transitions @ transitions
    return dense_end(scene, transitions)


def walk_rows() -> list[Row]:
    """Both walks on an image of a photograph's size, and ours on a large image for its memory."""
    scene, large = on_card(make_scene(SIZE, 1)), on_card(make_scene(LARGE, 3))
    transitions = dense_transitions(make_scene(SIZE, 1).edge, EXACT).cuda()
    ways = {"exact": EXACT, "accelerated": ACCELERATED}
    ours = {name: partial(random_walk, scene.cams, scene.edge, settings) for name, settings in ways.items()}
    dense = partial(dense_walk, scene, transitions)
    seconds = gpu_seconds({"dense": dense, **ours}, REPETITIONS, warm_up=1)
    result, memory = dense().cpu(), gpu_mib(dense)
    walk = partial(random_walk, large.cams, large.edge, ACCELERATED)
    rows = [
        Row(
            f"random walk on a GPU, {name}",
            f"500x375 pixels, {scene.edge.numel():,} cells, 1 class, 2^{EXACT.log2_steps} steps",
            ours=seconds[name],
            unit="s",
            threads=1,
            reference=seconds["dense"],
            ratio=seconds["dense"] / seconds[name],
            error=f"{error(call().cpu(), result):.0e} of the largest value",
            memory=f"{gpu_mib(call):,.0f} MiB against {memory:,.0f}",
            goal="at least 50 times" if name == "accelerated" else "",
            met=seconds["dense"] / seconds[name] >= 50 if name == "accelerated" else None,
            note="ours in float64, set-up included; the dense walk in float32, its matrix given",
        )
        for name, call in ours.items()
    ]
    sizes = f"2000x1500 pixels, {large.edge.numel():,} cells, 3 classes, 2^{EXACT.log2_steps} steps"
    (spent,) = gpu_seconds({"large": walk}, REPETITIONS).values()
    used = gpu_mib(walk)
    return [
        *rows,
        Row(
            "random walk on a GPU, a large image",
            sizes,
            ours=spent,
            unit="s",
            threads=1,
            memory=f"{used:,.0f} MiB",
            goal="within 2 GiB",
            met=used < 2048,
        ),
    ]


def step(loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The part of a training step that is measured: the loss and its gradient."""
    start = logits.detach().requires_grad_()
    value = loss(start, labels)
    return value.detach(), torch.autograd.grad(value, start)[0]


def loss_row() -> Row:
    """A batch of IRNet's training."""
    logits, labels = (one.cuda() for one in make_batch(BATCH))
    gathered = GatheredPaths(CELLS, RADIUS)
    gathered.sources, gathered.targets = gathered.sources.cuda(), gathered.targets.cuda()
    gathered.paths = [group.cuda() for group in gathered.paths]
    calls = {
        "gathered": partial(step, gathered.loss, logits, labels),
        "ours": partial(step, lambda edges, truth: affinity_loss(edges, truth, RADIUS).total, logits, labels),
    }
    seconds = gpu_seconds(calls, REPETITIONS)
    (loss, gradient), (our_loss, our_gradient) = (call() for call in calls.values())
    memory = {name: gpu_mib(call) for name, call in calls.items()}
    apart = float((our_gradient - gradient).abs().max() / gradient.abs().max())
    off = abs(float(our_loss / loss) - 1)
    ratio = seconds["gathered"] / seconds["ours"]
    return Row(
        "affinity loss on a GPU",
        f"{BATCH} maps of {CELLS}x{CELLS} cells, radius {RADIUS}, forward and backward",
        ours=seconds["ours"],
        unit="s",
        threads=1,
        reference=seconds["gathered"],
        ratio=ratio,
        error=f"loss {off:.1e}, gradient {apart:.1e}",
        memory=f"{memory['ours']:,.0f} MiB against {memory['gathered']:,.0f}",
        goal="at least 2 times, half the memory, within 1e-5",
        met=ratio >= 2 and memory["gathered"] >= 2 * memory["ours"] and max(off, apart) < 1e-5,
    )


def main() -> None:
    """Measure, write the record, and print every row."""
    given = command_line(__doc__).parse_args()
    rows = [*walk_rows(), loss_row()]
    write_record(given.record, rows, card())
    for row in rows:
        print(f"{row.claim}: {row.ours:.4g} {row.unit}, {row.memory}; {row.error}; ratio {row.ratio or 1:.1f}")


if __name__ == "__main__":
    main()

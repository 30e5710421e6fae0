"""The random walk against the dense one: seconds, memory, errors, and the labels that differ.

python benchmarks/random_walk.py    # minutes: squares a matrix of 11,750 x 11,750 five times
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
from measure import highest_mib, peak_mib, reset_peak
from record import Row, command_line, write_record
from torch import Tensor
from torch.nn.functional import interpolate, pad

from wsss.refinement.random_walk import STRIDE, TRUNCATION, random_walk
from wsss.settings.pseudo_labels import IrnetWalkSettings

EXACT, ACCELERATED = IrnetWalkSettings(walk="exact"), IrnetWalkSettings(walk="accelerated")
# Number of timed squarings. The dense walk has eight, which all take the same time.
TIMED = 5
Size = tuple[int, int]


@dataclass(frozen=True)
class Scene:
    """Edges (h, w) and CAMs (n, h, w), float32, of an image of `size` (H, W): smooth shapes with lines around them."""

    size: Size
    edge: Tensor
    cams: Tensor


def make_scene(size: Size, classes: int, seed: int = 0) -> Scene:
    """Edges lie where smooth noise is near 0, as contours do; CAMs are blobs with a maximum of 1."""
    height, width = ((side - 1) // STRIDE + 1 for side in size)
    draws = torch.Generator().manual_seed(seed)
    levels = smooth_noise(1, height, width, 9, draws)[0]
    edge = 0.9 * torch.exp(-((levels / 0.15) ** 2)) * smooth_noise(1, height, width, 5, draws)[0].sigmoid()
    cams = smooth_noise(classes, height, width, 4, draws).sigmoid() ** 3
    return Scene(size, edge, cams / cams.amax(dim=(1, 2), keepdim=True))


def smooth_noise(count: int, height: int, width: int, bumps: int, draws: torch.Generator) -> Tensor:
    """Smooth noise (count, height, width) with about `bumps` maxima and minima along each side."""
    coarse = torch.randn(1, count, bumps, bumps, generator=draws)
    return interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)[0]


def dense_transitions(edge: Tensor, settings: IrnetWalkSettings) -> Tensor:
    """The released method: T as a dense float32 matrix over all pairs of cells."""
    height, width = edge.shape
    cells, reach = torch.arange(height * width).view(height, width), settings.radius - 1
    padded = pad(edge, (reach, reach, 0, reach), value=1)
    transitions = torch.eye(height * width)
    for dy in range(settings.radius):
        for dx in range(-reach, reach + 1):
            if (dy == 0 and dx <= 0) or dy**2 + dx**2 >= settings.radius**2 or dy >= height or abs(dx) >= width:
                continue
            near = [
                padded[y : y + height, reach + x : reach + x + width]
                for y in range(dy + 1)
                for x in range(min(dx, 0), max(dx, 0) + 1)
                if (dy * x - dx * y) ** 2 < dy**2 + dx**2
            ]
            affinity = (1 - torch.stack(near).amax(dim=0)) ** settings.beta
            inside = (slice(0, height - dy), slice(max(-dx, 0), width - max(dx, 0)))
            sources = cells[inside].flatten()
            targets = sources + dy * width + dx
            transitions[sources, targets] = transitions[targets, sources] = affinity[inside].flatten()
    return transitions / transitions.sum(dim=0)


def dense_walk(scene: Scene, settings: IrnetWalkSettings) -> Tensor:
    """The released method: T is squared `log2_steps` times and applied to the CAMs; (n, h, w)."""
    transitions = dense_transitions(scene.edge, settings)
    for _ in range(settings.log2_steps):
        transitions = transitions @ transitions
    return dense_end(scene, transitions)


def dense_end(scene: Scene, transitions: Tensor) -> Tensor:
    """The CAMs multiplied by the power of the matrix."""
    start = (scene.cams * (1 - scene.edge)).flatten(1)
    return (start @ transitions).view(scene.cams.shape)


def prepare(way: str, size: Size, classes: int) -> Callable[[], Tensor]:
    """Our walk on a scene. Its code has been compiled already."""
    settings = {"exact": EXACT, "accelerated": ACCELERATED}[way]
    small, scene = make_scene((40, 50), 1), make_scene(size, classes)
    random_walk(small.cams, small.edge, settings)
    return partial(random_walk, scene.cams, scene.edge, settings)


def error(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, as a share of the class's largest value."""
    return float(((ours - theirs.double()).abs().amax(dim=(1, 2)) / theirs.amax(dim=(1, 2))).max())


def timed(call: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """The result of a call, and its seconds."""
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def compare_results(size: Size, classes: int) -> dict[str, str]:
    """Each of our walks against the complete dense walk, on a quarter of the pixels (a sixteenth of the matrix)."""
    scene = make_scene((size[0] // 2, size[1] // 2), classes)
    theirs = dense_walk(scene, EXACT)
    exact, ours = (random_walk(scene.cams, scene.edge, way) for way in (EXACT, ACCELERATED))
    against = "of the largest value, against the dense walk in float32 on a quarter of the pixels"
    return {
        "exact": f"{error(exact, theirs):.0e} {against}",
        "accelerated": f"{error(ours, theirs):.0e} {against}; {error(ours, exact):.0e} against exact, in float64",
    }


def compare_speed(size: Size, classes: int) -> list[Row]:
    """Our walks, run in turns with the squarings of one dense walk. Seconds are medians."""
    scene, ways = make_scene(size, classes), ("exact", "accelerated")
    errors = compare_results(size, classes)
    ours = {way: prepare(way, size, classes) for way in ways}
    seconds: dict[str, list[float]] = {way: [] for way in (*ways, "square")}
    before = reset_peak()
    transitions, built = timed(partial(dense_transitions, scene.edge, EXACT))
    for _ in range(TIMED):
        transitions, spent = timed(partial(torch.matmul, transitions, transitions))
        seconds["square"].append(spent)
        for way in ways:
            seconds[way].append(timed(ours[way])[1])
    _, last = timed(partial(dense_end, scene, transitions))
    dense_mib = highest_mib() - before
    del transitions
    dense = built + EXACT.log2_steps * median(seconds["square"]) + last
    memory = {way: peak_mib(prepare, way, size, classes) for way in ways}
    cells = scene.edge.numel()
    sizes = f"{size[1]}x{size[0]} pixels, {cells:,} cells, {classes} class, 2^{EXACT.log2_steps} steps"
    return [
        Row(
            f"random walk, {way}",
            sizes,
            ours=median(seconds[way]),
            unit="s",
            threads=torch.get_num_threads(),
            reference=dense,
            ratio=dense / median(seconds[way]),
            error=errors[way],
            goal="at least 2,500 times" if way == "accelerated" else "",
            met=dense / median(seconds[way]) >= 2500 if way == "accelerated" else None,
            note=f"{memory[way]:.0f} MiB against {dense_mib:,.0f} MiB; float64, set-up included; proven to be within "
            f"{TRUNCATION:.0e} of the exact walk; the dense walk is eight times the median of {TIMED} squarings",
        )
        for way in ways
    ]


Labelled = tuple[Scene, set[float]]


def synthetic_scenes(size: Size, images: int) -> Iterator[Labelled]:
    """Scenes of 1 to 4 classes, with the background scores for their labels."""
    for seed in range(images):
        yield make_scene(size, 1 + seed % 4, seed), {ACCELERATED.background_score}


def compare_labels(scenes: Iterator[Labelled], what: str) -> Row:
    """The number of pixels that the accelerated walk labels differently, and whether its bound allows this."""
    images = pixels = changed = beyond = 0
    for scene, scores in scenes:
        walks = [random_walk(scene.cams, scene.edge, way) for way in (EXACT, ACCELERATED)]
        different = torch.zeros(scene.size, dtype=torch.bool)
        unexplained = different.clone()
        for score in scores:
            exact, ours = (ranked(walked, scene.size, score) for walked in walks)
            top = exact.topk(2, dim=0).values
            otherwise = exact.argmax(dim=0) != ours.argmax(dim=0)
            different |= otherwise
            unexplained |= otherwise & (top[0] - top[1] > 2 * TRUNCATION)
        images, pixels, changed = images + 1, pixels + different.numel(), changed + int(different.sum())
        beyond += int(unexplained.sum())
    return Row(
        f"pixels that the accelerated walk labels otherwise, {what}",
        f"{images} images, {pixels:,} pixels",
        ours=changed,
        unit="pixels",
        threads=torch.get_num_threads(),
        error=f"{beyond} of them beyond the bound's reach",
        goal="fewer than 1 in 100,000, none beyond the bound's reach",
        met=changed * 100_000 < pixels and beyond == 0,
    )


def ranked(walked: Tensor, size: Size, score: float) -> Tensor:
    """The background score and the classes' scores, (1 + n, H, W). The largest one gives the label."""
    raised = interpolate(walked[None], scale_factor=STRIDE, mode="bilinear", align_corners=False)[0]
    scores = raised[:, : size[0], : size[1]]
    return torch.cat([torch.full_like(scores[:1], score), scores / scores.max().clamp(min=1e-30)])


def main() -> None:
    """Measure, write the record, and print every row, the ratios last."""
    parser = command_line(__doc__)
    parser.add_argument("--width", type=int, default=500)
    parser.add_argument("--height", type=int, default=375)
    parser.add_argument("--classes", type=int, default=1)
    parser.add_argument("--images", type=int, default=12, help="synthetic images whose labels are compared")
    given = parser.parse_args()
    size = (given.height, given.width)
    rows = [compare_labels(synthetic_scenes(size, given.images), "synthetic scenes")]
    rows += compare_speed(size, given.classes)
    write_record(given.record, rows)
    for row in rows:
        ratio = "" if row.ratio is None else f", {row.ratio:,.0f} times as fast"
        print(f"{row.claim}: {row.ours:g} {row.unit}; {row.error}{ratio}")


if __name__ == "__main__":
    main()

"""The random walk against the dense one, its labels, and how its cost grows.

python benchmarks/random_walk.py speed     # minutes: the dense walk squares a matrix of 11,750 x 11,750 eight times
python benchmarks/random_walk.py labels    # how many pixels the accelerated walk labels otherwise than the exact one
python benchmarks/random_walk.py growth    # CSV: seconds and memory by size and number of classes
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from measure import machine, median_seconds, peak_mib
from torch import Tensor
from torch.nn.functional import interpolate, pad

from wsss.refinement.random_walk import STRIDE, TRUNCATION, random_walk
from wsss.settings.refinement import PseudoLabelSettings

EXACT, ACCELERATED = PseudoLabelSettings(walk="exact"), PseudoLabelSettings(walk="accelerated")
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
    """(count, height, width) with about `bumps` ups and downs a side."""
    coarse = torch.randn(1, count, bumps, bumps, generator=draws)
    return interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)[0]


def dense_walk(scene: Scene, settings: PseudoLabelSettings) -> Tensor:
    """The released way: T as a dense float32 matrix over all pairs of cells, squared `log2_steps` times; (n, h, w)."""
    height, width = scene.edge.shape
    cells, reach = torch.arange(height * width).view(height, width), settings.radius - 1
    edge = pad(scene.edge, (reach, reach, 0, reach), value=1)
    transitions = torch.eye(height * width)
    for dy in range(settings.radius):
        for dx in range(-reach, reach + 1):
            if (dy == 0 and dx <= 0) or dy**2 + dx**2 >= settings.radius**2 or dy >= height or abs(dx) >= width:
                continue
            near = [
                edge[y : y + height, reach + x : reach + x + width]
                for y in range(dy + 1)
                for x in range(min(dx, 0), max(dx, 0) + 1)
                if (dy * x - dx * y) ** 2 < dy**2 + dx**2
            ]
            affinity = (1 - torch.stack(near).amax(dim=0)) ** settings.beta
            inside = (slice(0, height - dy), slice(max(-dx, 0), width - max(dx, 0)))
            sources = cells[inside].flatten()
            targets = sources + dy * width + dx
            transitions[sources, targets] = transitions[targets, sources] = affinity[inside].flatten()
    transitions /= transitions.sum(dim=0)
    for _ in range(settings.log2_steps):
        transitions = transitions @ transitions
    start = (scene.cams * (1 - scene.edge)).flatten(1)
    return (start @ transitions).view(scene.cams.shape)


def prepare(way: str, size: Size, classes: int) -> Callable[[], Tensor]:
    """A walk on a scene, its code compiled already."""
    scene = make_scene(size, classes)
    walks: dict[str, Callable[[Scene], Tensor]] = {
        "dense": partial(dense_walk, settings=EXACT),
        "exact": lambda scene: random_walk(scene.cams, scene.edge, EXACT),
        "accelerated": lambda scene: random_walk(scene.cams, scene.edge, ACCELERATED),
    }
    walks[way](make_scene((40, 50), 1))
    return partial(walks[way], scene)


def error(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference as a part of the class's largest value."""
    return float(((ours - theirs.double()).abs().amax(dim=(1, 2)) / theirs.amax(dim=(1, 2))).max())


def compare_speed(size: Size, classes: int, repetitions: int, dense_repetitions: int) -> None:
    """Print seconds, memory and errors of the dense walk and of ours, at last the ratio."""
    calls = {way: prepare(way, size, classes) for way in ("exact", "accelerated", "dense")}
    results: dict[str, Tensor] = {}

    def keep(way: str) -> None:
        results[way] = calls[way]()

    seconds = median_seconds(
        {way: partial(keep, way) for way in calls},
        {"dense": dense_repetitions, "exact": repetitions, "accelerated": repetitions},
    )
    height, width = results["exact"].shape[1:]
    print(f"{size[1]}x{size[0]} pixels, {height}x{width} cells, {classes} classes, 2^{EXACT.log2_steps} steps")
    for way in calls:
        counted = dense_repetitions if way == "dense" else repetitions
        memory = peak_mib(prepare, way, size, classes)
        note = ", float32" if way == "dense" else ""
        print(f"{way}{note}: {seconds[way]:.4f} s (median of {counted}), {memory:.0f} MiB")
    print(f"accelerated against exact: error {error(results['accelerated'], results['exact']):.1e}")
    for way in ("exact", "accelerated"):
        ratio, apart = seconds["dense"] / seconds[way], error(results[way], results["dense"])
        print(f"{way}: {ratio:,.0f} times as fast as dense float32, error against it {apart:.1e}")


def compare_labels(size: Size, images: int) -> None:
    """Print how many pixels of synthetic images, of 1 to 4 classes, the accelerated walk labels otherwise."""
    pixels = changed = beyond = 0
    for seed in range(images):
        scene = make_scene(size, 1 + seed % 4, seed)
        exact, ours = (ranked(random_walk(scene.cams, scene.edge, way), size) for way in (EXACT, ACCELERATED))
        top = exact.topk(2, dim=0).values
        different = exact.argmax(dim=0) != ours.argmax(dim=0)
        pixels, changed = pixels + different.numel(), changed + int(different.sum())
        beyond += int((different & (top[0] - top[1] > 2 * TRUNCATION)).sum())
    print(f"{images} images, {pixels} pixels: {changed} labelled otherwise, {beyond} of them beyond the bound's reach")


def ranked(walked: Tensor, size: Size) -> Tensor:
    """The background score and the classes' scores, (1 + n, H, W), of which the largest names the label."""
    raised = interpolate(walked[None], scale_factor=STRIDE, mode="bilinear", align_corners=False)[0]
    scores = raised[:, : size[0], : size[1]]
    return torch.cat([torch.full_like(scores[:1], ACCELERATED.background_score), scores / scores.max()])


def tabulate_growth(repetitions: int) -> None:
    """Print a table: the accelerated walk up to four megapixels, and up to 40 classes."""
    print("width,height,pixels,cells,classes,seconds,ns_per_cell_and_class,mib")
    sizes = [(94, 125), (188, 250), (375, 500), (750, 1000), (1500, 2000), (1733, 2310)]
    cases = [(size, 1) for size in sizes] + [((375, 500), classes) for classes in (2, 3, 5, 10, 20, 40)]
    for size, classes in [*cases, (sizes[-1], 20)]:
        call = prepare("accelerated", size, classes)
        seconds = median_seconds({"ours": call}, {"ours": repetitions})["ours"]
        cells = math.prod((side - 1) // STRIDE + 1 for side in size)
        each, memory = seconds / cells / classes * 1e9, peak_mib(prepare, "accelerated", size, classes)
        row = [size[1], size[0], size[0] * size[1], cells, classes, f"{seconds:.4f}", f"{each:.0f}", f"{memory:.0f}"]
        print(",".join(map(str, row)), flush=True)


def main() -> None:
    """Read the command line, print the machine's line, then what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("speed", "labels", "growth"))
    parser.add_argument("--width", type=int, default=500)
    parser.add_argument("--height", type=int, default=375)
    parser.add_argument("--classes", type=int, default=1)
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--dense-repetitions", type=int, default=1, help="one takes minutes at 500x375")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(machine(), flush=True)
    size = (given.height, given.width)
    if given.mode == "speed":
        compare_speed(size, given.classes, given.repetitions, given.dense_repetitions)
    elif given.mode == "labels":
        compare_labels(size, given.images)
    else:
        tabulate_growth(given.repetitions)


if __name__ == "__main__":
    main()

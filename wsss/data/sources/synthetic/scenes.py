"""The embedded dataset: scenes of invented creatures with exact masks, made from a seed.

The scenes contain the difficulties of weakly-supervised segmentation. Only the head, a tenth to a sixth of a creature,
shows its class. The build and the skin of the rest are shared by several classes. Each class is mostly seen in front of
the background that it prefers.
"""

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from wsss.data.images import write_labels
from wsss.data.sources.synthetic.textures import (
    BACKGROUNDS,
    PATTERNS,
    Skin,
    add_clutter,
    bands,
    blotches,
    colour,
    fur,
    length,
    mix,
    noise,
    scales,
    shade,
    vivid_colour,
)
from wsss.data.sources.voc_layout import image_labels_path, list_path
from wsss.files import write_bytes, write_text
from wsss.progress import track
from wsss.settings.data import SyntheticSettings

# Limbs (n, 6): start x, y, end x, y and the radius at both ends, in [-1, 1]. Then the position of the head, x, y.
Build = tuple[np.ndarray, tuple[float, float]]


def walker(rng: np.random.Generator) -> Build:
    """A barrel on four legs, with a neck and a tail."""
    girth, leg, neck = rng.uniform(0.21, 0.28), rng.uniform(0.30, 0.45), rng.uniform(0.25, 0.42)
    hips = [-0.45, -0.30, 0.22, 0.38]
    legs = [[x, 0.1, x + rng.uniform(-0.12, 0.12), 0.18 + leg, 0.09, 0.06] for x in hips]
    torso = [-0.38, 0, 0.30, 0, girth, girth * 0.95]
    tail = [-0.55, -0.05, -0.85, rng.uniform(-0.4, 0.3), 0.07, 0.04]
    head = (0.62, -neck)
    return np.array([torso, [0.35, -0.05, *head, 0.16, 0.11], tail, *legs], np.float32), head


def swimmer(rng: np.random.Generator) -> Build:
    """A drop that tapers to a forked tail, with fins above and below."""
    girth, bend = rng.uniform(0.28, 0.36), rng.uniform(-0.15, 0.15)
    fork = [[-0.6, bend, -0.88, bend + side * rng.uniform(0.25, 0.4), 0.09, 0.06] for side in (-1, 1)]
    fins = [[0.05, side * 0.2, -0.25, side * rng.uniform(0.45, 0.6), 0.14, 0.05] for side in (-1, 1)]
    return np.array([[0.15, 0, -0.6, bend, girth, 0.08], *fork, *fins], np.float32), (0.48, 0.0)


def percher(rng: np.random.Generator) -> Build:
    """An upright egg on two thin legs, with a wing held off and a long tail."""
    girth, lean = rng.uniform(0.29, 0.35), rng.uniform(-0.1, 0.1)
    legs = [[x, 0.35, x + rng.uniform(-0.1, 0.1), rng.uniform(0.75, 0.88), 0.07, 0.05] for x in (-0.1, 0.16)]
    wing = [-0.1, -0.05, -0.72, rng.uniform(-0.55, -0.2), 0.16, 0.06]
    tail = [-0.2, 0.25, -0.75, rng.uniform(0.35, 0.65), 0.13, 0.08]
    head = (0.2 + lean, -0.58)
    return np.array(
        [[0, 0.15, 0.08, -0.05, girth, girth * 0.85], [0.05, 0, *head, 0.2, 0.12], wing, tail, *legs], np.float32
    ), head


def crawler(rng: np.random.Generator) -> Build:
    """A long winding trunk on short feet."""
    x = np.linspace(-0.82, 0.62, 7)
    y = rng.uniform(0.1, 0.2) * np.sin(rng.uniform(3.5, 5) * x + rng.uniform(0, 2 * np.pi))
    radii = np.interp(x, [-0.82, 0, 0.62], [0.07, rng.uniform(0.19, 0.25), 0.15])
    trunk = np.stack([x[:-1], y[:-1], x[1:], y[1:], radii[:-1], radii[1:]], 1)
    feet = [[x[i], y[i], x[i] + 0.04, y[i] + side * 0.38, 0.07, 0.05] for i in (2, 4) for side in (-1, 1)]
    return np.concatenate([trunk, np.array(feet)]).astype(np.float32), (float(x[-1]), float(y[-1]))


@dataclass(frozen=True)
class Creature:
    """How a class looks. Classes share `build` and `skin`. `pattern` and its two colours, on the head, are its own."""

    name: str
    pattern: str
    ground: tuple[float, float, float]
    figure: tuple[float, float, float]
    build: Callable[[np.random.Generator], Build]
    skin: Skin
    background: str


CREATURES = (
    Creature("ringlo", "rings", (0.95, 0.85, 0.20), (0.10, 0.10, 0.12), walker, fur, "grass"),
    Creature("quadril", "checks", (0.93, 0.93, 0.93), (0.80, 0.12, 0.15), swimmer, scales, "brick"),
    Creature("whorlet", "spiral", (0.95, 0.60, 0.15), (0.15, 0.20, 0.65), percher, bands, "water"),
    Creature("pocklin", "dots", (0.15, 0.50, 0.25), (0.95, 0.95, 0.80), crawler, blotches, "sand"),
    Creature("astrel", "star", (0.16, 0.18, 0.55), (0.98, 0.85, 0.25), walker, fur, "sky"),
    Creature("cruxin", "cross", (0.15, 0.60, 0.70), (0.97, 0.97, 0.97), swimmer, scales, "fabric"),
    Creature("zebrit", "stripes", (0.95, 0.95, 0.95), (0.08, 0.08, 0.10), percher, bands, "planks"),
    Creature("fannet", "pinwheel", (0.60, 0.15, 0.55), (0.65, 0.90, 0.30), crawler, blotches, "pebbles"),
    Creature("chevrin", "chevrons", (0.85, 0.20, 0.30), (0.20, 0.15, 0.35), walker, fur, "brick"),
    Creature("lunet", "crescent", (0.12, 0.12, 0.20), (0.95, 0.92, 0.75), swimmer, scales, "sand"),
    Creature("oculo", "eye", (0.30, 0.70, 0.35), (0.98, 0.98, 0.95), percher, bands, "sky"),
    Creature("tringle", "triangle", (0.95, 0.75, 0.80), (0.10, 0.35, 0.30), crawler, blotches, "fabric"),
)
CLASS_NAMES = tuple(creature.name for creature in CREATURES)

# Builds and skins repeat: classes whose numbers differ by this have the same ones.
BUILDS = 4

# Share of a creature's area that its head takes.
HEAD_SHARE = (0.10, 0.15)
# Share of the image's area that a single creature takes.
SIZE = (0.10, 0.35)
# Shares of each creature and of its head that must stay visible: inside the image and not hidden.
VISIBLE, HEAD_VISIBLE = 0.6, 0.8
# Scenes are drawn this many times larger, then averaged.
OVERSAMPLING = 2


def generate(settings: SyntheticSettings, out: Path, workers: int = 1) -> None:
    """Write the dataset of `settings` as a VOC-style folder `out`. The number of `workers` changes no byte of it.

    JPEGImages/<id>.jpg          RGB, the longer side settings.image_size pixels, the other 0.75 to 1 of it
    SegmentationClass/<id>.png   exact labels: 0 background, i the i-th of CLASS_NAMES[: settings.classes]
    ImageSets/Segmentation/      train.txt and val.txt, ids train_0000, ... and val_0000, ...
    image_labels.csv             image_id and a 0/1 column per class: the classes with a pixel in the mask
    """
    names = CLASS_NAMES[: settings.classes]
    table = [",".join(("image_id", *names))]
    for number, (split, count) in enumerate((("train", settings.train_images), ("val", settings.val_images))):
        ids = [f"{split}_{index:04d}" for index in range(count)]

        def make(index: int, ids: Sequence[str] = ids, number: int = number) -> str:
            rng = np.random.default_rng([settings.seed, number, index])
            image, labels = draw_scene(settings, rng, index % len(names))
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=92, subsampling=0)
            write_bytes(out / "JPEGImages" / f"{ids[index]}.jpg", buffer.getvalue())
            write_labels(out / "SegmentationClass" / f"{ids[index]}.png", labels)
            present = np.isin(np.arange(1, len(names) + 1), labels).astype(int)
            return ",".join((ids[index], *map(str, present)))

        with ThreadPoolExecutor(workers) as pool:
            table.extend(track(pool.map(make, range(count)), count, f"drawing {split} scenes"))
        write_text(list_path(out, split), "\n".join(ids) + "\n")
    write_text(image_labels_path(out), "\n".join(table) + "\n")


def draw_scene(settings: SyntheticSettings, rng: np.random.Generator, main: int) -> tuple[Image.Image, np.ndarray]:
    """A scene with a creature of class `main` (0 is the first) and perhaps more of any class.

    Returns the RGB image and its labels, uint8 of shape (height, width): 0 background, i the i-th class.
    """
    sides = np.array([settings.image_size, round(settings.image_size * rng.uniform(0.75, 1))])
    height, width = (int(side) for side in rng.permutation(sides))
    shape = (height * OVERSAMPLING, width * OVERSAMPLING)
    biased = rng.uniform() < settings.background_bias
    background = CREATURES[main].background if biased else str(rng.choice(list(BACKGROUNDS)))
    scene = _Scene(add_clutter(rng, BACKGROUNDS[background](rng, shape)), rng.uniform(0, 2 * np.pi))
    chances = 1 / np.arange(1, settings.max_objects + 1)
    count = int(rng.choice(len(chances), p=chances / chances.sum())) + 1
    for number in range(count):
        other = number > 0 and rng.uniform() < 0.7
        label = int(rng.integers(settings.classes)) if other else main
        scene.add(
            rng,
            label,
            rng.uniform(*SIZE) * np.prod(shape) / count**0.6,
            attempts=10 if number else 60,
            hues=_hues(rng, settings, label),
        )
    return _render_photograph(rng, scene.image, scene.light), scene.labels()


def _hues(rng: np.random.Generator, settings: SyntheticSettings, label: int) -> tuple[float, float]:
    """The range of a body's hue on the colour circle. It is often the third that its class prefers (`body_cue`)."""
    if rng.uniform() >= settings.body_cue:
        return (0.0, 1.0)
    third = label // BUILDS
    return (third / 3, (third + 1) / 3)


class _Scene:
    """A picture to which creatures are added, the front ones last, as long as all stay visible."""

    def __init__(self, image: np.ndarray, light: float) -> None:
        self.image = image
        self.light = light
        # The creature that each pixel shows: i for the i-th, 0 for none.
        self.owner: np.ndarray = np.zeros(image.shape[:2], np.int64)
        self.classes: list[int] = []
        # For each creature: the pixels of its head, its whole area, and the area of its head, in pixels.
        self.whole: list[tuple[np.ndarray, float, float]] = []

    def add(self, rng: np.random.Generator, label: int, area: float, attempts: int, hues: tuple[float, float]) -> None:
        """Add a creature that covers `area` pixels. After each failed attempt, a smaller one is tried."""
        turn, stretch = np.radians(rng.uniform(-35, 35)), np.sqrt(rng.uniform(0.8, 1.25))
        pose = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        pose = pose @ np.diag([stretch * rng.choice((-1, 1)), 1 / stretch])
        light = pose.T @ (np.cos(self.light), np.sin(self.light))
        picture, head = draw_creature(rng, CREATURES[label], area, self._distinct_colour(rng, hues), light)
        outline = picture.getchannel("A")
        whole, whole_head = (np.count_nonzero(np.asarray(part) > 127) for part in (outline, head))
        height, width = self.owner.shape
        for attempt in range(attempts):
            scale = 0.95**attempt
            inverse = np.linalg.inv(pose * scale)
            shift = np.array(picture.size) / 2 - inverse @ (rng.uniform(0.2, 0.8, 2) * (width, height))
            affine = (*inverse[0], shift[0], *inverse[1], shift[1])
            mask, head_mask = (self._warp(part, affine, Image.Resampling.NEAREST) > 127 for part in (outline, head))
            if self._fits(mask, (head_mask, whole * scale**2, whole_head * scale**2)):
                self.classes.append(label)
                self._paste(self._warp(picture, affine, Image.Resampling.BILINEAR))
                return

    def _warp(self, part: Image.Image, affine: tuple[float, ...], resample: Image.Resampling) -> np.ndarray:
        return np.asarray(part.transform(self.owner.shape[::-1], Image.Transform.AFFINE, affine, resample))

    def _distinct_colour(self, rng: np.random.Generator, hues: tuple[float, float]) -> np.ndarray:
        """A vivid colour within `hues`. It differs from most of the picture, so that outlines are visible."""
        shown = rng.choice(self.image.reshape(-1, 3), 200)
        candidates = [vivid_colour(rng, hues) for _ in range(8)]
        return max(candidates, key=lambda c: float(np.quantile(np.linalg.norm(shown - c, axis=1), 0.1)))

    def _fits(self, mask: np.ndarray, new: tuple[np.ndarray, float, float]) -> bool:
        owner = np.where(mask, len(self.whole) + 1, self.owner)
        for number, (head, area, head_area) in enumerate([*self.whole, new], 1):
            seen = owner == number
            if np.count_nonzero(seen) < VISIBLE * area or np.count_nonzero(seen & head) < HEAD_VISIBLE * head_area:
                return False
        self.owner = owner
        self.whole.append(new)
        return True

    def _paste(self, placed: np.ndarray) -> None:
        reach = max(self.owner.shape) / 60
        veil = Image.fromarray(placed[..., 3]).filter(ImageFilter.GaussianBlur(reach))
        offset = (-np.round(2 * reach * np.array([np.sin(self.light), np.cos(self.light)]))).astype(int)
        shadow = np.roll(np.asarray(veil, np.float32) / 255, tuple(offset), (0, 1))
        alpha = placed[..., 3].astype(np.float32) / 255
        self.image = mix(self.image * (1 - 0.35 * shadow)[..., None], placed[..., :3].astype(np.float32) / 255, alpha)

    def labels(self) -> np.ndarray:
        """Labels of the final image: for each pixel, the most frequent label of the drawn pixels under it."""
        drawn = np.array([0, *(label + 1 for label in self.classes)], np.uint8)[self.owner]
        height, width = (side // OVERSAMPLING for side in drawn.shape)
        blocks = drawn.reshape(height, OVERSAMPLING, width, OVERSAMPLING)
        values = np.unique(drawn)
        counts = [(blocks == value).sum((1, 3), np.uint8) for value in values]
        return np.asarray(values[np.argmax(counts, 0)])


def draw_creature(
    rng: np.random.Generator, creature: Creature, area: float, paint: np.ndarray, light: np.ndarray
) -> tuple[Image.Image, Image.Image]:
    """A creature that faces right and covers about `area` pixels, lit from `light` (x, y).

    Returns it as a square RGBA image, and the mask of its head as a square L image.
    """
    limbs, (head_x, head_y) = creature.build(rng)
    fill = float((_distance(limbs, 64) < 0).mean())
    radius = np.float32(np.sqrt(4 * fill * rng.uniform(*HEAD_SHARE) / np.pi))
    side = max(int(np.sqrt(area / fill)), 8)
    distance = _distance(limbs, side)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    body = paint * (0.85 + creature.skin(rng, x, y) + 0.04 * noise(rng, x.shape, (4, 4)))[..., None]
    tilt = rng.uniform(-0.35, 0.35)
    across = np.float32(np.cos(tilt)) * (x - head_x) + np.float32(np.sin(tilt)) * (y - head_y)
    down = np.float32(np.cos(tilt)) * (y - head_y) - np.float32(np.sin(tilt)) * (x - head_x)
    across, down = across / radius, down / radius
    from_head = length(across, down)
    tint = rng.uniform(-0.07, 0.07, (2, 3)).astype(np.float32)
    figure = PATTERNS[creature.pattern](across, down).astype(np.float32)
    face = mix(colour(*creature.ground) + tint[0], colour(*creature.figure) + tint[1], figure)
    face = mix(face, colour(0.12, 0.10, 0.10), 12 * (from_head - 0.88))
    inside_head = np.clip((1 - from_head) * radius * side / 2 + 0.5, 0, 1)
    skin = mix(body, face, inside_head) * shade(np.minimum(distance, (from_head - 1) * radius), light)[..., None]
    alpha = np.maximum(np.clip(0.5 - distance * side / 2, 0, 1), inside_head)
    pixels = np.concatenate([np.clip(skin, 0, 1), alpha[..., None]], 2)
    return Image.fromarray((255 * pixels).astype(np.uint8)), Image.fromarray((255 * inside_head).astype(np.uint8))


def _distance(limbs: np.ndarray, side: int) -> np.ndarray:
    """Signed distance, negative inside, to the smooth union of `limbs` on a square of `side` pixels over [-1, 1]."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    union = np.full((side, side), 9, np.float32)
    for x0, y0, x1, y1, r0, r1 in limbs:
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2), 0, 1)
        limb = length(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) - (r0 + along * (r1 - r0))
        blend = np.clip(0.5 + (union - limb) / 0.12, 0, 1)
        union = union + (limb - union) * blend - 0.06 * blend * (1 - blend)
    return union


def _render_photograph(rng: np.random.Generator, image: np.ndarray, light: float) -> Image.Image:
    """The photograph of a scene: light from one side, a tint, averaging, a little blur and noise."""
    offsets = np.ndindex(OVERSAMPLING, OVERSAMPLING)
    small = sum(image[y::OVERSAMPLING, x::OVERSAMPLING] for y, x in offsets) / np.float32(OVERSAMPLING**2)
    height, width = small.shape[:2]
    down, right = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    falloff = rng.uniform(0, 0.2) * (np.cos(light) * right + np.sin(light) * down)
    small = small * (rng.uniform(0.8, 1.1) + falloff)[..., None] * rng.uniform(0.92, 1.08, 3)
    blurred = Image.fromarray((255 * np.clip(small, 0, 1)).astype(np.uint8))
    blurred = blurred.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.6)))
    grain = rng.normal(0, rng.uniform(1, 5), small.shape)
    return Image.fromarray(np.clip(np.asarray(blurred) + grain, 0, 255).astype(np.uint8))

"""Multi-scale CAMs of one photograph against the released loop, and the bytes that are stored.

python benchmarks/cams.py    # ResNet50, 500 x 375, four scales with mirrors: two minutes on two threads
"""

import io
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from measure import Call, has_tiles, in_own_process, median_seconds
from photographs import photograph
from PIL import Image
from record import Row, command_line, write_record
from torch import Tensor
from torch.nn.functional import interpolate, relu
from torch.utils.flop_counter import FlopCounterMode

from wsss.cams.plain import class_maps
from wsss.classification.classifier import Classifier, build_classifier
from wsss.data.augmentation import Normalisation, scaled_size, to_tensor
from wsss.networks.inference.convolutions import onednn_convolution
from wsss.networks.inference.network import inference_backbone
from wsss.runtime.device import move_to_device
from wsss.settings.cams import PlainCamSettings
from wsss.settings.classifier import ClassifierSettings
from wsss.stores.cam_store import CamStore

WIDTH, HEIGHT = 500, 375
SCALES = PlainCamSettings().scales
KEYS = np.array([7, 14])
PRECISIONS = (torch.float32, torch.bfloat16)
SIDE = 2048
TILES = ", AMX" if has_tiles() else ""
# Goals: speed relative to the released loop, by precision, and the share of the machine's speed in matrix products.
GOALS = {torch.float32: 1.8, torch.bfloat16: 6 if TILES else 3.5}
PEAK_GOAL = 0.7


def network(backbone: str) -> Classifier:
    """A classifier of 20 classes, the same at every call."""
    torch.manual_seed(0)
    settings = {"backbone": {"name": backbone, "weights": "scratch"}, "words": "none"}
    return build_classifier(ClassifierSettings.model_validate(settings), 20).eval()


def resized_image(image: Image.Image, scale: float) -> Image.Image:
    """The whole image, resized by Pillow. Scale 1 returns it unchanged."""
    return image if scale == 1 else image.resize(scaled_size(image.size[::-1], scale)[::-1], Image.Resampling.BICUBIC)


def pairs_of(image: Image.Image, normalisation: Normalisation) -> list[Tensor]:
    """The released input: at each scale the image and its mirror, float32 (2, 3, h, w)."""
    scaled = (to_tensor(resized_image(image, scale), normalisation) for scale in SCALES)
    return [torch.stack([pixels, pixels.flip(-1)]) for pixels in scaled]


@torch.no_grad()
def released_maps(
    classifier: Classifier, pairs: list[Tensor], size: tuple[int, int], keys: np.ndarray = KEYS
) -> tuple[Tensor, Tensor]:
    """The released maps: scale by scale, the image with its mirror, NCHW, then `strided` and `high_res`, float32."""
    maps = []
    for pair in pairs:
        features = pair
        for number in range(1, 6):
            features = classifier.backbone.stage(number, features)
        scores = relu(torch.einsum("nd,bdhw->bnhw", classifier.classifier.weight, features))
        maps.append(torch.maximum(scores[0], scores[1].flip(-1)))
    return resized(maps, ((size[0] - 1) // 4 + 1, (size[1] - 1) // 4 + 1), keys), resized(maps, size, keys)


def released_cams(classifier: Classifier, image: Image.Image) -> tuple[Tensor, Tensor]:
    """The released loop on one decoded image."""
    return released_maps(classifier, pairs_of(image, classifier.backbone.normalisation), (image.height, image.width))


def prepare_released(backbone: str) -> Call:
    """The released loop on the image that is measured."""
    return partial(released_cams, network(backbone), photograph(WIDTH, HEIGHT))


def resized(maps: list[Tensor], size: tuple[int, int], keys: np.ndarray) -> Tensor:
    """Maps of the classes `keys`: resized to `size`, summed over scales, each divided by its maximum."""
    raised = [interpolate(one[None], size=size, mode="bilinear", align_corners=False)[0] for one in maps]
    chosen = torch.stack(raised).sum(0)[torch.from_numpy(keys).to(maps[0].device)]
    return chosen / (chosen.amax((1, 2), keepdim=True) + 1e-5)


def our_cams(
    classifier: Classifier, image: Image.Image, keys: np.ndarray = KEYS, scales: tuple[float, ...] = SCALES
) -> CamStore:
    """The workflow's method: a store of every scale's maps at the network's resolution."""
    precision = next(classifier.backbone.parameters()).dtype
    pixels = (to_tensor(image, classifier.backbone.normalisation, scale).to(precision) for scale in scales)
    maps = [class_maps(classifier, one[None])[0, keys].numpy() for one in pixels]
    return CamStore("image", (image.height, image.width), keys, scales, maps, "weights")


def folded_network(backbone: str, precision: torch.dtype) -> Classifier:
    """The network as `write_cam_shard` prepares it."""
    classifier = network(backbone)
    classifier.backbone = inference_backbone(classifier.backbone, precision)
    move_to_device(classifier)
    return classifier


def products(precision: torch.dtype, count: int) -> dict[str, Call]:
    """`count` products of 2048 cubed, by torch and by oneDNN as 1x1 convolution. The faster one is the peak."""
    factor = torch.rand(SIDE, SIDE).to(precision)
    columns = factor.view(1, SIDE, 32, SIDE // 32).contiguous(memory_format=torch.channels_last)
    weights = factor.view(SIDE, SIDE, 1, 1)
    ways = {
        "matmul": lambda: factor @ factor,
        "oneDNN": lambda: onednn_convolution(columns, weights, None),
    }
    return {f"{precision} {name}": partial(repeated, way, count) for name, way in ways.items()}


def repeated(call: Call, count: int) -> None:
    """Run `call` `count` times."""
    for _ in range(count):
        call()


def kept_bytes(store: CamStore, strided: Tensor, full: Tensor) -> tuple[int, int]:
    """Bytes of our store in float16, and of the released .npy with keys, strided and full CAMs in float32."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.zarr.zip"
        halves = [cam.astype(np.float16) for cam in store.cams]
        CamStore(store.image_id, store.size, store.keys, store.scales, halves, store.weights).write(path)
        ours = path.stat().st_size
    released = io.BytesIO()
    np.savez(released, keys=KEYS, cam=strided.numpy(), high_res=full.numpy())
    return ours, released.tell()


def measure(backbone: str, repetitions: int) -> list[Row]:
    """A row for each precision, one for each share of the peak, and one for the bytes."""
    image, plain = photograph(WIDTH, HEIGHT), network(backbone)
    networks = {precision: folded_network(backbone, precision) for precision in PRECISIONS}
    with FlopCounterMode(display=False) as counter:
        strided, full = released_cams(plain, image)
    gigaflops = counter.get_total_flops() / 1e9
    # The peak is measured over as many operations as the network has. A short burst could be faster.
    count = round(gigaflops * 1e9 / (2 * SIDE**3))
    ways = {precision: products(precision, count) for precision in PRECISIONS}
    stores = {precision: our_cams(networks[precision], image) for precision in PRECISIONS}
    # The released loop runs in its own process. It also runs here, where freed memory is reused as for our networks.
    calls: dict[str, Call] = {"kept": partial(released_cams, plain, image)}
    for precision in PRECISIONS:
        calls |= {str(precision): partial(our_cams, networks[precision], image), **ways[precision]}
    with in_own_process(prepare_released, backbone) as calls["released"]:
        seconds = median_seconds(calls, dict.fromkeys(calls, repetitions))
    kept, released_kept = kept_bytes(stores[torch.float32], strided, full)
    sizes = (
        f"{backbone}, {WIDTH}x{HEIGHT}, scales {', '.join(map(str, SCALES))} with mirrors, {gigaflops:.0f} GFLOP{TILES}"
    )
    threads = torch.get_num_threads()
    rows = []
    for precision in PRECISIONS:
        ours, ratio = seconds[str(precision)], seconds["released"] / seconds[str(precision)]
        peak = count * 2 * SIDE**3 / 1e9 / min(seconds[name] for name in ways[precision])
        share, error = gigaflops / ours / peak, float(np.abs(stores[precision].full() - full.numpy()).max())
        rows.append(
            Row(
                f"CAMs, {str(precision).removeprefix('torch.')}, against the released loop in float32",
                sizes,
                ours=ours,
                unit="s an image",
                threads=threads,
                reference=seconds["released"],
                ratio=ratio,
                error=f"{error:.0e} of 1",
                peak=f"{share:.0%} of {peak:.0f} GFLOP/s in this precision",
                goal=f"at least {GOALS[precision]} times, {PEAK_GOAL:.0%} of the peak",
                met=ratio >= GOALS[precision] and share >= PEAK_GOAL,
                note=f"at the machine's whole peak it would be {ratio / share:.2f} times; with memory kept as ours, "
                f"the released loop takes {seconds['kept']:.3g} s; decoding is not included",
            )
        )
    stored = Row(
        "bytes of a CAM store against the released file",
        f"{WIDTH}x{HEIGHT}, 2 classes, 4 scales, float16 against float32",
        ours=kept,
        unit="bytes",
        threads=threads,
        reference=released_kept,
        ratio=released_kept / kept,
        goal="at least 30 times fewer",
        met=released_kept / kept >= 30,
    )
    return [*rows, stored]


def main() -> None:
    """Print seconds, shares of the machine's peak, errors and ratios."""
    parser = command_line(__doc__)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    rows = measure(options.backbone, options.repetitions)
    write_record(options.record, rows)
    for row in rows:
        print(f"{row.claim}: {row.ours:.4g} {row.unit}; {row.peak} {row.error}; ratio {row.ratio or 1:.2f}")


if __name__ == "__main__":
    main()

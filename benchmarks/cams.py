"""Multi-scale CAMs of one photograph against the released loop, and the bytes that are kept of them.

python benchmarks/cams.py    # ResNet50, 500 x 375, four scales with mirrors: about two minutes on two cores
"""

import argparse
import io
import tempfile
from pathlib import Path

import numpy as np
import torch
from measure import machine, median_seconds
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate, relu

from wsss.classification.cam_store import CamStore
from wsss.classification.cams import class_maps
from wsss.classification.network import Classifier, build_classifier
from wsss.data.transforms import scaled_size, to_tensor
from wsss.device import place
from wsss.folding import fold_norms
from wsss.settings.cams import CamSettings
from wsss.settings.classification import ClassifierSettings

SCALES = CamSettings().scales
KEYS = np.array([7, 14])


def network(backbone: str) -> Classifier:
    """A classifier of 20 classes, the same at every call."""
    torch.manual_seed(0)
    settings = {"backbone": {"name": backbone, "weights": "scratch"}, "words": "none"}
    return build_classifier(ClassifierSettings.model_validate(settings), 20).eval()


def photograph(width: int, height: int) -> Image.Image:
    """Smooth colours with some noise."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)).resize((width, height))
    noisy = np.asarray(coarse, np.int16) + rng.integers(-12, 12, (height, width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def resized_image(image: Image.Image, scale: float) -> Image.Image:
    """By Pillow, the whole image; scale 1 is untouched."""
    return image if scale == 1 else image.resize(scaled_size(image.size, scale), Image.Resampling.BICUBIC)


@torch.no_grad()
def released_cams(classifier: Classifier, image: Image.Image) -> tuple[Tensor, Tensor]:
    """As released: scale by scale, the image with its mirror, NCHW, then `strided` and `high_res`, float32."""
    maps = []
    for scale in SCALES:
        pixels = to_tensor(resized_image(image, scale), classifier.backbone.normalisation)
        pair = torch.stack([pixels, pixels.flip(-1)])
        for number in range(1, 6):
            pair = classifier.backbone.stage(number, pair)
        scores = relu(torch.einsum("nd,bdhw->bnhw", classifier.classifier.weight, pair))
        maps.append(torch.maximum(scores[0], scores[1].flip(-1)))
    return resized(maps, ((image.height - 1) // 4 + 1, (image.width - 1) // 4 + 1)), resized(
        maps, (image.height, image.width)
    )


def resized(maps: list[Tensor], size: tuple[int, int]) -> Tensor:
    """The scales' maps at `size`, summed, those of KEYS, each divided by its maximum."""
    raised = [interpolate(one[None], size=size, mode="bilinear", align_corners=False)[0] for one in maps]
    chosen = torch.stack(raised).sum(0)[torch.from_numpy(KEYS)]
    return chosen / (chosen.amax((1, 2), keepdim=True) + 1e-5)


def our_cams(classifier: Classifier, image: Image.Image) -> CamStore:
    """The workflow's own way: a store of every scale's maps at the network's resolution."""
    pixels = (to_tensor(image, classifier.backbone.normalisation, scale) for scale in SCALES)
    maps = [class_maps(classifier, one, KEYS).numpy() for one in pixels]
    return CamStore("image", (image.height, image.width), KEYS, SCALES, maps, "weights")


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


def main() -> None:
    """Print both medians, the largest difference, the sizes, and the ratios last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    image = photograph(500, 375)
    plain, ours = network(options.backbone), network(options.backbone)
    fold_norms(ours)
    place(ours)
    strided, full = released_cams(plain, image)
    store = our_cams(ours, image)
    error = float(np.abs(store.full() - full.numpy()).max())
    calls = {"released": lambda: released_cams(plain, image), "ours": lambda: our_cams(ours, image)}
    seconds = median_seconds(calls, dict.fromkeys(calls, options.repetitions))
    kept, released_kept = kept_bytes(store, strided, full)
    print(machine())
    print(f"{options.backbone}, 500 x 375, scales {SCALES} with mirrors, 2 classes, float32")
    print(f"released loop {seconds['released']:.2f} s, ours {seconds['ours']:.2f} s an image")
    print(f"released file {released_kept:,} bytes, our store {kept:,} bytes")
    print(
        f"ratio {seconds['released'] / seconds['ours']:.2f}, largest difference {error:.1e} of 1; "
        f"bytes ratio {released_kept / kept:.0f}"
    )


if __name__ == "__main__":
    main()

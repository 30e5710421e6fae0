"""Multi-scale, mirrored class activation maps, image by image, into stores."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wsss.artifacts import sha256_of
from wsss.classification.cam_store import CamStore
from wsss.classification.network import Classifier, load_classifier
from wsss.data.images import read_image
from wsss.data.layout import Dataset
from wsss.data.transforms import to_tensor
from wsss.device import place
from wsss.image_store import write_store_shard
from wsss.settings.cams import Branches, CamSettings
from wsss.settings.classification import ClassifierSettings


class Photograph(NamedTuple):
    """An image as the network is to see it, at every scale: normalised float32 (3, h, w); `size`: (height, width)."""

    image_id: str
    size: tuple[int, int]
    scaled: list[Tensor]


def write_cam_shard(
    dataset: Dataset,
    ids: Sequence[str],
    weights: Path,
    classifier: ClassifierSettings,
    settings: CamSettings,
    folder: Path,
    manifest: Path,
) -> None:
    """Write `folder`/stores/<id>.zarr.zip for every image of `ids`, then their manifest."""
    network = load_classifier(classifier, len(dataset.classes), weights)
    device, precision = place(network), getattr(torch, settings.precision)
    # The head stays in float32, and with it the maps: it costs next to nothing.
    network.backbone.to(precision)
    digest = sha256_of(weights)

    def read(image_id: str) -> Photograph:
        image = read_image(dataset.image_path(image_id))
        scaled = [to_tensor(image, network.backbone.normalisation, scale) for scale in settings.scales]
        return Photograph(image_id, (image.height, image.width), scaled)

    def store_of(photograph: Photograph) -> CamStore:
        keys = dataset.present(photograph.image_id)
        # An image with its mirror at a time: on a CPU, larger batches were slower.
        pixels = (one.to(device, precision) for one in photograph.scaled)
        maps = [class_maps(network, one, keys, settings.branches) for one in pixels]
        arrays = [one.cpu().numpy().astype(settings.store_dtype) for one in maps]
        return CamStore(photograph.image_id, photograph.size, keys, settings.scales, arrays, digest)

    write_store_shard(ids, read, store_of, folder, manifest, "CAMs")


@torch.inference_mode()
def class_maps(network: Classifier, image: Tensor, keys: np.ndarray, branches: Branches = "image") -> Tensor:
    """CAMs (n, h', w') of the classes `keys` for a normalised image (3, h, w): the maximum of its own and its mirror's.

    The image is of the backbone's precision, the maps are float32. The mirror's are mirrored back before the maximum is
    taken, after ReLU.
    """
    maps = network.activations(torch.stack([image, image.flip(2)]), branches)
    maps = maps[:, torch.from_numpy(keys).to(image.device)]
    return torch.maximum(maps[0], maps[1].flip(2))

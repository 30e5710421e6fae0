"""Multi-scale, mirrored class activation maps, image by image, into stores."""

from collections.abc import Sequence
from pathlib import Path

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
    device = place(network)
    digest = sha256_of(weights)
    normalisation = network.backbone.normalisation

    def store_of(image_id: str) -> CamStore:
        keys = dataset.present(image_id)
        image = read_image(dataset.image_path(image_id))
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            pixels = (to_tensor(image, normalisation, scale).to(device) for scale in settings.scales)
            maps = [class_maps(network, one, keys, settings.branches) for one in pixels]
        arrays = [one.float().cpu().numpy().astype(settings.store_dtype) for one in maps]
        return CamStore(image_id, (image.height, image.width), keys, settings.scales, arrays, digest)

    write_store_shard(ids, store_of, folder, manifest, "CAMs")


@torch.inference_mode()
def class_maps(network: Classifier, image: Tensor, keys: np.ndarray, branches: Branches = "image") -> Tensor:
    """CAMs (n, h', w') of the classes `keys` for a normalised image (3, h, w): the maximum of its own and its mirror's.

    The mirror's maps are mirrored back before the maximum is taken, after ReLU.
    """
    maps = network.activations(torch.stack([image, image.flip(2)]), branches)
    maps = maps[:, torch.from_numpy(keys).to(image.device)]
    return torch.maximum(maps[0], maps[1].flip(2))

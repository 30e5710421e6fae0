"""Pseudo labels, shard by shard: edges of each image, and the random walk of its CAMs over them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from wsss.data.augmentation import to_tensor
from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.refinement.irnet.network import edges_of_image
from wsss.refinement.irnet.training import load_edge_network
from wsss.refinement.random_walk import pseudo_label
from wsss.runtime.device import place
from wsss.settings.irnet import IrnetSettings
from wsss.settings.pseudo_labels import PseudoLabelSettings
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path
from wsss.stores.label_images import write_label_shard


def write_pseudo_shard(
    dataset: Dataset,
    ids: Sequence[str],
    cams: Path,
    irnet: IrnetSettings,
    initial_weights: Path,
    edge_weights: Path,
    settings: PseudoLabelSettings,
    folder: Path,
    manifest: Path,
) -> None:
    """Write pseudo labels of `ids` into `folder`/labels, from the stores of the stage folder `cams`."""
    network = load_edge_network(irnet, initial_weights, edge_weights)
    device = place(network)
    normalisation = network.backbone.normalisation

    def labels_of(image_id: str) -> np.ndarray:
        store = CamStore.read(store_path(cams, image_id), image_id)
        image = to_tensor(read_image(dataset.image_path(image_id)), normalisation).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            edge = edges_of_image(network, image, settings.pad_to)
        return pseudo_label(store.strided(), store.keys, edge, store.size, settings, device)

    write_label_shard(ids, labels_of, folder, manifest, "pseudo labels")

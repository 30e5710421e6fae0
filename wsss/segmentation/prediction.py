"""Predictions of the segmentation network: its scores, from which labels are made with and without a CRF."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wsss.data.augmentation import to_tensor
from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.files import sha256_of
from wsss.networks.inference.network import inference_backbone
from wsss.networks.saved_weights import load_weights, read_weights
from wsss.runtime.device import move_to_device
from wsss.segmentation.deeplab import fused_logits
from wsss.segmentation.training import build_segmenter
from wsss.settings.prediction import PredictionSettings
from wsss.settings.segmentation import SegmentationSettings
from wsss.stores.image_store import write_store_shard
from wsss.stores.pipelining import in_background
from wsss.stores.score_store import ScoreStore


def write_score_shard(
    dataset: Dataset,
    ids: Sequence[str],
    weights: Path,
    segmentation: SegmentationSettings,
    settings: PredictionSettings,
    folder: Path,
    manifest: Path,
) -> None:
    """Write `folder`/stores/<id>.zarr.zip with the fused logits of every image of `ids`, then their manifest."""
    network = build_segmenter(segmentation, len(dataset.classes))
    load_weights(network, read_weights(weights), weights)
    network.backbone = inference_backbone(network.backbone)
    device = move_to_device(network.eval())
    normalisation = network.backbone.normalisation
    digest = sha256_of(weights)

    def read(image_id: str) -> tuple[str, Tensor]:
        return image_id, to_tensor(read_image(dataset.image_path(image_id)), normalisation)

    def store_of(image: tuple[str, Tensor]) -> ScoreStore:
        image_id, pixels = image
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, settings.precision == "bfloat16"):
            _, fused = fused_logits(network, pixels[None].to(device), settings.scales)
        logits = fused[0].cpu().numpy().astype(np.dtype(settings.store_dtype))
        return ScoreStore(image_id, (pixels.shape[1], pixels.shape[2]), logits, digest)

    write_store_shard(ids, map(store_of, in_background(read, ids)), folder, manifest, "predictions")

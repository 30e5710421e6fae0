"""Predictions of the segmentation network: its scores, from which labels are made with and without a CRF."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wsss.data.augmentation import to_tensor
from wsss.data.dataset import Dataset
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


class Scorer:
    """A trained segmentation network on the device of this process, which scores one image at a time.

    Parameters
    ----------
    state : Mapping[str, Tensor]
        The network's weights.
    path : Path
        The file that they were read from, for messages.
    segmentation : SegmentationSettings
        The network.
    classes : int
        The number of classes, without the background.
    settings : PredictionSettings
        How images are scored.
    digest : str
        SHA-256 of the file of the weights that the training wrote.
    """

    def __init__(
        self,
        state: Mapping[str, Tensor],
        path: Path,
        segmentation: SegmentationSettings,
        classes: int,
        settings: PredictionSettings,
        digest: str,
    ) -> None:
        network = build_segmenter(segmentation, classes)
        load_weights(network, dict(state), path)
        network.backbone = inference_backbone(network.backbone)
        self._network, self._settings, self._digest = network, settings, digest
        self._device = move_to_device(network.eval())

    def input_of(self, image: Image.Image) -> Tensor:
        """An image as the network expects it.

        Parameters
        ----------
        image : Image.Image
            An RGB image, 8 bits a channel.

        Returns
        -------
        Tensor
            float32 (3, height, width).
        """
        return to_tensor(image, self._network.backbone.normalisation)

    def score(self, image_id: str, pixels: Tensor) -> ScoreStore:
        """The fused logits of an image, rounded as they are stored.

        Parameters
        ----------
        image_id : str
            The id of the image.
        pixels : Tensor
            The image from `input_of`, float32 (3, height, width).

        Returns
        -------
        ScoreStore
            The logits of all outputs, the background's first.
        """
        bfloat16 = self._settings.precision == "bfloat16"
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, bfloat16):
            _, fused = fused_logits(self._network, pixels[None].to(self._device), self._settings.scales)
        logits = fused[0].cpu().numpy().astype(np.dtype(self._settings.store_dtype))
        return ScoreStore(image_id, (pixels.shape[1], pixels.shape[2]), logits, self._digest)


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
    state = read_weights(weights)
    scorer = Scorer(state, weights, segmentation, len(dataset.classes), settings, sha256_of(weights))

    def read(image_id: str) -> tuple[str, Tensor]:
        return image_id, scorer.input_of(dataset.image(image_id))

    stores = (scorer.score(image_id, pixels) for image_id, pixels in in_background(read, ids))
    write_store_shard(ids, stores, folder, manifest, "predictions")

"""A network on Caffe's input, from the photograph to stored scores: blue first, 0-255 less the mean."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.segmentation.deeplab import fused_logits
from wsss.segmentation.prediction import write_score_shard
from wsss.segmentation.training import build_segmenter
from wsss.settings.backbone import BackboneSettings
from wsss.settings.prediction import PredictionSettings
from wsss.settings.segmentation import SegmentationSettings
from wsss.stores.image_store import store_path
from wsss.stores.score_store import ScoreStore

CAFFE = BackboneSettings(name="resnet50", weights="scratch", caffe_style=True, input="caffe")


@torch.no_grad()
def test_scores_are_those_of_the_image_in_caffes_order(dataset: Dataset, tmp_path: Path) -> None:
    segmentation = SegmentationSettings(backbone=CAFFE)
    torch.manual_seed(0)
    network = build_segmenter(segmentation, len(dataset.classes)).eval()
    save_file(network.state_dict(), tmp_path / "segmenter.safetensors")
    image_id = dataset.ids("val")[0]
    settings = PredictionSettings(store_dtype="float32")
    manifest = tmp_path / "shards" / "val" / "0-of-1.tsv"
    weights = tmp_path / "segmenter.safetensors"
    write_score_shard(dataset, [image_id], weights, segmentation, settings, tmp_path, manifest)
    ours = ScoreStore.read(store_path(tmp_path, image_id), image_id).logits
    red, green, blue = np.moveaxis(np.asarray(read_image(dataset.image_path(image_id)), np.float32), 2, 0)
    shown = np.stack([blue - 104.008, green - 116.669, red - 122.675]).astype(np.float32)
    _, wanted = fused_logits(network, torch.from_numpy(shown)[None], settings.scales)
    largest = float(wanted.abs().max())
    assert largest > 1e-3
    np.testing.assert_allclose(ours, wanted[0], rtol=0, atol=1e-4 * largest)
    _, swapped = fused_logits(network, torch.from_numpy(shown[::-1].copy())[None], settings.scales)
    assert float((swapped[0] - torch.from_numpy(ours)).abs().max()) > 1e-2 * largest

"""Labels of predictions: of all outputs, or of the classes alone where there is no background."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.naive import bilinear
from tests.prepared import indexed, listed, prepared
from wsss.data.images import read_labels
from wsss.segmentation.prediction_labels import write_crf_shard, write_plain_shard
from wsss.settings.crf import CrfSettings
from wsss.settings.prediction_labels import PredictionLabelSettings
from wsss.stores.image_store import store_path
from wsss.stores.label_images import label_path
from wsss.stores.score_store import ScoreStore

NO_CRF = CrfSettings(gaussian_sxy=1, gaussian_weight=0, bilateral_sxy=1, bilateral_srgb=1, bilateral_weight=0)
SIZE = (4, 5)


@pytest.mark.parametrize("has_background", [True, False])
def test_the_first_output_is_the_background_if_there_is_one(has_background: bool, tmp_path: Path) -> None:
    dataset = prepared(tmp_path, ["a", "b", "c"], {"val": ["x"]}, has_background=has_background)
    Image.new("RGB", SIZE[::-1], (90, 80, 70)).save(tmp_path / "dataset_x.jpg")
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset_x.jpg").rename(tmp_path / "dataset" / "x.jpg")
    dataset = indexed(tmp_path, list(dataset.index.values()))
    logits = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
    logits[0] += 1
    ScoreStore("x", SIZE, logits, "weights").write(store_path(tmp_path, "x"))
    maps = bilinear(logits, SIZE)
    first = 0 if has_background else 1
    expected = [[max(range(first, 4), key=lambda n: maps[n, y, x]) for x in range(SIZE[1])] for y in range(SIZE[0])]
    write_plain_shard(dataset, ["x"], listed(tmp_path), tmp_path / "plain", tmp_path / "plain" / "0.tsv")
    settings = PredictionLabelSettings(crf=NO_CRF)
    write_crf_shard(dataset, ["x"], listed(tmp_path), settings, tmp_path / "crf", tmp_path / "crf" / "0.tsv")
    for folder in ("plain", "crf"):
        labels = read_labels(label_path(tmp_path / folder, "x"))
        np.testing.assert_array_equal(labels, expected)
    assert (0 in np.array(expected)) == has_background

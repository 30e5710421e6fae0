from pathlib import Path

import numpy as np
import pytest

from tests.prepared import prepared
from wsss.data.images import read_labels, write_labels
from wsss.data.preparation import list_tables
from wsss.errors import WsssError
from wsss.segmentation.truth import write_truth_shard
from wsss.stores.label_images import label_path


def test_masks_become_training_labels(tmp_path: Path) -> None:
    dataset = prepared(tmp_path, ["a", "b"], {"train": ["x"]}, ["x"])
    mask = np.random.default_rng(0).choice([0, 1, 2, 255], (4, 5)).astype(np.uint8)
    write_labels(tmp_path / dataset.index["x"].mask, mask)
    list_tables(tmp_path, {"x": dataset.index["x"].mask})
    write_truth_shard(dataset, ["x"], tmp_path / "truth", tmp_path / "truth" / "0.tsv")
    np.testing.assert_array_equal(read_labels(label_path(tmp_path / "truth", "x")), mask)


def test_missing_masks_are_counted_in_every_shard(tmp_path: Path) -> None:
    dataset = prepared(tmp_path, ["a"], {"train": ["x", "y", "z"]}, ["x"])
    for ids in (["x"], ["y", "z"], []):
        with pytest.raises(WsssError, match=r"^2 of 3 images of train have no mask, the first is y \(dataset/y\.jpg\)"):
            write_truth_shard(dataset, ids, tmp_path / "truth", tmp_path / "truth" / "0.tsv")
    assert not (tmp_path / "truth").exists()

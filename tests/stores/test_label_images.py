import json
from pathlib import Path

import numpy as np
import pytest

from wsss.data.images import read_labels
from wsss.data.label_values import LabelValues
from wsss.manifests.rows import damaged_rows, read_manifest
from wsss.stores.label_images import label_path, write_label_shard

# The classes 1, 2 and 3 by number.
VALUES = LabelValues({"bird": 3, "cat": 8, "person": 15}, {})


def labels_of(image_id: str) -> np.ndarray:
    return np.full((3, int(image_id) + 1), int(image_id), np.uint8)


def test_a_shard_is_its_labels_and_their_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "shards" / "train" / "0-of-2.tsv"
    write_label_shard(VALUES, ["3", "0", "2"], labels_of, tmp_path, manifest, "labels")
    assert [(row.id, row.file) for row in read_manifest(manifest)] == [(i, f"labels/{i}.png") for i in "302"]
    assert damaged_rows(manifest, tmp_path) == []
    for image_id, value in (("3", 15), ("0", 0), ("2", 8)):
        labels = read_labels(label_path(tmp_path, image_id))
        np.testing.assert_array_equal(labels, np.full((3, int(image_id) + 1), value))
        np.testing.assert_array_equal(VALUES.read(label_path(tmp_path, image_id)), labels_of(image_id))


def test_the_values_are_named_beside_the_labels(tmp_path: Path) -> None:
    write_label_shard(VALUES, ["1"], labels_of, tmp_path, tmp_path / "shards" / "val" / "0-of-1.tsv", "labels")
    assert json.loads((tmp_path / "labels.json").read_text()) == {
        "0": {"name": "background", "colour": [0, 0, 0]},
        "3": {"name": "bird", "colour": [128, 128, 0]},
        "8": {"name": "cat", "colour": [64, 0, 0]},
        "15": {"name": "person", "colour": [192, 128, 128]},
        "255": {"name": "ignored", "colour": [224, 224, 192]},
    }


def test_a_shard_that_fails_leaves_no_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "shards" / "train" / "0-of-1.tsv"
    with pytest.raises(ValueError, match="invalid literal"):
        write_label_shard(VALUES, ["1", "x"], labels_of, tmp_path, manifest, "labels")
    assert not manifest.exists()


def test_a_shard_without_images_is_an_empty_manifest(tmp_path: Path) -> None:
    write_label_shard(VALUES, [], labels_of, tmp_path, tmp_path / "0-of-9.tsv", "labels")
    assert read_manifest(tmp_path / "0-of-9.tsv") == []

from pathlib import Path

import numpy as np
import pytest

from wsss.data.images import read_labels
from wsss.stores.label_images import label_path, write_label_shard
from wsss.stores.manifests import damaged_rows, read_manifest


def labels_of(image_id: str) -> np.ndarray:
    return np.full((3, int(image_id) + 1), int(image_id), np.uint8)


def test_a_shard_is_its_labels_and_their_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "shards" / "train" / "0-of-2.tsv"
    write_label_shard(["3", "0", "7"], labels_of, tmp_path, manifest, "labels")
    assert [(row.id, row.file) for row in read_manifest(manifest)] == [(i, f"labels/{i}.png") for i in "307"]
    assert damaged_rows(manifest, tmp_path) == []
    for image_id in "307":
        np.testing.assert_array_equal(read_labels(label_path(tmp_path, image_id)), labels_of(image_id))


def test_a_shard_that_fails_leaves_no_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "shards" / "train" / "0-of-1.tsv"
    with pytest.raises(ValueError, match="invalid literal"):
        write_label_shard(["1", "x"], labels_of, tmp_path, manifest, "labels")
    assert not manifest.exists()


def test_a_shard_without_images_is_an_empty_manifest(tmp_path: Path) -> None:
    write_label_shard([], labels_of, tmp_path, tmp_path / "0-of-9.tsv", "labels")
    assert read_manifest(tmp_path / "0-of-9.tsv") == []

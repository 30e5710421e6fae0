"""Pseudo labels with masks of objects merged into them, shard by shard, and the check of all masks before that."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss.data.brought_files import faults_of, refuse_all
from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.manifests.listed_files import ListedFiles
from wsss.refinement.object_masks.files import read_object_masks
from wsss.refinement.object_masks.merging import merge
from wsss.settings.merged_labels import MergedLabelSettings
from wsss.stores.label_images import listed_labels, write_label_shard


def write_merged_shard(
    dataset: Dataset,
    ids: Sequence[str],
    pseudo_labels: ListedFiles,
    masks_folder: Path,
    settings: MergedLabelSettings,
    folder: Path,
    manifest: Path,
) -> None:
    """Write merged labels of `ids` into `folder`/labels, from `pseudo_labels` and from the masks."""

    def labels_of(image_id: str) -> np.ndarray:
        row = dataset.index[image_id]
        labels = listed_labels(pseudo_labels, image_id, dataset.values, row.size)
        return merge(labels, read_object_masks(masks_folder, row, settings), settings)

    write_label_shard(dataset.values, ids, labels_of, folder, manifest, "merged labels")


def check_object_masks(
    dataset: Dataset, ids: Sequence[str], folder: Path, settings: MergedLabelSettings, workers: int = 1
) -> None:
    """Read the masks of every image once, so that what is wrong is found before any training starts.

    Parameters
    ----------
    dataset : Dataset
        The prepared dataset.
    ids : Sequence[str]
        The images.
    folder : Path
        The folder of all masks.
    settings : MergedLabelSettings
        The `format` of the masks.
    workers : int
        Threads that read masks, at least 1.

    Raises
    ------
    WsssError
        If there is no such folder, or the masks of some images cannot be used. The first ones are named, with their
        reasons, and the others counted.
    """
    if not folder.is_dir():
        raise WsssError(f"no folder of object masks at {folder}: correct its place in the config")

    found = faults_of(
        ids, lambda one: read_object_masks(folder, dataset.index[one], settings), workers, "looking at object masks"
    )
    refuse_all(f"the object masks of {len(found)} of {len(ids)} images cannot be used:", found)

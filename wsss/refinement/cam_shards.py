"""Labels straight from CAM stores by a CRF, shard by shard: confident labels, and the measure CAM+CRF."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.evaluation.cam_crf import cam_crf_labels
from wsss.refinement.confident_labels import confident_labels
from wsss.settings.evaluation import CamCrfSettings
from wsss.settings.refinement import ConfidentLabelSettings
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path
from wsss.stores.label_images import write_label_shard


def write_confident_shard(
    dataset: Dataset, ids: Sequence[str], cams: Path, settings: ConfidentLabelSettings, folder: Path, manifest: Path
) -> None:
    """Write confident labels of `ids` into `folder`/labels, from the stores of the stage folder `cams`."""
    labels_of = _from_cams(dataset, cams, lambda image, cam, keys: confident_labels(image, cam, keys, settings))
    write_label_shard(ids, labels_of, folder, manifest, "confident labels")


def write_cam_crf_shard(
    dataset: Dataset, ids: Sequence[str], cams: Path, settings: CamCrfSettings, folder: Path, manifest: Path
) -> None:
    """Write CAM+CRF labels of `ids` into `folder`/labels, from the stores of the stage folder `cams`."""
    labels_of = _from_cams(dataset, cams, lambda image, cam, keys: cam_crf_labels(image, cam, keys, settings))
    write_label_shard(ids, labels_of, folder, manifest, "CAM+CRF labels")


def _from_cams(
    dataset: Dataset, cams: Path, label: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
) -> Callable[[str], np.ndarray]:
    """Labels of an image id by `label(image, full-size CAMs, keys)`."""

    def labels_of(image_id: str) -> np.ndarray:
        image = np.asarray(read_image(dataset.image_path(image_id)))
        store = CamStore.read(store_path(cams, image_id), image_id)
        return label(image, store.full(), store.keys)

    return labels_of

"""The measure "CAM+CRF": class activation maps smoothed by a CRF (VWL, IJCV 2022, table 1). No later stage uses it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss.data.dataset import Dataset
from wsss.labelling.dense_crf import DenseCrf
from wsss.labelling.from_cams import labels_from_cams
from wsss.labelling.label_maps import class_labels
from wsss.settings.cam_crf import CamCrfSettings
from wsss.stores.label_images import write_label_shard


def cam_crf_labels(image: np.ndarray, cams: np.ndarray, keys: np.ndarray, settings: CamCrfSettings) -> np.ndarray:
    """Labels, uint8 (H, W), 0 and keys + 1: argmax after a CRF on the softmax of [background_score, cams].

    `image`: uint8 RGB (H, W, 3); `cams`: float32 (n, H, W) in 0..1; `keys`: their class numbers, integers from 0.
    """
    if len(keys) == 0:
        return np.zeros(cams.shape[1:], np.uint8)
    background = np.full((1, *cams.shape[1:]), settings.background_score, np.float32)
    exponentials = np.exp(np.concatenate([background, cams]))
    probabilities = exponentials / exponentials.sum(axis=0)
    crf = DenseCrf(image, len(keys) + 1, settings.crf)
    return class_labels(crf.from_probabilities(probabilities).argmax(axis=0), keys)


def write_cam_crf_shard(
    dataset: Dataset, ids: Sequence[str], cams: Path, settings: CamCrfSettings, folder: Path, manifest: Path
) -> None:
    """Write CAM+CRF labels of `ids` into `folder`/labels, from the stores of the stage folder `cams`."""
    labels_of = labels_from_cams(dataset, cams, lambda image, cam, keys: cam_crf_labels(image, cam, keys, settings))
    write_label_shard(ids, labels_of, folder, manifest, "CAM+CRF labels")

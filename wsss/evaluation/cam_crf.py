"""The measure "CAM+CRF": class activation maps smoothed by a CRF (VWL, IJCV 2022, table 1). No later stage uses it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss.data.dataset import Dataset
from wsss.labelling.from_cams import labels_from_cams
from wsss.labelling.label_maps import scores_for
from wsss.labelling.smoothed_cams import labels_of_smoothed_cams
from wsss.manifests.listed_files import ListedFiles
from wsss.settings.cam_crf import CamCrfSettings
from wsss.stores.label_images import write_label_shard


def cam_crf_labels(image: np.ndarray, cams: np.ndarray, keys: np.ndarray, settings: CamCrfSettings) -> np.ndarray:
    """Labels of the measure "CAM+CRF": argmax after a CRF on the softmax of [background_score, cams].

    Parameters
    ----------
    image : np.ndarray
        The photograph, uint8 RGB (H, W, 3).
    cams : np.ndarray
        CAMs, float32 (n, H, W), in 0..1.
    keys : np.ndarray
        Their class numbers from 0, integers (n,).
    settings : CamCrfSettings
        The background score, and the CRF.

    Returns
    -------
    np.ndarray
        Labels, uint8 (H, W): 0 and keys + 1. With the background score `NO_BACKGROUND`, 0 stands for no class.

    References
    ----------
    VWL table 1.
    """
    return labels_of_smoothed_cams(image, cams, keys, settings.background_score, settings.crf)


def write_cam_crf_shard(
    dataset: Dataset, ids: Sequence[str], cams: ListedFiles, settings: CamCrfSettings, folder: Path, manifest: Path
) -> None:
    """Write CAM+CRF labels of `ids` into `folder`/labels, from the stores `cams`."""
    scores = scores_for(settings, dataset.has_background)
    labels_of = labels_from_cams(dataset, cams, lambda image, cam, keys: cam_crf_labels(image, cam, keys, scores))
    write_label_shard(dataset.values, ids, labels_of, folder, manifest, "CAM+CRF labels")

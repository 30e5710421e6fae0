"""Labels for the pixels that class activation maps are sure of (IRNet, Ahn et al., CVPR 2019)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss.data.dataset import Dataset
from wsss.labelling.from_cams import labels_from_cams
from wsss.labelling.label_maps import scores_for, strongest, sure_labels
from wsss.labelling.smoothing import smoother_of
from wsss.manifests.listed_files import ListedFiles
from wsss.settings.confident_labels import ConfidentLabelSettings
from wsss.stores.label_images import write_label_shard


def confident_labels(
    image: np.ndarray, cams: np.ndarray, keys: np.ndarray, settings: ConfidentLabelSettings
) -> np.ndarray:
    """Labels for the pixels that CAMs are sure of. IRNet is trained on them.

    The argmax against a high background score gives the foreground. The argmax against a low one gives the background.
    Each goes through the CRF, or PAMR in its place. All other pixels are ignored. An image without classes is all
    background. With the background score `NO_BACKGROUND`, only the foreground is labelled.

    Parameters
    ----------
    image : np.ndarray
        The photograph, uint8 RGB (H, W, 3).
    cams : np.ndarray
        CAMs, float32 (n, H, W), in 0..1.
    keys : np.ndarray
        Their class numbers from 0, integers (n,).
    settings : ConfidentLabelSettings
        Both scores, and the CRF.

    Returns
    -------
    np.ndarray
        Labels, uint8 (H, W): 0 background, keys + 1, and 255 for ignored pixels.

    References
    ----------
    Ahn, Cho, Kwak: "Weakly Supervised Learning of Instance Segmentation with Inter-pixel Relations", CVPR 2019.
    """
    smoother = smoother_of(image, len(keys) + 1, settings.crf)
    sure_of_class, sure_of_background = (
        smoother.from_labels(strongest(cams, score), settings.label_probability)
        for score in (settings.foreground_score, settings.background_score)
    )
    return sure_labels(sure_of_class, sure_of_background, keys)


def write_confident_shard(
    dataset: Dataset,
    ids: Sequence[str],
    cams: ListedFiles,
    settings: ConfidentLabelSettings,
    folder: Path,
    manifest: Path,
) -> None:
    """Write confident labels of `ids` into `folder`/labels, from the stores `cams`."""
    scores = scores_for(settings, dataset.has_background)
    labels_of = labels_from_cams(dataset, cams, lambda image, cam, keys: confident_labels(image, cam, keys, scores))
    write_label_shard(dataset.values, ids, labels_of, folder, manifest, "confident labels")

"""Labels from stored scores: the likeliest class of each pixel, without and with a CRF over all classes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from wsss.data.dataset import Dataset
from wsss.data.label_values import LabelValues
from wsss.labelling.smoothing import smoother_of
from wsss.manifests.listed_files import ListedFiles
from wsss.settings.prediction_labels import PredictionLabelSettings
from wsss.stores.label_images import write_label_shard
from wsss.stores.score_store import ScoreStore


def write_plain_shard(dataset: Dataset, ids: Sequence[str], scores: ListedFiles, folder: Path, manifest: Path) -> None:
    """Write the likeliest class of each pixel of `ids` into `folder`/labels, from the stores `scores`."""

    def labels_of(image_id: str) -> np.ndarray:
        return plain_labels(_scores_of(dataset, scores, image_id), dataset.values)

    write_label_shard(dataset.values, ids, labels_of, folder, manifest, "prediction labels")


def write_crf_shard(
    dataset: Dataset,
    ids: Sequence[str],
    scores: ListedFiles,
    settings: PredictionLabelSettings,
    folder: Path,
    manifest: Path,
) -> None:
    """Write labels after a CRF, or PAMR in its place, on the softmax of the scores and the photograph."""

    def labels_of(image_id: str) -> np.ndarray:
        image = np.asarray(dataset.image(image_id))
        smoothed = smoothed_probabilities(_scores_of(dataset, scores, image_id), image, settings)
        return likeliest(smoothed, dataset.values)

    write_label_shard(dataset.values, ids, labels_of, folder, manifest, "prediction labels with CRF")


def scores_of_numbers(scores: ScoreStore, values: LabelValues) -> ScoreStore:
    """The scores of the numbers that a pixel may have. Without a background, the network's first output is left out."""
    return replace(scores, logits=scores.logits[values.first :])


def plain_labels(scores: ScoreStore, values: LabelValues) -> np.ndarray:
    """The number with the highest score at each pixel of the image.

    Parameters
    ----------
    scores : ScoreStore
        The scores of an image, from `scores_of_numbers`.
    values : LabelValues
        The values of the classes.

    Returns
    -------
    np.ndarray
        Class numbers, uint8 (H, W).
    """
    return scores.labels() + np.uint8(values.first)


def smoothed_probabilities(scores: ScoreStore, image: np.ndarray, settings: PredictionLabelSettings) -> np.ndarray:
    """Probabilities after a CRF, or PAMR in its place, on the softmax of the scores and the photograph.

    Parameters
    ----------
    scores : ScoreStore
        The scores of the image, from `scores_of_numbers`.
    image : np.ndarray
        The image, uint8 RGB (H, W, 3).
    settings : PredictionLabelSettings
        The CRF.

    Returns
    -------
    np.ndarray
        float32 (n, H, W) in 0..1.
    """
    probabilities = scores.full()
    return smoother_of(image, len(probabilities), settings.crf).from_probabilities(probabilities)


def likeliest(probabilities: np.ndarray, values: LabelValues) -> np.ndarray:
    """The number with the highest probability at each pixel.

    Parameters
    ----------
    probabilities : np.ndarray
        Probabilities of the numbers that a pixel may have, float (n, H, W).
    values : LabelValues
        The values of the classes.

    Returns
    -------
    np.ndarray
        Class numbers, uint8 (H, W).
    """
    labels: np.ndarray = probabilities.argmax(0).astype(np.uint8)
    return labels + np.uint8(values.first)


def _scores_of(dataset: Dataset, scores: ListedFiles, image_id: str) -> ScoreStore:
    return scores_of_numbers(ScoreStore.listed(scores, image_id), dataset.values)

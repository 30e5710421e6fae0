"""Labels from stored scores: the likeliest class of each pixel, without and with a CRF over all classes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.labelling.smoothing import smoother_of
from wsss.settings.prediction_labels import PredictionLabelSettings
from wsss.stores.image_store import store_path
from wsss.stores.label_images import write_label_shard
from wsss.stores.score_store import ScoreStore


def write_plain_shard(dataset: Dataset, ids: Sequence[str], scores: Path, folder: Path, manifest: Path) -> None:
    """Write the likeliest class of each pixel of `ids` into `folder`/labels, from the stage folder `scores`."""

    def labels_of(image_id: str) -> np.ndarray:
        return _scores_of(dataset, scores, image_id).labels() + np.uint8(dataset.values.first)

    write_label_shard(dataset.values, ids, labels_of, folder, manifest, "prediction labels")


def write_crf_shard(
    dataset: Dataset,
    ids: Sequence[str],
    scores: Path,
    settings: PredictionLabelSettings,
    folder: Path,
    manifest: Path,
) -> None:
    """Write labels after a CRF, or PAMR in its place, on the softmax of the scores and the photograph."""

    def labels_of(image_id: str) -> np.ndarray:
        image = np.asarray(read_image(dataset.image_path(image_id)))
        probabilities = _scores_of(dataset, scores, image_id).full()
        smoother = smoother_of(image, len(probabilities), settings.crf)
        labels: np.ndarray = smoother.from_probabilities(probabilities).argmax(0).astype(np.uint8)
        return labels + np.uint8(dataset.values.first)

    write_label_shard(dataset.values, ids, labels_of, folder, manifest, "prediction labels with CRF")


def _scores_of(dataset: Dataset, scores: Path, image_id: str) -> ScoreStore:
    """The scores of the numbers that a pixel may have. Without a background, the network's first output is left out."""
    store = ScoreStore.read(store_path(scores, image_id), image_id)
    return replace(store, logits=store.logits[dataset.values.first :])

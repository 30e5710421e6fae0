"""Scores of stored CAMs at many background scores."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.evaluation.thresholds import threshold_matrices
from wsss.progress import track
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path


def score_cams(dataset: Dataset, ids: Sequence[str], cams: Path, scores: np.ndarray) -> np.ndarray:
    """Confusion matrices of stored CAMs over all ids, one for each background score.

    Parameters
    ----------
    dataset : Dataset
        The dataset, with its masks.
    ids : Sequence[str]
        The images that are scored.
    cams : Path
        The stage folder of the CAMs.
    scores : np.ndarray
        Background scores, float (t,).

    Returns
    -------
    np.ndarray
        Counts, int64 (t, n + 1, n + 1).

    Raises
    ------
    WsssError
        If CAMs or a mask do not fit. The message names the image.
    """
    classes = len(dataset.classes) + 1
    total = np.zeros((len(scores), classes, classes), np.int64)
    for image_id in track(ids, len(ids), "scoring CAMs"):
        store = CamStore.read(store_path(cams, image_id), image_id)
        try:
            total += threshold_matrices(dataset.truth(image_id), store.full(), store.keys, scores, classes)
        except WsssError as error:
            raise WsssError(f"{image_id}: {error}") from None
    return total

"""Scores of stored CAMs at many background scores."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.evaluation.thresholds import score_range, threshold_matrices
from wsss.files import write_json
from wsss.labelling.label_maps import NO_BACKGROUND, score_to_exceed
from wsss.manifests.listed_files import ListedFiles
from wsss.progress import track
from wsss.settings.cam_curve import CamCurveSettings
from wsss.stores.cam_store import CamStore

# Without a background, labels of CAMs depend on no score. The curve then has one point, at this score.
ONE_POINT = np.zeros(1)


def write_cam_curve(dataset: Dataset, split: str, cams: ListedFiles, settings: CamCurveSettings, path: Path) -> None:
    """Write the confusion matrices of a split's CAMs as JSON.

    `images` is the number of images with masks. `matrices` has one matrix for each of `background_scores`. All are
    zeros if there are no masks.
    """
    ids = dataset.scored_ids(split)
    scores = score_range(*settings.thresholds) if dataset.has_background else ONE_POINT
    matrices = score_cams(dataset, ids, cams, scores)
    write_json(path, {"images": len(ids), "background_scores": scores.tolist(), "matrices": matrices.tolist()})


def score_cams(dataset: Dataset, ids: Sequence[str], cams: ListedFiles, scores: np.ndarray) -> np.ndarray:
    """Confusion matrices of stored CAMs over all ids, one for each background score.

    Without a background the scores are not used: pixels get the strongest class of their image. Where several classes
    have no score, a pixel counts as no class, and the class of the truth misses it.

    Parameters
    ----------
    dataset : Dataset
        The dataset, with its masks.
    ids : Sequence[str]
        The images that are scored.
    cams : ListedFiles
        The stores of the CAMs.
    scores : np.ndarray
        Background scores, float (t,).

    Returns
    -------
    np.ndarray
        Counts, int64 (t, n + 1, n + 1). Zeros without images.

    Raises
    ------
    WsssError
        If CAMs or a mask do not fit. The message names the image.
    """
    classes = len(dataset.classes) + 1
    total = np.zeros((len(scores), classes, classes), np.int64)
    for image_id in track(ids, len(ids), "scoring CAMs"):
        store = CamStore.listed(cams, image_id)
        alone = np.full(len(scores), score_to_exceed(NO_BACKGROUND, len(store.keys)))
        own = scores if dataset.has_background else alone
        try:
            total += threshold_matrices(dataset.truth(image_id), store.full(), store.keys, own, classes)
        except WsssError as error:
            raise WsssError(f"{image_id}: {error}") from None
    return total

"""The background score of CAMs: confusion matrices at many scores, from one pass over an image, and their curve."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from wsss.data.images import IGNORE
from wsss.errors import WsssError
from wsss.evaluation.scores import confusion_matrix, mean_iou, named_iou


class CurvePoint(TypedDict):
    """Scores of CAMs at one background score. IoU is in 0..1, or None for a class that the truth does not contain."""

    background_score: float
    miou: float
    per_class: dict[str, float | None]


def score_range(first: float, last: float, step: float) -> np.ndarray:
    """Background scores first, first + step, ..., `last` included: float64, without accumulated rounding errors."""
    count = int(np.floor((last - first) / step + 1e-6)) + 1
    return np.round(first + step * np.arange(count), 10)


def threshold_matrices(
    truth: np.ndarray, cams: np.ndarray, keys: np.ndarray, scores: np.ndarray, classes: int
) -> np.ndarray:
    """Confusion matrices of an image's CAMs at many background scores, from one pass over the image.

    Parameters
    ----------
    truth : np.ndarray
        uint8 (height, width), 255 ignored.
    cams : np.ndarray
        CAMs, float32 (n, height, width), in 0..1.
    keys : np.ndarray
        Their n distinct class numbers from 0, without the background, integers (n,).
    scores : np.ndarray
        Background scores, float (t,), in any order.
    classes : int
        The number of classes with the background.

    Returns
    -------
    np.ndarray
        Counts, int64 (t, classes, classes), in the order of `scores`.

    Raises
    ------
    WsssError
        If shapes do not fit, or the truth has values that are no class.

    Notes
    -----
    The prediction at a score s is [0, keys + 1][argmax of [s, cams]]. Ties go to the background, then to the first
    class. s is rounded to the dtype of the CAMs, as when labels are made from them.

    A pixel is foreground at exactly the scores below its strongest CAM. The number of these scores is computed once for
    each pixel. Sums over this number give every matrix, so the cost hardly depends on t.
    """
    if cams.shape[1:] != truth.shape or len(cams) != len(keys):
        raise WsssError(f"CAMs of the shape {cams.shape} for {len(keys)} classes do not fit a truth of {truth.shape}")
    if len(keys) == 0:
        empty = confusion_matrix(truth, np.zeros_like(truth), classes)
        return np.repeat(empty[None], len(scores), axis=0)
    order = np.argsort(scores, kind="stable")
    counts = _counts_by_level(truth, cams, scores[order].astype(cams.dtype), classes)
    up_to = counts.cumsum(axis=0)[:-1]
    matrices = np.zeros((len(scores), classes, classes), np.int64)
    matrices[:, :, keys + 1] = counts.sum(axis=0) - up_to
    matrices[:, :, 0] = up_to.sum(axis=2)
    return matrices[np.argsort(order, kind="stable")]


def _counts_by_level(truth: np.ndarray, cams: np.ndarray, scores: np.ndarray, classes: int) -> np.ndarray:
    """Pixels by (number of ascending `scores` below the strongest CAM, truth, strongest CAM): (t + 1, classes, n)."""
    valid = truth != IGNORE
    rows = truth[valid].astype(np.int64)
    if rows.size and rows.max() >= classes:
        raise WsssError(f"the truth holds {rows.max()}; allowed: 0..{classes - 1} and {IGNORE}")
    levels = np.searchsorted(scores, cams.max(axis=0)[valid], side="left")
    shape = (len(scores) + 1, classes, len(cams))
    cells = (levels * classes + rows) * len(cams) + cams.argmax(axis=0)[valid]
    return np.bincount(cells, minlength=int(np.prod(shape))).reshape(shape)


def threshold_curve(
    matrices: np.ndarray, scores: np.ndarray, classes: Sequence[str], has_background: bool = True
) -> list[CurvePoint]:
    """Scores of CAMs at each background score.

    Parameters
    ----------
    matrices : np.ndarray
        Confusion matrices of a whole set, int64 (t, n + 1, n + 1).
    scores : np.ndarray
        Their background scores, float (t,).
    classes : Sequence[str]
        The names of the n classes, without the background.
    has_background : bool
        Whether pixels may belong to no class.

    Returns
    -------
    list[CurvePoint]
        A point for each score, in their order; IoU in 0..1.
    """
    return [
        CurvePoint(
            background_score=float(score),
            miou=mean_iou(matrix),
            per_class=named_iou(matrix, classes, has_background),
        )
        for score, matrix in zip(scores, matrices, strict=True)
    ]


def best(curve: Sequence[CurvePoint]) -> CurvePoint:
    """The point of a curve with the highest mean IoU. Among equal points, the one with the lowest background score.

    Parameters
    ----------
    curve : Sequence[CurvePoint]
        The points, at least one.

    Returns
    -------
    CurvePoint
        The best point.
    """
    return max(curve, key=lambda point: (point["miou"], -point["background_score"]))

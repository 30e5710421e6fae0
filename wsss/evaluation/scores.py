"""Scores of label maps: one confusion matrix over all images, and the scores computed from it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from wsss.data.dataset import Dataset
from wsss.data.images import IGNORE
from wsss.data.label_values import BACKGROUND
from wsss.errors import WsssError
from wsss.manifests.listed_files import ListedFiles
from wsss.progress import track
from wsss.stores.label_images import listed_labels


def confusion_matrix(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Pixel counts: rows are the truth, columns the prediction.

    Parameters
    ----------
    truth : np.ndarray
        uint8 (height, width), 0..classes-1 or 255. Pixels of 255 are not counted.
    prediction : np.ndarray
        uint8 (height, width), 0..classes-1.
    classes : int
        The number of classes with the background.

    Returns
    -------
    np.ndarray
        Counts, int64 (classes, classes).

    Raises
    ------
    WsssError
        For unequal shapes and for other values.
    """
    if truth.shape != prediction.shape:
        raise WsssError(f"the prediction has the shape {prediction.shape}, the truth {truth.shape}; they must agree")
    valid = truth != IGNORE
    rows, columns = truth[valid].astype(np.int64), prediction[valid]
    for what, values in (("truth", rows), ("prediction", columns)):
        if values.size and values.max() >= classes:
            raise WsssError(f"the {what} holds {values.max()} on a pixel that counts; allowed: 0..{classes - 1}")
    counts = np.bincount(rows * classes + columns, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64, copy=False)


def iou_per_class(matrix: np.ndarray) -> np.ndarray:
    """Intersection over union of each class.

    Parameters
    ----------
    matrix : np.ndarray
        A confusion matrix, int64 (classes, classes).

    Returns
    -------
    np.ndarray
        float64 (classes,), in 0..1. NaN for classes that the truth does not contain.
    """
    held = matrix.sum(axis=1)
    hits = np.diagonal(matrix)
    union = held + matrix.sum(axis=0) - hits
    scores: np.ndarray = np.divide(hits, union, out=np.full(len(matrix), np.nan), where=held > 0)
    return scores


def mean_iou(matrix: np.ndarray) -> float:
    """Mean IoU over the classes in the truth, as PASCAL VOC defines it for the matrix of a whole set.

    Parameters
    ----------
    matrix : np.ndarray
        A confusion matrix, int64 (classes, classes).

    Returns
    -------
    float
        The mean, 0..1.

    Raises
    ------
    WsssError
        If the matrix counts no pixel.
    """
    _check_counts(matrix)
    return float(np.nanmean(iou_per_class(matrix)))


def pixel_accuracy(matrix: np.ndarray) -> float:
    """Share of pixels that are predicted correctly.

    Parameters
    ----------
    matrix : np.ndarray
        A confusion matrix, int64 (classes, classes).

    Returns
    -------
    float
        The share, 0..1.

    Raises
    ------
    WsssError
        If the matrix counts no pixel.
    """
    _check_counts(matrix)
    return float(np.trace(matrix) / matrix.sum())


def named_iou(matrix: np.ndarray, classes: Sequence[str], has_background: bool = True) -> dict[str, float | None]:
    """IoU by class name, background first if there is one. None for classes that the truth does not contain.

    `classes` are the names of the n classes, without the background; `matrix` is (n + 1, n + 1). Raises WsssError if
    the names do not fit the matrix or occur twice.
    """
    names = [BACKGROUND, *classes] if has_background else list(classes)
    if len(set(names)) != len(names):
        raise WsssError(f"a class occurs twice in {', '.join(names)}; rename it in data.classes")
    if len(classes) + 1 != len(matrix):
        raise WsssError(f"{len(classes) + 1} classes with the background, but a confusion matrix of {len(matrix)}")
    scores = iou_per_class(matrix)[-len(names) :]
    return {name: None if np.isnan(score) else float(score) for name, score in zip(names, scores, strict=True)}


def score_labels(dataset: Dataset, ids: Sequence[str], labels: ListedFiles, workers: int) -> np.ndarray:
    """Confusion matrix of the label images of a stage over all ids.

    A pixel that is ignored in a label image (255) counts as background, because no object was found there. Without a
    background it counts as no class: it is in the column 0 of the matrix, and the class of the truth misses it.

    Parameters
    ----------
    dataset : Dataset
        The dataset, with its masks.
    ids : Sequence[str]
        The images that are scored.
    labels : ListedFiles
        The label images.
    workers : int
        Threads that read, at least 1.

    Returns
    -------
    np.ndarray
        Counts, int64 (n + 1, n + 1). Zeros without images.

    Raises
    ------
    WsssError
        If a label image is missing, damaged, of another size, or has values that are no class. The message names it.
    """
    classes = len(dataset.classes) + 1

    def score(image_id: str) -> np.ndarray:
        prediction = listed_labels(labels, image_id, dataset.values, dataset.sizes[image_id])
        truth = dataset.truth(image_id)
        prediction = np.where(prediction == IGNORE, 0, prediction)
        try:
            return confusion_matrix(truth, prediction, classes)
        except WsssError as error:
            raise WsssError(f"{labels.path(image_id)}: {error}") from None

    total = np.zeros((classes, classes), np.int64)
    with ThreadPoolExecutor(workers) as pool:
        for matrix in track(pool.map(score, ids), len(ids), "scoring"):
            total += matrix
    return total


def _check_counts(matrix: np.ndarray) -> None:
    if not matrix.any():
        raise WsssError("nothing to score: the masks of these images hold no pixel that is not ignored")

"""`wsss evaluate` and `wsss.evaluate`: scores of label images, as PASCAL VOC defines them.

One confusion matrix counts every pixel of all images that is not 255 in the truth. IoU of a class is the number of
pixels that have it in both, divided by the number of pixels that have it in either. The mean is over the classes in the
truth.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from wsss.commands.class_names import ClassNames, class_names
from wsss.commands.label_pairs import LabelImage, LabelImages, labels_in, pairs_of
from wsss.data.images import IGNORE
from wsss.errors import WsssError
from wsss.evaluation.scores import iou_per_class, mean_iou, pixel_accuracy
from wsss.progress import track

WORKERS = 2


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The scores of predictions. Printed, it is a table.

    Parameters
    ----------
    names : Mapping[int, str]
        The name of each class by its value.
    matrix : np.ndarray
        Pixel counts, int64 (n + 1, n + 1): rows are the truth, columns the prediction. The classes have the order of
        `names`. The last column counts pixels that are predicted as no class.
    images : int
        The number of images.
    ignored : int
        The number of predicted pixels of 255 where the truth is not 255. They count as background if there is one, else
        as no class.
    """

    names: Mapping[int, str]
    matrix: np.ndarray
    images: int
    ignored: int

    @property
    def iou(self) -> dict[str, float | None]:
        """The IoU of each class by its name, in 0..1; None for a class that the truth does not contain."""
        return {one["name"]: one["iou"] for one in self.scores()["classes"]}

    @property
    def miou(self) -> float:
        """The mean IoU of the classes in the truth, in 0..1."""
        return mean_iou(self.matrix)

    @property
    def pixel_accuracy(self) -> float:
        """The share of the counted pixels that are right, in 0..1."""
        return pixel_accuracy(self.matrix)

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def scores(self) -> dict[str, Any]:
        """The scores as plain values.

        Returns
        -------
        dict[str, Any]
            Fractions in 0..1 and counts; an IoU is None for a class that the truth does not contain.
        """
        iou, held = iou_per_class(self.matrix), self.matrix.sum(axis=1)
        classes = [
            {
                "value": value,
                "name": name,
                "iou": None if held[number] == 0 else float(iou[number]),
                "truth_pixels": int(held[number]),
            }
            for number, (value, name) in enumerate(self.names.items())
        ]
        return {
            "miou": self.miou,
            "pixel_accuracy": self.pixel_accuracy,
            "images": self.images,
            "classes_in_truth": int((held > 0).sum()),
            "predicted_255_pixels": self.ignored,
            "classes": classes,
        }

    def lines(self) -> list[str]:
        """The scores as an aligned table.

        Returns
        -------
        list[str]
            Lines.
        """
        scores = self.scores()
        rows = [("value", "class", "IoU %", "pixels in truth")]
        for one in scores["classes"]:
            iou = "–" if one["iou"] is None else f"{100 * one['iou']:.1f}"
            rows.append((str(one["value"]), one["name"], iou, f"{one['truth_pixels']:,}"))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        rows.insert(1, tuple("-" * width for width in widths))  # type: ignore[arg-type]
        table = [
            "  ".join([a.rjust(widths[0]), b.ljust(widths[1]), c.rjust(widths[2]), d.rjust(widths[3])])
            for a, b, c, d in rows
        ]
        table += [
            "",
            f"mIoU            {100 * scores['miou']:.1f}%  over {scores['classes_in_truth']} classes in the truth",
            f"pixel accuracy  {100 * scores['pixel_accuracy']:.1f}%",
            f"images          {self.images}",
        ]
        if self.ignored:
            counted = "background" if 0 in self.names else "no class"
            table.append(f"{self.ignored:,} predicted pixels are 255 (ignored): they count as {counted}")
        return table


def evaluate(
    predictions: LabelImages,
    truth: LabelImages,
    classes: ClassNames | None = None,
    listed: str | Path | None = None,
    ignored: str | Iterable[int] = "",
) -> Evaluation:
    """Score label images against masks.

    Parameters
    ----------
    predictions : LabelImages
        A folder of label images, with folders below, as str or Path. A folder with labels/ and labels.json in it stands
        for its labels/. Or arrays of values 0..255, integers (height, width): one, or several.
    truth : LabelImages
        Masks: a folder, or as many arrays. A mask and its prediction have the same path below their folders, or else
        the same name, without endings. Arrays have the same order.
    classes : ClassNames or None
        A labels.json as str or Path; the names of the values 0, 1, 2 and so on, as a list or with commas between; or a
        mapping from values to names. None: a labels.json in either folder or beside it, else the values in the truth.
    listed : str or Path or None
        A list of images, for folders. Only these are scored.
    ignored : str or Iterable[int]
        Values of the truth that are not counted, besides 255, as a list or with commas between; `other`: all that are
        no class.

    Returns
    -------
    Evaluation
        The scores.

    Raises
    ------
    WsssError
        If a prediction is missing or has another size than its mask, an image cannot be read, a value is no class, or
        the truth holds no pixel that counts.
    """
    predictions = labels_in(Path(predictions)) if isinstance(predictions, str | Path) else predictions
    truth = Path(truth) if isinstance(truth, str) else truth
    folders = [one for one in (predictions, truth) if isinstance(one, Path)]
    names = class_names(classes, [place for folder in folders for place in (folder, folder.parent)])
    left_out = _left_out(ignored, names)
    pairs = pairs_of(predictions, truth, None if listed is None else Path(listed))
    counts = np.zeros((256, 256), np.int64)
    with ThreadPoolExecutor(WORKERS) as pool:
        found = pool.map(partial(_counts, names=names, left_out=left_out), *zip(*pairs, strict=True))
        for one in track(found, len(pairs), "scoring"):
            counts += one
    if not counts.any():
        raise WsssError(
            f"{truth if folders else 'truth'}: nothing to score: the masks hold no pixel that is not ignored (255)"
        )
    known = names or {int(value): str(value) for value in np.flatnonzero(counts.sum(axis=1))}
    return _evaluation(known, counts, len(pairs))


def _evaluation(names: Mapping[int, str], counts: np.ndarray, images: int) -> Evaluation:
    """The counts of the classes alone, from the counts of all values, int64 (256, 256)."""
    ignored = int(counts[:, IGNORE].sum())
    if 0 in names:
        counts[:, 0] += counts[:, IGNORE]
        counts[:, IGNORE] = 0
    values = [*names]
    matrix = np.zeros((len(values) + 1, len(values) + 1), np.int64)
    matrix[:-1, :-1] = counts[np.ix_(values, values)]
    matrix[:-1, -1] = counts[values].sum(axis=1) - matrix[:-1, :-1].sum(axis=1)
    return Evaluation(names, matrix, images, ignored)


def _left_out(ignored: str | Iterable[int], names: Mapping[int, str] | None) -> np.ndarray:
    """Whether each value of the truth is not counted, bool (256,)."""
    left_out = np.zeros(256, bool)
    left_out[IGNORE] = True
    if ignored == "other":
        if names is None:
            raise WsssError("--ignore other: nothing says which values are classes: name them with --classes")
        no_class: np.ndarray = ~np.isin(np.arange(256), [*names])
        return no_class
    given = ignored.split(",") if isinstance(ignored, str) else map(str, ignored)
    values = [value.strip() for value in given if value.strip()]
    if not all(value.isdecimal() and int(value) <= IGNORE for value in values):
        raise WsssError("--ignore: values of 0..255 with commas between, or other")
    left_out[[int(value) for value in values]] = True
    return left_out


def _counts(
    prediction_image: LabelImage, truth_image: LabelImage, names: Mapping[int, str] | None, left_out: np.ndarray
) -> np.ndarray:
    """How often each pair of values occurs, int64 (256, 256), where the truth is not left out."""
    prediction, truth = prediction_image.read(), truth_image.read()
    if prediction.shape != truth.shape:
        raise WsssError(
            f"{prediction_image.name} has {_told(prediction.shape)} pixels and {truth_image.name} has "
            f"{_told(truth.shape)} (height x width): make the prediction at the size of the mask"
        )
    counted = ~left_out[truth]
    pairs = truth[counted].astype(np.int64) * 256 + prediction[counted]
    counts = np.bincount(pairs, minlength=256 * 256).reshape(256, 256)
    if names is not None:
        held_by = ((truth_image, counts.sum(axis=1)), (prediction_image, counts[:, :IGNORE].sum(axis=0)))
        for image, held in held_by:
            strange = [int(value) for value in np.flatnonzero(held) if value not in names]
            if strange:
                raise WsssError(
                    f"{image.name} holds the value {strange[0]}, which is no class: correct --classes or the file, or "
                    "leave out such values of the truth with --ignore other"
                )
    return counts


def _told(shape: Sequence[int]) -> str:
    return f"{shape[0]} x {shape[1]}"

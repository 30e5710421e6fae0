"""The tidy table of a run's scores: one record for each stage and split, as JSON and as CSV."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from wsss.errors import WsssError
from wsss.evaluation.scores import mean_iou, named_iou, pixel_accuracy
from wsss.files import write_csv, write_text
from wsss.settings.comparison import ScoredStage

# The method that smoothed the labels: none, a dense CRF or PAMR.
PostProcessing = Literal["none", "crf", "pamr"]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Record(BaseModel):
    """The score of one stage on one split, with everything that it depends on. Scores are fractions in 0..1."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    stage: ScoredStage
    split: Literal["train", "val"]
    miou: Fraction
    pixel_accuracy: Fraction
    # The number of images that are scored: those that have masks.
    images: int
    # The number of images on the list of what is scored. None in tables of earlier versions.
    listed: int | None = None
    # Background score of the labels, and its source: `config`, or the split on whose masks it was chosen.
    threshold: Fraction | None = None
    threshold_from: str | None = None
    post_processing: PostProcessing = "none"
    # For predictions: what the segmentation network was trained on.
    supervision: Literal["pseudo_labels", "truth"] | None = None
    initialisation: str
    seed: int | None = None
    # IoU by class name, background first if there is one. None for a class that the ground truth does not contain.
    per_class: dict[str, Fraction | None]

    @model_validator(mode="after")
    def _threshold_has_an_origin(self) -> Self:
        if (self.threshold is None) != (self.threshold_from is None):
            raise ValueError("threshold and threshold_from belong together: give both or neither")
        return self


_RECORDS = TypeAdapter(list[Record])


def record(matrix: np.ndarray, classes: Sequence[str], has_background: bool = True, **facts: Any) -> Record:
    """A record from a confusion matrix, int64 (n + 1, n + 1), the names of the n classes and the other fields.

    Raises WsssError if the matrix counts nothing or the names do not fit it.
    """
    scores = {"miou": mean_iou(matrix), "pixel_accuracy": pixel_accuracy(matrix)}
    return Record(**facts, **scores, per_class=named_iou(matrix, classes, has_background))


def write_metrics(records: Sequence[Record], json_path: Path, csv_path: Path) -> None:
    """Write the records as a JSON list, and as CSV: a row for each, IoU in columns `iou_<class>`, empty where None."""
    write_text(json_path, _RECORDS.dump_json(list(records), indent=2).decode() + "\n")
    rows = []
    for item in records:
        cells = item.model_dump()
        cells.update({f"iou_{name}": score for name, score in cells.pop("per_class").items()})
        rows.append(cells)
    write_csv(csv_path, rows, [name for name in Record.model_fields if name != "per_class"])


def read_metrics(path: Path) -> list[Record]:
    """Records of a metrics.json. Raises WsssError if the file is missing or not one."""
    try:
        return _RECORDS.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise WsssError(f"missing metrics: {path}; run the workflow up to its report") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise WsssError(f"{path} is no table of metrics ({key}: {first['msg']}): delete it and run again") from None

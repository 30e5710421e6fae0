"""The table of scores: what is written is what is read, and what is wrong is refused."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from wsss.errors import WsssError
from wsss.evaluation.metrics import Record, read_metrics, record, write_metrics

MATRIX = np.array([[6, 2, 0], [1, 3, 0], [0, 0, 0]], np.int64)
FACTS: dict[str, Any] = {"split": "val", "images": 4, "initialisation": "imagenet", "seed": 0}


def records() -> list[Record]:
    return [
        record(MATRIX, ["zebra", "ant"], stage="cam", threshold=0.14, threshold_from="train", **FACTS),
        record(MATRIX.T, ["zebra", "ant"], stage="prediction_crf", post_processing="crf", **FACTS | {"seed": None}),
    ]


def test_record_holds_scores_and_facts() -> None:
    item = records()[0]
    assert item.miou == pytest.approx((6 / 9 + 3 / 6) / 2)
    assert item.pixel_accuracy == pytest.approx(9 / 12)
    assert item.per_class == {"background": pytest.approx(6 / 9), "zebra": pytest.approx(3 / 6), "ant": None}
    assert (item.stage, item.split, item.images, item.threshold, item.threshold_from) == (
        "cam",
        "val",
        4,
        0.14,
        "train",
    )
    assert item.supervision is None


def test_json_is_read_back_equal_with_classes_in_order(tmp_path: Path) -> None:
    write_metrics(records(), tmp_path / "metrics.json", tmp_path / "metrics.csv")
    read = read_metrics(tmp_path / "metrics.json")
    assert read == records()
    assert list(read[0].per_class) == ["background", "zebra", "ant"]
    plain = json.loads((tmp_path / "metrics.json").read_text())
    assert plain[0]["per_class"]["ant"] is None
    assert 0 <= plain[0]["miou"] <= 1


def test_csv_has_a_row_for_each_record(tmp_path: Path) -> None:
    write_metrics(records(), tmp_path / "metrics.json", tmp_path / "metrics.csv")
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["stage"] for row in rows] == ["cam", "prediction_crf"]
    assert float(rows[0]["iou_zebra"]) == records()[0].per_class["zebra"]
    assert rows[0]["iou_ant"] == rows[1]["seed"] == rows[1]["threshold"] == ""
    assert rows[0]["seed"] == "0"


@pytest.mark.parametrize(
    "wrong",
    [
        {"stage": "cams"},
        {"stage": "cam", "threshold": 0.1},
        {"stage": "cam", "threshold_from": "train"},
        {"stage": "cam", "threshold": 14, "threshold_from": "config"},
        {"stage": "cam", "crf": True},
    ],
)
def test_wrong_facts_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        record(MATRIX, ["zebra", "ant"], **FACTS, **wrong)


def test_empty_matrix_is_refused() -> None:
    with pytest.raises(WsssError, match="nothing to score"):
        record(np.zeros((3, 3), np.int64), ["zebra", "ant"], stage="cam", **FACTS)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '[{"stage": "cam"}]', "[NaN"])
def test_damaged_table_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(WsssError, match=r"metrics\.json"):
        read_metrics(tmp_path / "metrics.json")


def test_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"metrics\.json"):
        read_metrics(tmp_path / "metrics.json")


def test_a_table_without_scores_has_its_columns(tmp_path: Path) -> None:
    write_metrics([], tmp_path / "metrics.json", tmp_path / "metrics.csv")
    assert read_metrics(tmp_path / "metrics.json") == []
    (header,) = (tmp_path / "metrics.csv").read_text().splitlines()
    assert header.split(",")[:3] == ["stage", "split", "miou"]
    assert "per_class" not in header


def test_without_a_background_no_class_of_that_name_is_scored() -> None:
    matrix = np.array([[0, 0, 0], [2, 6, 2], [1, 1, 8]], np.int64)
    item = record(matrix, ["zebra", "background"], has_background=False, stage="prediction", **FACTS)
    assert item.per_class == {"zebra": pytest.approx(6 / 11), "background": pytest.approx(8 / 12)}
    assert item.miou == pytest.approx((6 / 11 + 8 / 12) / 2)

"""What records of a run say of the post-processing and of the network behind a score."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.prepared import prepared
from wsss.data.dataset import Dataset
from wsss.evaluation.collect import collect, curves_of
from wsss.evaluation.metrics import Record
from wsss.settings.config import read_config
from wsss.settings.run import RunSettings

SCRATCH: dict[str, Any] = {"name": "resnet18", "weights": "scratch"}
BASE: dict[str, Any] = {
    "data": {"kind": "synthetic"},
    "classifier": {"backbone": SCRATCH, "seed": 1},
    "segmentation": {"backbone": SCRATCH, "seed": 3},
}
IRNET = {"irnet": {"backbone": {"name": "resnet50", "weights": "imagenet"}, "seed": 2}}
PAMR = {"crf": {"method": "pamr"}}


def run_of(**changes: Any) -> RunSettings:
    return read_config(BASE | changes).runs["default"]


@pytest.fixture
def scores(tmp_path: Path) -> dict[str, Path]:
    """Scores of every stage whose labels are made with fixed settings."""
    stages = ("cam_crf_train", "cam_crf_val", "pseudo_label_train", "prediction_val", "prediction_crf_val")
    for stage in stages:
        (tmp_path / f"{stage}.json").write_text(json.dumps({"images": 4, "matrix": [[9, 1], [2, 8]]}))
    return {stage: tmp_path / f"{stage}.json" for stage in stages}


IMAGES = {"train": ["a", "b", "c"], "train_scored": ["a", "b"], "val": ["d"]}


def collected(run: RunSettings, scores: dict[str, Path], dataset: Dataset | None = None) -> dict[str, Record]:
    dataset = dataset or prepared(next(iter(scores.values())).parent, ["cat"], IMAGES)
    return {f"{found.stage}_{found.split}": found for found in collect(run, dataset, scores)}


def test_a_crf_is_told_where_one_comes_last(scores: dict[str, Path]) -> None:
    found = collected(run_of(**IRNET), scores)
    assert {stage: one.post_processing for stage, one in found.items()} == {
        "cam_crf_train": "crf",
        "cam_crf_val": "crf",
        "pseudo_label_train": "none",
        "prediction_val": "none",
        "prediction_crf_val": "crf",
    }


@pytest.mark.parametrize(("block", "stage"), [("cam_crf", "cam_crf_val"), ("prediction_labels", "prediction_crf_val")])
def test_pamr_is_told_where_it_takes_the_place_of_the_crf(block: str, stage: str, scores: dict[str, Path]) -> None:
    usual, found = collected(run_of(**IRNET), scores), collected(run_of(**IRNET, **{block: PAMR}), scores)
    assert found[stage].post_processing == "pamr"
    changed = {name for name in found if found[name] != usual[name]}
    assert {name.rpartition("_")[0] for name in changed} == {stage.rpartition("_")[0]}


@pytest.mark.parametrize(
    ("method", "post_processing", "threshold"), [("pamr", "pamr", 0.3), ("crf", "crf", 0.3), ("none", "none", 0.3)]
)
def test_labels_without_irnet_have_the_classifiers_start(
    method: str, post_processing: str, threshold: float, scores: dict[str, Path]
) -> None:
    run = run_of(pseudo_labels={"method": method, "background_score": threshold})
    found = collected(run, scores)["pseudo_label_train"]
    assert (found.post_processing, found.threshold, found.threshold_from) == (post_processing, threshold, "config")
    assert (found.initialisation, found.seed) == (run.classifier.backbone.label, 1)
    walked = collected(run_of(**IRNET), scores)["pseudo_label_train"]
    assert (walked.initialisation, walked.seed, walked.threshold) == (IRNET_LABEL, 2, 0.25)


IRNET_LABEL = run_of(**IRNET).irnet.backbone.label  # type: ignore[union-attr]

# Matrices at one background score. Their mIoU is 0.51 and 0.53.
WORSE, BETTER = [[4, 6], [0, 10]], [[9, 1], [5, 5]]


def curves(folder: Path, **matrices: Any) -> dict[str, Path]:
    """Files of the scores of CAMs, by split."""
    for split, own in matrices.items():
        content = {"images": int(bool(np.any(own))), "background_scores": [0.1, 0.2], "matrices": own}
        (folder / f"cam_{split}.json").write_text(json.dumps(content))
    return {f"cam_{split}": folder / f"cam_{split}.json" for split in matrices}


NONE = [[[0, 0], [0, 0]]] * 2


@pytest.mark.parametrize(
    ("train", "val", "expected"),
    [
        ([WORSE, BETTER], [BETTER, WORSE], {"train": (0.2, "train"), "val": (0.2, "train")}),
        ([BETTER, WORSE], NONE, {"train": (0.1, "train")}),
        (NONE, [WORSE, BETTER], {"val": (0.2, "val")}),
        (NONE, NONE, {}),
    ],
)
def test_the_background_score_is_chosen_where_there_are_masks(
    train: Any, val: Any, expected: dict[str, tuple[float, str]], tmp_path: Path
) -> None:
    found = collected(run_of(**IRNET), files := curves(tmp_path, train=train, val=val))
    assert {one.split: (one.threshold, one.threshold_from) for one in found.values()} == expected
    assert list(curves_of(Dataset(tmp_path), files)) == list(expected)


def test_stages_without_a_scored_pixel_have_no_record(scores: dict[str, Path]) -> None:
    scores["prediction_val"].write_text(json.dumps({"images": 0, "matrix": [[0, 0], [0, 0]]}))
    found = collected(run_of(**IRNET), scores)
    assert set(found) == scores.keys() - {"prediction_val"}
    # Four images are scored, whatever is listed.
    assert {(one.split, one.images, one.listed) for one in found.values()} == {("train", 4, 2), ("val", 4, 1)}


def test_without_a_background_no_record_has_its_score(scores: dict[str, Path], tmp_path: Path) -> None:
    dataset = prepared(tmp_path, ["cat", "dog"], IMAGES, has_background=False)
    matrix = [[0, 0, 0], [1, 6, 3], [2, 3, 5]]
    for path in scores.values():
        path.write_text(json.dumps({"images": 4, "matrix": matrix}))
    cam = tmp_path / "cam_train.json"
    cam.write_text(json.dumps({"images": 2, "background_scores": [0.0], "matrices": [matrix]}))
    given = {"foreground_score": 0.4}
    for run, threshold in ((run_of(**IRNET), None), (run_of(**IRNET, pseudo_labels=given), 0.4)):
        found = collected(run, scores | {"cam_train": cam}, dataset)
        assert {name: one.threshold for name, one in found.items() if one.threshold is not None} == (
            {"pseudo_label_train": threshold} if threshold else {}
        )
        for one in found.values():
            assert one.per_class == {"cat": pytest.approx(6 / 13), "dog": pytest.approx(5 / 13)}
            assert one.miou == pytest.approx(11 / 26)
            assert one.pixel_accuracy == pytest.approx(11 / 20)

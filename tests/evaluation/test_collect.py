"""What records of a run say of the post-processing and of the network behind a score."""

import json
from pathlib import Path
from typing import Any

import pytest

from wsss.evaluation.collect import collect
from wsss.evaluation.metrics import Record
from wsss.settings.run import RunSettings, read_config

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


def collected(run: RunSettings, scores: dict[str, Path]) -> dict[str, Record]:
    return {f"{found.stage}_{found.split}": found for found in collect(run, ["cat"], scores)}


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

"""The metrics of one run, from the scores of its stages."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wsss.evaluation.metrics import Record, record
from wsss.evaluation.thresholds import CurvePoint, best, threshold_curve
from wsss.settings.run import RunSettings
from wsss.settings.smoothing import SmoothingSettings


def collect(run: RunSettings, classes: Sequence[str], scores: Mapping[str, Path]) -> list[Record]:
    """The metrics of one run, from the scores of its stages.

    The background score of CAMs is the best one on the masks of train. It is used for val too. No stage trains with it.

    Parameters
    ----------
    run : RunSettings
        The run.
    classes : Sequence[str]
        The names of the n classes, without the background.
    scores : Mapping[str, Path]
        From `<stage>_<split>` to the JSON file of that stage's confusion matrices.

    Returns
    -------
    list[Record]
        A record for each stage and split.
    """
    content = {name: json.loads(path.read_text()) for name, path in scores.items()}
    cam_facts = _facts(run.classifier.backbone.label, run.classifier.seed)
    segmentation_facts = {
        **_facts(run.segmentation.backbone.label, run.segmentation.seed),
        "supervision": run.supervision,
    }
    records = []
    if "cam_train" in content:
        chosen = best(curve_of(content["cam_train"], classes))["background_score"]
        for split in ("train", "val"):
            found = content[f"cam_{split}"]
            matrix = found["matrices"][found["background_scores"].index(chosen)]
            facts = {**cam_facts, "threshold": chosen, "threshold_from": "train"}
            records.append(_record("cam", split, found["images"], matrix, classes, facts))
    fixed: list[tuple[str, str, dict[str, Any]]] = [
        ("cam_crf", "train", _smoothed_cam_facts(run)),
        ("cam_crf", "val", _smoothed_cam_facts(run)),
        ("pseudo_label", "train", _pseudo_label_facts(run)),
        ("prediction", "val", segmentation_facts),
        ("prediction_crf", "val", {**segmentation_facts, "post_processing": _name(run.prediction_labels.crf)}),
    ]
    for stage, split, facts in fixed:
        found = content.get(f"{stage}_{split}")
        if found is not None:
            records.append(_record(stage, split, found["images"], found["matrix"], classes, facts))
    return records


def curve_of(content: Mapping[str, Any], classes: Sequence[str]) -> list[CurvePoint]:
    """The threshold curve of CAMs, from the JSON file of their scores."""
    return threshold_curve(np.array(content["matrices"]), np.array(content["background_scores"]), classes)


def _facts(initialisation: str, seed: int) -> dict[str, Any]:
    return {"initialisation": initialisation, "seed": seed}


def _smoothed_cam_facts(run: RunSettings) -> dict[str, Any]:
    facts = _facts(run.classifier.backbone.label, run.classifier.seed)
    return _from_config(facts, run.cam_crf.background_score, _name(run.cam_crf.crf))


def _pseudo_label_facts(run: RunSettings) -> dict[str, Any]:
    """Facts of the pseudo labels' record. Initial weights and seed are those of the last network they depend on."""
    settings = run.pseudo_labels
    last = run.irnet if run.irnet is not None and "irnet" in settings.needs else run.classifier
    post_processing = settings.method if settings.method in ("crf", "pamr") else "none"
    return _from_config(_facts(last.backbone.label, last.seed), settings.object_score, post_processing)


def _name(smoothing: SmoothingSettings) -> str:
    """The name of the post-processing in records."""
    return "crf" if smoothing.method == "dense_crf" else smoothing.method


def _from_config(facts: dict[str, Any], score: float, post_processing: str) -> dict[str, Any]:
    return {**facts, "threshold": score, "threshold_from": "config", "post_processing": post_processing}


def _record(
    stage: str, split: str, images: int, matrix: Any, classes: Sequence[str], facts: Mapping[str, Any]
) -> Record:
    return record(np.array(matrix, np.int64), classes, stage=stage, split=split, images=images, **facts)

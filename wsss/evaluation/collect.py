"""The metrics of one run, from the scores of its stages."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wsss.data.dataset import Dataset, scored_split
from wsss.evaluation.metrics import Record, record
from wsss.evaluation.thresholds import CurvePoint, best, threshold_curve
from wsss.labelling.label_maps import NO_BACKGROUND, scores_for
from wsss.settings.label_files import LabelFileSettings
from wsss.settings.run import RunSettings
from wsss.settings.smoothing import SmoothingSettings

# Stages whose networks or files scores depend on, in their order.
STAGES = ("classifier", "cams", "irnet", "pseudo_labels", "merged_labels", "segmentation")


def collect(run: RunSettings, dataset: Dataset, scores: Mapping[str, Path]) -> list[Record]:
    """The metrics of one run, from the scores of its stages.

    The background score of CAMs is the best one on the masks of train. It is used for val too. If train has no masks,
    it is the best one on those of val, which gives an upper bound. No stage trains with it.

    Parameters
    ----------
    run : RunSettings
        The run.
    dataset : Dataset
        The dataset that it was made from.
    scores : Mapping[str, Path]
        From `<stage>_<split>` to the JSON file of that stage's confusion matrices.

    Returns
    -------
    list[Record]
        A record for each stage and split. There is none where no pixel could be scored, as without masks.
    """
    content = {name: json.loads(path.read_text()) for name, path in scores.items()}
    supervision = None if run.segmentation.finished else run.supervision
    segmentation_facts = {**_facts(run, "segmentation"), "supervision": supervision}
    smoothed = _smoothed_cam_facts(run, dataset)
    fixed: list[tuple[str, str, dict[str, Any]]] = [
        ("cam_crf", "train", smoothed),
        ("cam_crf", "val", smoothed),
        ("pseudo_label", "train", _pseudo_label_facts(run, dataset)),
        ("merged_label", "train", _facts(run, "merged_labels")),
        ("prediction", "val", segmentation_facts),
        ("prediction_crf", "val", {**segmentation_facts, "post_processing": _name(run.prediction_labels.crf)}),
    ]
    return [
        *_cam_records(run, dataset, content),
        *(
            _record(stage, split, dataset, found["images"], found["matrix"], facts)
            for stage, split, facts in fixed
            if (found := content.get(f"{stage}_{split}")) is not None and np.any(found["matrix"])
        ),
    ]


def curves_of(dataset: Dataset, scores: Mapping[str, Path]) -> dict[str, list[CurvePoint]]:
    """The threshold curves of CAMs by split, from the files of their scores. Splits without a scored pixel have none.

    The background score of a run is the best one of the first curve.
    """
    content = {name: json.loads(path.read_text()) for name, path in scores.items() if name in ("cam_train", "cam_val")}
    return {split: _curve(dataset, found) for split, found in _scored_cams(content).items()}


def _scored_cams(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of the scores of CAMs by split, train first. Splits without a scored pixel are left out."""
    found = {split: content.get(f"cam_{split}") for split in ("train", "val")}
    return {split: scores for split, scores in found.items() if scores is not None and np.any(scores["matrices"])}


def _curve(dataset: Dataset, content: Mapping[str, Any]) -> list[CurvePoint]:
    matrices, scores = np.array(content["matrices"]), np.array(content["background_scores"])
    return threshold_curve(matrices, scores, dataset.classes, dataset.has_background)


def _cam_records(run: RunSettings, dataset: Dataset, content: Mapping[str, Any]) -> list[Record]:
    scored = _scored_cams(content)
    if not scored:
        return []
    first = next(iter(scored))
    chosen = best(_curve(dataset, scored[first]))["background_score"]
    facts = _facts(run, "cams")
    if dataset.has_background:
        facts |= {"threshold": chosen, "threshold_from": first}
    records = []
    for split, found in scored.items():
        matrix = found["matrices"][found["background_scores"].index(chosen)]
        records.append(_record("cam", split, dataset, found["images"], matrix, facts))
    return records


def _facts(run: RunSettings, stage: str) -> dict[str, Any]:
    """Initial weights and seed of the last network that was trained up to a stage, and the user's files up to it."""
    before = STAGES[: STAGES.index(stage) + 1]
    files = {name: file for name, file in run.files_in_place.items() if name in before}
    trained = [getattr(run, name) for name in run.trained if name in before]
    initialisation = [trained[-1].backbone.label] if trained else []
    told = ", ".join([*initialisation, *(f"{name}: {file}" for name, file in files.items())])
    return {"initialisation": told, "seed": trained[-1].seed if trained else None}


def _smoothed_cam_facts(run: RunSettings, dataset: Dataset) -> dict[str, Any]:
    settings = scores_for(run.cam_crf, dataset.has_background)
    return _from_config(_facts(run, "cams"), settings.background_score, _name(settings.crf))


def _pseudo_label_facts(run: RunSettings, dataset: Dataset) -> dict[str, Any]:
    """Facts of the pseudo labels' record. Initial weights and seed are those of the last network they depend on."""
    if isinstance(run.pseudo_labels, LabelFileSettings):
        return _facts(run, "pseudo_labels")
    settings = scores_for(run.pseudo_labels, dataset.has_background)
    post_processing = settings.method if settings.method in ("crf", "pamr") else "none"
    return _from_config(_facts(run, "pseudo_labels"), settings.object_score, post_processing)


def _name(smoothing: SmoothingSettings) -> str:
    """The name of the post-processing in records."""
    return "crf" if smoothing.method == "dense_crf" else smoothing.method


def _from_config(facts: dict[str, Any], score: float, post_processing: str) -> dict[str, Any]:
    threshold = {} if score == NO_BACKGROUND else {"threshold": score, "threshold_from": "config"}
    return {**facts, **threshold, "post_processing": post_processing}


def _record(stage: str, split: str, dataset: Dataset, images: int, matrix: Any, facts: Mapping[str, Any]) -> Record:
    return record(
        np.array(matrix, np.int64),
        dataset.classes,
        dataset.has_background,
        stage=stage,
        split=split,
        images=images,
        listed=len(dataset.ids(scored_split(split))),
        **facts,
    )

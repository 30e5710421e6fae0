"""The configs of PASCAL VOC 2012: each method's settings as published, spelt out, whether by a config or a default."""

from functools import cache
from typing import Any

import pytest
import yaml

from tests.conftest import PROJECT
from wsss.settings.run import RunSettings, read_config

NATIVE = {"caffe_style": False, "input": "native"}
METHODS = ["vwe", "vwl_l", "vwl_m"]
# In the papers and the released code alike, or in the released code where the papers say something else.
CLASSIFIER: dict[str, Any] = {
    "backbone": {"name": "resnet101", "weights": "imagenet", "file_sha256": None, "seed": 0} | NATIVE,
    "pooling": "hybrid",
    "regions": [1, 2, 4],
    "gamma": 2.0,
    "vocabulary": 256,
    "tau": 1.0,
    "decov_weight": 1.0,
    "rho": 0.001,
    "formulation": "released",
    "frozen_stages": 3,
    "long_side": [320, 640],
    "crop": 512,
    "batch": 16,
    "epochs": 6,
    "stop_after_epoch": None,
    "lr": 0.01,
    "lr_heads": 0.1,
    "optimiser": {"momentum": 1e-4, "weight_decay": 1e-4, "power": 0.9, "decay_every": 1},
    "precision": "float32",
    "seed": 0,
}
OWN: dict[str, dict[str, Any]] = {
    "vwe": {"words": "vwe", "backbone": CLASSIFIER["backbone"] | {"name": "resnet50"}},
    "vwl_l": {"words": "vwl_l", "stop_after_epoch": 5},
    "vwl_m": {"words": "vwl_m", "frozen_stages": 1},
}
AS_PRINTED: dict[str, Any] = {
    "formulation": "paper",
    "frozen_stages": 1,
    "stop_after_epoch": None,
    "optimiser": CLASSIFIER["optimiser"] | {"momentum": 0.9},
}
# Background scores of the CAMs in the released codes.
SCORES = {"vwe": 0.14, "vwl_l": 0.13, "vwl_m": 0.13}
SEGMENTATION: dict[str, Any] = {
    "backbone": {"name": "resnet101", "weights": "imagenet", "file_sha256": None, "seed": 0} | NATIVE,
    "output_stride": 8,
    "dilated": True,
    "rates": [6, 12, 18, 24],
    "augment_scales": [0.5, 0.75, 1.0, 1.25, 1.5],
    "crop": 321,
    "input_scales": [1.0, 0.75, 0.5],
    "batch": 10,
    "steps": 20_000,
    "lr": 0.001,
    "lr_head_weights": 0.01,
    "lr_head_biases": 0.02,
    "optimiser": {"momentum": 0.9, "weight_decay": 5e-4, "power": 0.9, "decay_every": 10},
}


@cache
def runs(method: str) -> dict[str, RunSettings]:
    text = (PROJECT / "configs" / f"voc12-{method.replace('_', '-')}.yaml").read_text()
    return read_config(yaml.safe_load(text)).runs


def spelt_out(settings: Any) -> dict[str, Any]:
    return dict(settings.model_dump(mode="json"))


@pytest.mark.parametrize("method", METHODS)
def test_a_classifier_is_trained_as_released(method: str) -> None:
    run = runs(method)["default"]
    assert spelt_out(run.classifier) == CLASSIFIER | OWN[method]
    assert run.data.kind == "voc12"
    assert run.data.lists.train == "train_aug"
    assert run.data.lists.train_scored == "train"


@pytest.mark.parametrize("method", METHODS)
def test_cams_are_of_four_scales_of_the_features_alone(method: str) -> None:
    run = runs(method)["default"]
    assert run.cams.scales == (1.0, 0.5, 1.5, 2.0)
    assert run.cams.branches == "image"
    assert run.cam_crf.background_score == 0.15
    first, last, step = run.evaluation.thresholds
    assert SCORES[method] in [round(first + number * step, 10) for number in range(round((last - first) / step) + 1)]


@pytest.mark.parametrize("method", METHODS)
def test_the_refinement_is_the_official_one(method: str) -> None:
    run = runs(method)["default"]
    assert (run.confident_labels.foreground_score, run.confident_labels.background_score) == (0.30, 0.05)
    assert (run.irnet.backbone.name, run.irnet.backbone.weights) == ("resnet50", "imagenet")
    assert (run.irnet.batch, run.irnet.epochs, run.irnet.radius, run.irnet.lr) == (32, 3, 10, 0.1)
    walk = run.pseudo_labels
    assert (walk.radius, walk.beta, walk.log2_steps, walk.background_score) == (5, 10.0, 8, 0.25)


@pytest.mark.parametrize("method", METHODS)
def test_the_segmentation_network_is_trained_as_published(method: str) -> None:
    ours = spelt_out(runs(method)["default"].segmentation)
    assert {name: ours[name] for name in SEGMENTATION} == SEGMENTATION


@pytest.mark.parametrize("method", METHODS)
def test_a_bound_is_the_same_network_on_the_truth(method: str) -> None:
    default, bound = runs(method)["default"], runs(method)["fully_supervised"]
    assert default.supervision == "pseudo_labels"
    assert bound == default.model_copy(update={"supervision": "truth"})


@pytest.mark.parametrize("method", METHODS)
def test_a_run_follows_the_paper_to_the_letter(method: str) -> None:
    default, paper = runs(method)["default"], runs(method)["paper"]
    assert spelt_out(paper.classifier) == CLASSIFIER | OWN[method] | AS_PRINTED
    assert paper.cams.branches == ("image_and_words" if method == "vwe" else "image")
    later = {"classifier": default.classifier, "cams": default.cams}
    assert paper.model_copy(update=later) == default

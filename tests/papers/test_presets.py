"""The presets: each method's settings as published, spelt out, whether by a config or a default."""

import re
from functools import cache
from typing import Any

import pytest
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights
from typer.testing import CliRunner

from tests.conftest import PROJECT
from wsss.cli import app
from wsss.commands.describe import data_size
from wsss.settings.coco import COCO_CLASSES, Coco14Settings
from wsss.settings.config_file import read_config_file
from wsss.settings.locations import LocationSettings
from wsss.settings.run import RunSettings

NATIVE = {"caffe_style": False, "input": "native"}
PRESETS = ["voc12-vwe", "voc12-vwl-l", "voc12-vwl-m", "coco14-vwl-l", "coco14-vwl-m"]
# In the papers and the released code alike, or in the released code where the papers say something else.
CLASSIFIER: dict[str, Any] = {
    "finished": None,
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
    "objectives": [],
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
SCORES = {"voc12-vwe": 0.14, "voc12-vwl-l": 0.13, "voc12-vwl-m": 0.13}
KERNELS = {"method": "dense_crf", "iterations": 10, "gaussian_weight": 3.0}
CAMS: dict[str, Any] = {
    "cams": {
        "scales": [1.0, 0.5, 1.5, 2.0],
        "method": "plain",
        "mirrors": "max",
        "precision": "float32",
        "store_dtype": "float16",
    },
    "cam_crf": {
        "background_score": 0.15,
        "crf": KERNELS | {"gaussian_sxy": 1.0, "bilateral_sxy": 64.0, "bilateral_srgb": 3.0, "bilateral_weight": 4.0},
    },
}
# IRNet's official settings.
REFINEMENT: dict[str, Any] = {
    "confident_labels": {
        "foreground_score": 0.30,
        "background_score": 0.05,
        "label_probability": 0.7,
        "crf": KERNELS | {"gaussian_sxy": 3.0, "bilateral_sxy": 50.0, "bilateral_srgb": 5.0, "bilateral_weight": 10.0},
    },
    "irnet": {
        "finished": None,
        "backbone": CLASSIFIER["backbone"] | {"name": "resnet50"},
        "scale": [0.5, 1.5],
        "crop": 512,
        "batch": 32,
        "epochs": 3,
        "radius": 10,
        "lr": 0.1,
        "lr_displacement": 1.0,
        "displacement": False,
        "optimiser": {"momentum": 1e-4, "weight_decay": 1e-4, "power": 0.9, "decay_every": 1},
        "precision": "float32",
        "seed": 0,
    },
    "pseudo_labels": {
        "method": "irnet",
        "radius": 5,
        "beta": 10.0,
        "log2_steps": 8,
        "walk": "accelerated",
        "background_score": 0.25,
        "foreground_score": None,
        "pad_to": 512,
        "precision": "float32",
    },
}
SEGMENTATION: dict[str, Any] = {
    "finished": None,
    "backbone": CLASSIFIER["backbone"],
    "output_stride": 8,
    "dilated": True,
    "rates": [6, 12, 18, 24],
    "augment_scales": [0.5, 0.75, 1.0, 1.25, 1.5],
    "crop": 321,
    "input_scales": [1.0, 0.75, 0.5],
    "batch": 10,
    "accumulate": 2,
    "lr": 0.001,
    "lr_head_weights": 0.01,
    "lr_head_biases": 0.02,
    "optimiser": {"momentum": 0.9, "weight_decay": 5e-4, "power": 0.9, "decay_every": 10},
    "precision": "float32",
    "seed": 0,
}
STEPS = {"voc12": 20_000, "coco14": 60_000}
PREDICTION: dict[str, Any] = {
    "prediction": {"scales": [1.0, 0.75, 0.5], "precision": "float32", "store_dtype": "float16"},
    "prediction_labels": {
        "crf": KERNELS | {"gaussian_sxy": 1.0, "bilateral_sxy": 67.0, "bilateral_srgb": 3.0, "bilateral_weight": 4.0},
    },
}
VOC12 = {"train": "train_aug", "train_scored": "train", "val": "val", "test": None}


def method(preset: str) -> str:
    return preset.partition("-")[2].replace("-", "_")


@cache
def runs(preset: str) -> dict[str, RunSettings]:
    return dict(read_config_file(PROJECT / "configs" / f"{preset}.yaml").runs)


def spelt_out(settings: Any) -> dict[str, Any]:
    return dict(settings.model_dump(mode="json"))


def assert_stages(preset: str, wanted: dict[str, Any]) -> None:
    """Every setting of these stages, in the default run."""
    run = spelt_out(runs(preset)["default"])
    assert {stage: run[stage] for stage in wanted} == wanted


@pytest.mark.parametrize("preset", PRESETS)
def test_a_classifier_is_trained_as_released(preset: str) -> None:
    assert_stages(preset, {"classifier": CLASSIFIER | OWN[method(preset)]})


@pytest.mark.parametrize("preset", PRESETS)
def test_images_are_those_of_the_published_lists(preset: str) -> None:
    """The published numbers of images; all classes, with the ids that COCO gives them."""
    run = runs(preset)["default"]
    if preset.startswith("voc12"):
        assert (run.data.kind, run.data.lists.model_dump(), len(run.data.classes)) == ("voc12", VOC12, 20)
        assert data_size(run, LocationSettings()).images == 10_582
        return
    assert run.data == Coco14Settings(kind="coco14")
    names = FasterRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
    assert {name: i for i, name in enumerate(names) if i and name != "N/A"} == COCO_CLASSES
    assert data_size(run, LocationSettings()).classes == 80
    assert data_size(run, LocationSettings()).images == 82_081


@pytest.mark.parametrize("preset", PRESETS)
def test_cams_are_of_four_scales_of_the_features_alone(preset: str) -> None:
    assert_stages(preset, CAMS)


@pytest.mark.parametrize("preset", SCORES)
def test_the_released_background_score_is_tried(preset: str) -> None:
    first, last, step = runs(preset)["default"].cam_curve.thresholds
    tried = [round(first + number * step, 10) for number in range(round((last - first) / step) + 1)]
    assert SCORES[preset] in tried


@pytest.mark.parametrize("preset", PRESETS)
def test_the_refinement_is_the_official_one(preset: str) -> None:
    assert_stages(preset, REFINEMENT)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_segmentation_network_is_trained_as_published(preset: str) -> None:
    assert_stages(preset, {"segmentation": SEGMENTATION | {"steps": STEPS[preset.partition("-")[0]]}} | PREDICTION)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_bound_is_the_same_network_on_the_truth(preset: str) -> None:
    default, bound = runs(preset)["default"], runs(preset)["fully_supervised"]
    assert default.supervision == "pseudo_labels"
    assert bound == default.model_copy(update={"supervision": "truth"})


@pytest.mark.parametrize("preset", PRESETS)
def test_a_run_follows_the_paper_to_the_letter(preset: str) -> None:
    default, paper = runs(preset)["default"], runs(preset)["paper"]
    assert spelt_out(paper.classifier) == CLASSIFIER | OWN[method(preset)] | AS_PRINTED
    assert paper.cams.method == ("image_and_words" if method(preset) == "vwe" else "plain")
    later = {"classifier": default.classifier, "cams": default.cams}
    assert paper.model_copy(update=later) == default


@pytest.mark.parametrize("preset", PRESETS)
def test_a_reader_without_the_data_is_told_parameters_steps_and_rates(preset: str) -> None:
    told = CliRunner().invoke(app, ["describe", str(PROJECT / "configs" / f"{preset}.yaml")]).output
    _, *stages = re.split(r"^  (?=\w+: )", told[: told.index("run fully_supervised")], flags=re.MULTILINE)
    assert [stage.partition(":")[0] for stage in stages] == ["classifier", "irnet", "segmentation"]
    for stage in stages:
        assert re.search(r"^    parameters [\d,]{9,}, trained [\d,]{7,}$", stage, re.MULTILINE)
        assert len(re.findall(r"^ +[\d,]+(?: +0?\.?\d\S*)+$", stage, re.MULTILINE)) == 5
    epoch, affinity = (661, 330) if preset.startswith("voc12") else (5130, 2565)
    epochs = OWN[method(preset)].get("stop_after_epoch", 6)
    assert f", {epochs * epoch:,} steps" in stages[0]
    assert f", {3 * affinity:,} steps" in stages[1]

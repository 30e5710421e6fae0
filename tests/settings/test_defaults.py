"""Defaults of every class of settings. A change of a default moves artifacts, so it must be intended."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from wsss.settings.backbone import BackboneSettings
from wsss.settings.base import Settings
from wsss.settings.cam_crf import CamCrfSettings
from wsss.settings.cam_curve import CamCurveSettings
from wsss.settings.cam_files import CamFileSettings
from wsss.settings.cams import CamPart, ImageAndWordsSettings, PlainCamSettings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.coco import Coco14Settings, CocoSettings
from wsss.settings.comparison import ComparisonSettings, PublishedSettings
from wsss.settings.confident_labels import ConfidentLabelSettings
from wsss.settings.config import MachineSettings, NamedRuns
from wsss.settings.crf import CrfSettings
from wsss.settings.data import (
    FolderSettings,
    ListedSettings,
    ListSettings,
    PhotographSettings,
    SyntheticSettings,
    Voc12Settings,
)
from wsss.settings.dataset import DatasetSettings
from wsss.settings.finished import TrainedPart
from wsss.settings.irnet import IrnetSettings
from wsss.settings.label_files import LabelFileSettings
from wsss.settings.locations import LocationSettings
from wsss.settings.merged_labels import MergedLabelSettings
from wsss.settings.objectives import ObjectivePart, RecamSettings, SecondStagePart
from wsss.settings.own_images import ImagesSettings, OwnListSettings
from wsss.settings.pamr import PamrSettings
from wsss.settings.prediction import PredictionSettings
from wsss.settings.prediction_labels import PredictionLabelSettings
from wsss.settings.pseudo_labels import (
    CrfLabelSettings,
    IrnetWalkSettings,
    PamrLabelSettings,
    PlainLabelSettings,
    RefinementPart,
    TwoScorePart,
)
from wsss.settings.report import ReportSettings
from wsss.settings.run import RunSettings
from wsss.settings.segmentation import SegmentationSettings
from wsss.settings.training import OptimiserSettings

REQUIRED = "(no default)"
RELEASED_SGD = {"momentum": 1e-4, "weight_decay": 1e-4, "power": 0.9, "decay_every": 1}
PHOTOGRAPHS = {"max_pixels": 2_000_000, "on_bad_image": "stop"}
PLACES: dict[str, Any] = {
    "dataset": None,
    "lists": None,
    "archives": "downloads",
    "backbones": {},
    "cams": {},
    "pseudo_labels": {},
    "merged_labels": {},
    "classifier": {},
    "irnet": {},
    "segmentation": {},
}
CRF = {"method": "dense_crf", "iterations": 10, "gaussian_weight": 3.0}
CAM_CRF = CRF | {"gaussian_sxy": 1, "bilateral_sxy": 64, "bilateral_srgb": 3, "bilateral_weight": 4}
CONFIDENT_CRF = CRF | {"gaussian_sxy": 3, "bilateral_sxy": 50, "bilateral_srgb": 5, "bilateral_weight": 10}
PREDICTION_CRF = CRF | {"gaussian_sxy": 1, "bilateral_sxy": 67, "bilateral_srgb": 3, "bilateral_weight": 4}
PAMR = {
    "method": "pamr",
    "dilations": [1, 2, 4, 8, 12, 24],
    "iterations": 10,
    "colour_tolerance": 0.1,
    "stride": 1,
}
CAM_FRAME = {
    "scales": [1.0, 0.5, 1.5, 2.0],
    "precision": "float32",
    "store_dtype": "float16",
    "mirrors": "max",
}
VOC = {
    "aeroplane": 1,
    "bicycle": 2,
    "bird": 3,
    "boat": 4,
    "bottle": 5,
    "bus": 6,
    "car": 7,
    "cat": 8,
    "chair": 9,
    "cow": 10,
    "diningtable": 11,
    "dog": 12,
    "horse": 13,
    "motorbike": 14,
    "person": 15,
    "pottedplant": 16,
    "sheep": 17,
    "sofa": 18,
    "train": 19,
    "tvmonitor": 20,
}

# A path's hash covers what differs from these. Changing one gives an old path another meaning: artifacts that were
# made with the old value would be taken for those of the new one. Add an option beside them instead.
DEFAULTS: dict[type[Settings], dict[str, Any]] = {
    BackboneSettings: {
        "name": REQUIRED,
        "weights": REQUIRED,
        "file_sha256": None,
        "seed": 0,
        "caffe_style": False,
        "input": "native",
    },
    OptimiserSettings: {"momentum": REQUIRED, "weight_decay": REQUIRED, "power": 0.9, "decay_every": 1},
    CrfSettings: CRF
    | {"gaussian_sxy": REQUIRED, "bilateral_sxy": REQUIRED, "bilateral_srgb": REQUIRED, "bilateral_weight": REQUIRED},
    PamrSettings: {
        "method": "pamr",
        "dilations": [1, 2, 4, 8, 12, 24],
        "iterations": 10,
        "colour_tolerance": 0.1,
        "stride": 1,
    },
    CamFileSettings: {
        "method": REQUIRED,
        "name": REQUIRED,
        "format": REQUIRED,
        "splits": ["train", "val"],
        "array": "",
        "numbers": "from_0",
        "divide_by": "nothing",
        "store_dtype": "float16",
    },
    ListSettings: {"train": "train", "train_scored": "train", "val": "val", "test": None},
    SyntheticSettings: {
        "kind": REQUIRED,
        "name": "synthetic",
        "seed": 0,
        "train_images": 240,
        "val_images": 60,
        "image_size": 160,
        "classes": 8,
        "max_objects": 4,
        "background_bias": 0.4,
        "body_cue": 0.8,
    },
    DatasetSettings: {"kind": REQUIRED, "name": REQUIRED},
    PhotographSettings: {**PHOTOGRAPHS, "kind": REQUIRED, "name": REQUIRED},
    ListedSettings: {
        **PHOTOGRAPHS,
        "kind": REQUIRED,
        "name": REQUIRED,
        "lists": {"train": "train", "train_scored": "train", "val": "val", "test": None},
    },
    Voc12Settings: {
        **PHOTOGRAPHS,
        "kind": REQUIRED,
        "name": "voc12",
        "lists": {"train": "train_aug", "train_scored": "train", "val": "val", "test": None},
        "classes": VOC,
    },
    OwnListSettings: {"train": None, "val": None, "test": None},
    ImagesSettings: {
        **PHOTOGRAPHS,
        "kind": REQUIRED,
        "name": REQUIRED,
        "labels": "",
        "classes": None,
        "ignored_classes": {},
        "lists": {"train": None, "val": None, "test": None},
        "split_column": None,
        "holdout": 0.0,
        "seed": 0,
        "masks": None,
        "background": "first",
    },
    FolderSettings: {
        **PHOTOGRAPHS,
        "kind": REQUIRED,
        "name": REQUIRED,
        "classes": REQUIRED,
        "ignored_classes": {},
        "background": "first",
        "lists": {"train": "train", "train_scored": "train", "val": "val", "test": None},
    },
    Coco14Settings: {
        **PHOTOGRAPHS,
        "kind": REQUIRED,
        "name": "coco14",
        "classes": None,
        "crowd": "ignore",
        "unannotated": "leave_out",
    },
    CocoSettings: {
        **PHOTOGRAPHS,
        "kind": REQUIRED,
        "name": REQUIRED,
        "train": REQUIRED,
        "val": None,
        "train_images": None,
        "val_images": None,
        "holdout": None,
        "seed": 0,
        "classes": None,
        "masks": True,
        "crowd": "ignore",
        "unannotated": "leave_out",
    },
    ClassifierSettings: {
        "finished": None,
        "backbone": REQUIRED,
        "formulation": "released",
        "pooling": "hybrid",
        "regions": [1, 2, 4],
        "gamma": 2.0,
        "words": "vwl_l",
        "vocabulary": 256,
        "tau": 1.0,
        "decov_weight": 1.0,
        "rho": 0.001,
        "frozen_stages": 3,
        "long_side": [320, 640],
        "crop": 512,
        "batch": 16,
        "epochs": 6,
        "stop_after_epoch": None,
        "lr": 0.01,
        "lr_heads": 0.1,
        "optimiser": RELEASED_SGD,
        "precision": "float32",
        "seed": 0,
        "objectives": [],
    },
    ObjectivePart: {"method": REQUIRED},
    SecondStagePart: {"method": REQUIRED, "epochs": REQUIRED, "lr": REQUIRED, "lr_heads": REQUIRED},
    RecamSettings: {
        "method": REQUIRED,
        "weight": 1.0,
        "epochs": 4,
        "lr": 5e-5,
        "lr_heads": 5e-4,
        "maps": "product",
    },
    CamPart: {"method": REQUIRED} | CAM_FRAME,
    PlainCamSettings: {"method": "plain"} | CAM_FRAME,
    ImageAndWordsSettings: {"method": REQUIRED} | CAM_FRAME,
    TrainedPart: {"finished": None},
    CamCrfSettings: {"background_score": 0.15, "crf": CAM_CRF},
    CamCurveSettings: {"thresholds": [0.02, 0.6, 0.02]},
    ReportSettings: {"panels": 8, "masks": False, "recovery": False},
    ConfidentLabelSettings: {
        "foreground_score": 0.3,
        "background_score": 0.05,
        "label_probability": 0.7,
        "crf": CONFIDENT_CRF,
    },
    IrnetSettings: {
        "finished": None,
        "backbone": REQUIRED,
        "scale": [0.5, 1.5],
        "crop": 512,
        "batch": 32,
        "epochs": 3,
        "radius": 10,
        "lr": 0.1,
        "optimiser": RELEASED_SGD,
        "precision": "float32",
        "seed": 0,
        "displacement": False,
        "lr_displacement": 1.0,
    },
    RefinementPart: {"method": REQUIRED, "background_score": 0.15},
    TwoScorePart: {"method": REQUIRED, "background_score": 0.15, "foreground_score": None},
    IrnetWalkSettings: {
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
    PamrLabelSettings: {"method": REQUIRED, "pamr": PAMR, "background_score": 0.15, "foreground_score": None},
    CrfLabelSettings: {"method": REQUIRED, "background_score": 0.15, "crf": CAM_CRF},
    PlainLabelSettings: {"method": REQUIRED, "background_score": 0.15, "foreground_score": None},
    MergedLabelSettings: {"name": REQUIRED, "format": REQUIRED, "inside": 0.5, "covered": 0.85},
    LabelFileSettings: {"method": REQUIRED, "name": REQUIRED, "values": "config"},
    SegmentationSettings: {
        "finished": None,
        "backbone": REQUIRED,
        "output_stride": 8,
        "dilated": True,
        "rates": [6, 12, 18, 24],
        "augment_scales": [0.5, 0.75, 1.0, 1.25, 1.5],
        "crop": 321,
        "input_scales": [1.0, 0.75, 0.5],
        "batch": 10,
        "accumulate": 2,
        "steps": 20_000,
        "lr": 2.5e-4,
        "lr_head_weights": 2.5e-3,
        "lr_head_biases": 5e-3,
        "optimiser": {"momentum": 0.9, "weight_decay": 5e-4, "power": 0.9, "decay_every": 10},
        "precision": "float32",
        "seed": 0,
    },
    PredictionSettings: {"scales": [1.0, 0.75, 0.5], "precision": "float32", "store_dtype": "float16"},
    PredictionLabelSettings: {"crf": PREDICTION_CRF},
    LocationSettings: PLACES,
    MachineSettings: {
        "locations": PLACES,
        "shards": 1,
        "targets": ["default"],
    },
    ComparisonSettings: {"stage": "cam", "seeds": [0, 1, 2], "rows": REQUIRED, "published": None, "words": False},
    PublishedSettings: {"source": REQUIRED, "stage": REQUIRED, "backbone": REQUIRED, "rows": REQUIRED},
    NamedRuns: {"runs": {}, "comparisons": {}},
}
# A run's stages are frozen above, one by one.
STAGES = {
    "data": REQUIRED,
    "classifier": None,
    "cams": PlainCamSettings,
    "cam_crf": CamCrfSettings,
    "confident_labels": ConfidentLabelSettings,
    "irnet": None,
    "pseudo_labels": IrnetWalkSettings,
    "merged_labels": None,
    "supervision": "pseudo_labels",
    "segmentation": REQUIRED,
    "prediction": PredictionSettings,
    "prediction_labels": PredictionLabelSettings,
    "cam_curve": CamCurveSettings,
    "report": ReportSettings,
}


def default_of(model: type[BaseModel], name: str) -> Any:
    field = model.model_fields[name]
    if field.is_required():
        return REQUIRED
    value = field.get_default(call_default_factory=True)
    return json.loads(json.dumps(value.model_dump(mode="json") if isinstance(value, BaseModel) else value))


@pytest.mark.parametrize("model", list(DEFAULTS), ids=lambda model: model.__name__)
def test_defaults_are_frozen(model: type[Settings]) -> None:
    assert {name: default_of(model, name) for name in model.model_fields} == DEFAULTS[model]


def below(model: type[Settings]) -> set[type[Settings]]:
    """The classes that inherit from one, at any depth."""
    own = set(model.__subclasses__())
    return own.union(*(below(one) for one in own))


def test_every_class_of_settings_is_frozen_here() -> None:
    assert {model for model in below(Settings) if model.__module__.startswith("wsss.")} == {*DEFAULTS, RunSettings}


def test_stages_of_a_run_have_the_defaults_of_their_own() -> None:
    wanted = {
        name: stage().model_dump(mode="json") if isinstance(stage, type) else stage for name, stage in STAGES.items()
    }
    assert {name: default_of(RunSettings, name) for name in RunSettings.model_fields} == wanted

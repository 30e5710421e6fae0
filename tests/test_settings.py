"""Settings: frozen defaults, keys that only differences enter, and messages that tell key, value and what may be."""

import itertools
import json
import re
from typing import Any

import pytest
from pydantic import BaseModel

from wsss.errors import WsssError
from wsss.settings.backbone import BackboneSettings
from wsss.settings.base import Settings
from wsss.settings.cams import CamSettings
from wsss.settings.classification import ClassifierSettings
from wsss.settings.comparison import ComparisonSettings, PublishedSettings
from wsss.settings.crf import CrfSettings
from wsss.settings.data import FolderSettings, ListSettings, SyntheticSettings, Voc12Settings
from wsss.settings.evaluation import CamCrfSettings, EvaluationSettings, ReportSettings
from wsss.settings.optimisation import OptimiserSettings
from wsss.settings.refinement import ConfidentLabelSettings, IrnetSettings, PseudoLabelSettings
from wsss.settings.run import (
    Comparison,
    LocationSettings,
    MachineSettings,
    NamedRuns,
    RunSettings,
    merge,
    read_config,
)
from wsss.settings.segmentation import PredictionLabelSettings, PredictionSettings, SegmentationSettings

REQUIRED = "(no default)"
RELEASED_SGD = {"momentum": 1e-4, "weight_decay": 1e-4, "power": 0.9, "decay_every": 1}
CRF = {"iterations": 10, "gaussian_weight": 3.0}
CAM_CRF = CRF | {"gaussian_sxy": 1, "bilateral_sxy": 64, "bilateral_srgb": 3, "bilateral_weight": 4}
CONFIDENT_CRF = CRF | {"gaussian_sxy": 3, "bilateral_sxy": 50, "bilateral_srgb": 5, "bilateral_weight": 10}
PREDICTION_CRF = CRF | {"gaussian_sxy": 1, "bilateral_sxy": 67, "bilateral_srgb": 3, "bilateral_weight": 4}
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
    ListSettings: {"train": "train", "train_scored": "train", "val": "val"},
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
    Voc12Settings: {
        "kind": REQUIRED,
        "name": "voc12",
        "lists": {"train": "train_aug", "train_scored": "train", "val": "val"},
        "classes": VOC,
    },
    FolderSettings: {
        "kind": REQUIRED,
        "name": REQUIRED,
        "classes": REQUIRED,
        "ignored_classes": {},
        "lists": {"train": "train", "train_scored": "train", "val": "val"},
    },
    ClassifierSettings: {
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
    },
    CamSettings: {
        "scales": [1.0, 0.5, 1.5, 2.0],
        "precision": "float32",
        "store_dtype": "float16",
        "branches": "image",
    },
    CamCrfSettings: {"background_score": 0.15, "crf": CAM_CRF},
    EvaluationSettings: {"thresholds": [0.02, 0.6, 0.02]},
    ReportSettings: {"panels": 8, "recovery": False},
    ConfidentLabelSettings: {
        "foreground_score": 0.3,
        "background_score": 0.05,
        "label_probability": 0.7,
        "crf": CONFIDENT_CRF,
    },
    IrnetSettings: {
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
    PseudoLabelSettings: {
        "radius": 5,
        "beta": 10.0,
        "log2_steps": 8,
        "walk": "accelerated",
        "background_score": 0.25,
        "foreground_score": None,
        "pad_to": 512,
        "precision": "float32",
    },
    SegmentationSettings: {
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
    LocationSettings: {"dataset": None, "archives": "downloads", "backbones": {}},
    MachineSettings: {
        "locations": {"dataset": None, "archives": "downloads", "backbones": {}},
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
    "classifier": REQUIRED,
    "cams": CamSettings,
    "cam_crf": CamCrfSettings,
    "confident_labels": ConfidentLabelSettings,
    "irnet": REQUIRED,
    "pseudo_labels": PseudoLabelSettings,
    "supervision": "pseudo_labels",
    "segmentation": REQUIRED,
    "prediction": PredictionSettings,
    "prediction_labels": PredictionLabelSettings,
    "evaluation": EvaluationSettings,
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


def test_every_class_of_settings_is_frozen_here() -> None:
    frozen = {*DEFAULTS, RunSettings}
    assert {model for model in Settings.__subclasses__() if model.__module__.startswith("wsss.")} == frozen
    assert not [model for found in frozen for model in found.__subclasses__()]


def test_stages_of_a_run_have_the_defaults_of_their_own() -> None:
    wanted = {
        name: stage().model_dump(mode="json") if isinstance(stage, type) else stage for name, stage in STAGES.items()
    }
    assert {name: default_of(RunSettings, name) for name in RunSettings.model_fields} == wanted


BACKBONE: dict[str, Any] = {"name": "resnet50", "weights": "imagenet"}


def classifier(**changes: Any) -> ClassifierSettings:
    return ClassifierSettings.read("classifier", {"backbone": BACKBONE} | changes)


def test_options_at_their_defaults_do_not_enter_the_key() -> None:
    assert classifier().key() == '{"backbone": {"name": "resnet50", "weights": "imagenet"}}'
    spelt_out = {name: value for name, value in DEFAULTS[ClassifierSettings].items() if value != REQUIRED}
    assert classifier(**spelt_out).key() == classifier().key()
    assert classifier(gamma=2, optimiser=RELEASED_SGD, backbone=BACKBONE | {"seed": 0}).key() == classifier().key()


def test_what_differs_enters_the_key_with_keys_sorted() -> None:
    ours = classifier(tau=0.8, regions=[1, 2], optimiser={"momentum": 0.9, "weight_decay": 1e-4}, batch=8)
    assert ours.key() == json.dumps(
        {
            "backbone": BACKBONE,
            "batch": 8,
            "optimiser": {"momentum": 0.9, "weight_decay": 1e-4},
            "regions": [1, 2],
            "tau": 0.8,
        }
    )
    assert classifier(batch=8, tau=0.8).key() == classifier(tau=0.8, batch=8).key()


def test_a_part_of_a_stage_has_one_key_for_each_value() -> None:
    """The same class has other defaults here than of its own; neither of them may stand for the other."""
    sgd = {"momentum": 0.9, "weight_decay": 5e-4}
    every = [
        SegmentationSettings.read("segmentation", {"backbone": BACKBONE, "optimiser": sgd | {"decay_every": steps}})
        for steps in (1, 10)
    ]
    assert every[1].key() == SegmentationSettings.read("segmentation", {"backbone": BACKBONE}).key()
    assert every[0].key() == json.dumps({"backbone": BACKBONE, "optimiser": sgd})


def test_each_option_moves_the_key() -> None:
    changes: dict[str, Any] = {
        "backbone": BACKBONE | {"seed": 1},
        "pooling": "gap",
        "regions": (1, 2),
        "gamma": 1.0,
        "words": "vwe",
        "vocabulary": 128,
        "tau": 0.8,
        "decov_weight": 0.5,
        "formulation": "paper",
        "frozen_stages": 0,
        "long_side": (320, 641),
        "crop": 448,
        "batch": 8,
        "epochs": 5,
        "stop_after_epoch": 6,
        "lr": 0.02,
        "lr_heads": 0.2,
        "optimiser": {"momentum": 0.9, "weight_decay": 1e-4},
        "precision": "bfloat16",
        "seed": 1,
    }
    # It acts on one of the methods alone.
    assert classifier(words="vwl_m", rho=0.01).key() != classifier(words="vwl_m").key()
    assert {*changes, "rho"} == set(ClassifierSettings.model_fields)
    keys = {classifier(**{name: value}).key() for name, value in changes.items()}
    assert len(keys | {classifier().key()}) == len(changes) + 1


def test_complete_settings_come_back_as_they_were() -> None:
    ours = classifier(tau=0.8, long_side=[100, 200])
    assert set(json.loads(ours.complete())) == set(ClassifierSettings.model_fields)
    assert ClassifierSettings.model_validate_json(ours.complete()) == ours
    assert list(json.loads(ours.complete())) == sorted(ClassifierSettings.model_fields)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        classifier().batch = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "vwl_l"),
        ({"words": "none"}, "hybrid"),
        ({"words": "none", "pooling": "gap"}, "gap"),
        ({"words": "vwe", "pooling": "gap"}, "vwe_gap"),
        ({"words": "vwl_m", "pooling": "gmp"}, "vwl_m_gmp"),
        ({"words": "none", "pooling": "gmp"}, "gmp"),
        ({"formulation": "paper"}, "vwl_l_paper"),
        ({"words": "none", "formulation": "paper"}, "hybrid_paper"),
    ],
)
def test_labels_name_the_method(changes: dict[str, Any], label: str) -> None:
    assert classifier(**changes).label == label


def test_every_method_has_a_label_of_its_own_that_is_a_name_of_a_folder() -> None:
    methods = itertools.product(("none", "vwe", "vwl_l", "vwl_m"), ("gap", "gmp", "hybrid"), ("released", "paper"))
    labels = [
        classifier(words=words, pooling=pooling, formulation=reading).label for words, pooling, reading in methods
    ]
    assert len(set(labels)) == len(labels) == 24
    assert all(re.fullmatch("[a-z_]+", label) for label in labels)


CRF_OF_OWN = {"gaussian_sxy": 1, "bilateral_sxy": 1, "bilateral_srgb": 1, "bilateral_weight": 1}
FOLDER: dict[str, Any] = {"kind": "folder", "name": "mine", "classes": {"cat": 1, "dog": 2}}


@pytest.mark.parametrize(
    ("model", "values", "parts"),
    [
        (CamSettings, {"scale": [1]}, ["unknown key x.scale", "allowed here: scales, precision, store_dtype"]),
        (CamSettings, {"scales": []}, ["x.scales = []", "at least 1 item"]),
        (CamSettings, {"scales": [1, 0]}, ["x.scales.1 = 0", "greater than 0"]),
        (CamSettings, {"scales": [1, float("inf")]}, ["x.scales.1 = inf", "finite"]),
        (CamSettings, {"store_dtype": "int8"}, ["x.store_dtype = 'int8'", "'float16' or 'float32'"]),
        (BackboneSettings, {"name": "vgg16", "weights": "scratch"}, ["x.name = 'vgg16'", "resnet50"]),
        (BackboneSettings, {"name": "resnet50"}, ["x.weights is missing"]),
        (BackboneSettings, BACKBONE | {"seed": -1}, ["x.seed = -1", "greater than or equal to 0"]),
        (BackboneSettings, BACKBONE | {"file_sha256": "abc"}, ["x.file_sha256 = 'abc'", "pattern"]),
        (
            BackboneSettings,
            {"name": "resnet18", "weights": "scratch", "caffe_style": True},
            ["x: caffe_style: resnet18 has no bottleneck blocks", "resnet50 and resnet101"],
        ),
        (BackboneSettings, BACKBONE | {"caffe_style": True}, ["weights: imagenet were trained without caffe_style"]),
        (BackboneSettings, BACKBONE | {"input": "caffe"}, ["on native input; use weights: file"]),
        (
            ClassifierSettings,
            {"backbone": BACKBONE | {"sed": 1}},
            ["x.backbone.sed", "name, weights, file_sha256, seed"],
        ),
        (ClassifierSettings, {"backbone": BACKBONE, "batch": "many"}, ["x.batch = 'many'", "valid integer"]),
        (ClassifierSettings, {"backbone": BACKBONE, "batch": 2.5}, ["x.batch = 2.5", "valid integer"]),
        (ClassifierSettings, {"backbone": BACKBONE, "lr": 0}, ["x.lr = 0", "greater than 0"]),
        (ClassifierSettings, {"backbone": BACKBONE, "long_side": [600, 500]}, ["long_side: 600 is above 500"]),
        (ClassifierSettings, {"backbone": BACKBONE, "stop_after_epoch": 7}, ["stop_after_epoch 7 is beyond the 6"]),
        (
            ClassifierSettings,
            {"backbone": BACKBONE, "words": "vwe", "tau": 0.8},
            ["tau and decov_weight", "words is vwe"],
        ),
        (
            ClassifierSettings,
            {"backbone": BACKBONE, "words": "vwl_m", "tau": 0.8},
            ["tau and decov_weight", "words is vwl_m"],
        ),
        (ClassifierSettings, {"backbone": BACKBONE, "rho": 0.01}, ["rho acts on words: vwl_m only", "words is vwl_l"]),
        (ClassifierSettings, {"backbone": BACKBONE, "words": "vwl_m", "rho": 0}, ["x.rho = 0", "greater than 0"]),
        (CamSettings, {"branches": "words"}, ["x.branches = 'words'", "'image' or 'image_and_words'"]),
        (
            ClassifierSettings,
            {"backbone": BACKBONE, "frozen_stages": 6},
            ["x.frozen_stages = 6", "less than or equal to 5"],
        ),
        (ConfidentLabelSettings, {"foreground_score": 0.01}, ["foreground_score must not be below background_score"]),
        (ConfidentLabelSettings, {"label_probability": 0.5}, ["x.label_probability = 0.5", "greater than 0.5"]),
        (ConfidentLabelSettings, {"crf": CRF_OF_OWN | {"x": 1}}, ["unknown key x.crf.x", "gaussian_sxy"]),
        (IrnetSettings, {"backbone": BACKBONE, "crop": 250}, ["crop: 250 is no multiple of 16"]),
        (IrnetSettings, {"backbone": BACKBONE, "crop": 80}, ["crop: 80 is too small for a radius of 10"]),
        (IrnetSettings, {"backbone": BACKBONE, "lr_displacement": 0.5}, ["lr_displacement: 0.5 acts on displacement"]),
        (PseudoLabelSettings, {"background_score": 1.5}, ["x.background_score = 1.5", "less than or equal to 1"]),
        (PseudoLabelSettings, {"foreground_score": 0.2}, ["foreground_score must not be below background_score"]),
        (SegmentationSettings, {"backbone": BACKBONE, "batch": 9}, ["a batch of 9 does not split into 2 equal parts"]),
        (SegmentationSettings, {"backbone": BACKBONE, "output_stride": 32}, ["x.output_stride = 32", "8 or 16"]),
        (EvaluationSettings, {"thresholds": [0.5, 0.1, 0.1]}, ["thresholds: give (first, last, step)"]),
        (EvaluationSettings, {"thresholds": [0.1, 0.5, 0]}, ["thresholds: give (first, last, step)"]),
        (SyntheticSettings, {"kind": "synthetic", "classes": 13}, ["x.classes = 13", "less than or equal to 12"]),
        (FolderSettings, FOLDER | {"name": "a/b"}, ["x.name = 'a/b'", "pattern"]),
        (FolderSettings, FOLDER | {"classes": {}}, ["at least one class is needed"]),
        (FolderSettings, FOLDER | {"classes": {"cat": 255}}, ["x.classes.cat = 255", "less than or equal to 254"]),
        (FolderSettings, FOLDER | {"classes": {"cat": 3, "dog": 3}}, ["a class or a mask value occurs twice"]),
        (FolderSettings, FOLDER | {"ignored_classes": {"cat": 7}}, ["a class or a mask value occurs twice"]),
        (MachineSettings, {"shards": 0}, ["x.shards = 0", "greater than 0"]),
        (MachineSettings, {"targets": []}, ["x.targets = []", "at least 1 item"]),
    ],
)
def test_mistakes_are_told_by_key_value_and_what_is_allowed(
    model: type[Settings], values: dict[str, Any], parts: list[str]
) -> None:
    with pytest.raises(WsssError) as caught:
        model.read("x", values)
    message = str(caught.value)
    assert message.startswith("config: ")
    assert len(message.splitlines()) == 1
    for part in parts:
        assert part in message


def test_every_mistake_has_a_line() -> None:
    with pytest.raises(WsssError) as caught:
        CamSettings.read("cams", {"scales": [1, -1, 0], "precision": "float64", "speed": 3})
    places = [line.split(" ")[1] for line in str(caught.value).splitlines()]
    assert places == ["cams.scales.1", "cams.scales.2", "cams.precision", "unknown"]


BASE: dict[str, Any] = {
    "data": {"kind": "synthetic"},
    "classifier": {"backbone": BACKBONE, "batch": 8},
    "irnet": {"backbone": BACKBONE},
    "segmentation": {"backbone": BACKBONE},
}


def test_a_config_is_a_base_and_named_changes_of_it() -> None:
    runs = {"gap": {"classifier": {"pooling": "gap", "words": "none"}}, "bound": {"supervision": "truth"}, "same": None}
    config = read_config(BASE | {"runs": runs, "shards": 3, "targets": ["default", "gap"]})
    machine, found = config.machine, config.runs
    assert (machine.shards, machine.targets, machine.locations) == (3, ("default", "gap"), LocationSettings())
    assert list(found) == ["default", "gap", "bound", "same"]
    assert found["default"].classifier == classifier(batch=8)
    assert found["gap"].classifier == classifier(batch=8, pooling="gap", words="none")
    assert found["gap"].model_copy(update={"classifier": found["default"].classifier}) == found["default"]
    assert found["bound"].supervision == "truth"
    assert found["same"] == found["default"]


def test_a_comparison_makes_each_row_with_each_seed_of_all_trainings() -> None:
    rows = {"hybrid": None, "GAP, no words": {"classifier": {"pooling": "gap", "words": "none", "batch": 4}}}
    config = read_config(BASE | {"comparisons": {"ablation": {"seeds": [3, 5], "rows": rows}}})
    assert list(config.runs) == ["default"]
    found = config.comparisons["ablation"]
    assert found.stage == "cam"
    assert {row: list(seeds) for row, seeds in found.rows.items()} == {"hybrid": [3, 5], "GAP, no words": [3, 5]}
    run = found.rows["GAP, no words"][5]
    assert run.classifier == classifier(batch=4, pooling="gap", words="none", seed=5)
    assert (run.irnet.seed, run.segmentation.seed, run.data.seed) == (5, 5, 0)
    other = read_config(BASE | {"comparisons": {"ablation": {"seeds": [3, 6], "rows": rows}}})
    assert other.comparisons["ablation"].key() != found.key()


VOC12: dict[str, Any] = {
    "data": {"kind": "voc12"},
    "classifier": {"backbone": BACKBONE},
    "irnet": {"backbone": BACKBONE},
    "segmentation": {"backbone": BACKBONE},
}
FIGURES: dict[str, Any] = {"source": "table 1", "stage": "cam", "backbone": "resnet50", "rows": {"a": {"val": 47.0}}}


def compared(figures: dict[str, Any] | None, stage: str = "cam", **changes: Any) -> Comparison:
    """A comparison of one row on VOC 2012, with a paper's figures beside it."""
    own = {"stage": stage, "rows": {"a": changes}, "published": figures}
    return read_config(VOC12 | {"comparisons": {"ablation": own}}).comparisons["ablation"]


def test_a_papers_figures_have_a_comparison_of_their_own_and_move_no_other() -> None:
    plain, beside = compared(None), compared(FIGURES)
    run = plain.rows["a"][0].key()
    assert json.loads(plain.key())[0] == "cam"
    assert len(json.loads(plain.key())) == 2
    assert json.loads(plain.key())[1][0][1][0] == [0, run]
    assert beside.key() != plain.key()
    assert beside.rows == plain.rows
    assert beside.published is not None
    assert beside.published.rows == {"a": {"val": 47.0}}


def test_a_figure_of_words_is_part_of_what_a_comparison_shows() -> None:
    rows = {"GAP": {"classifier": {"words": "none"}}, "words": {}}
    plain, drawn = (
        read_config(VOC12 | {"comparisons": {"k": {"rows": rows, "words": words}}}).comparisons["k"]
        for words in (False, True)
    )
    assert (plain.words, drawn.words) == (False, True)
    assert plain.key() != drawn.key()
    with pytest.raises(WsssError, match=r"comparisons\.k\.words: no row has visual words"):
        read_config(VOC12 | {"comparisons": {"k": {"rows": {"GAP": rows["GAP"]}, "words": True}}})


@pytest.mark.parametrize(
    ("figures", "stage", "changes", "message"),
    [
        ({}, "cam_crf", {}, "published.stage = 'cam', and the comparison is of the stage 'cam_crf'"),
        ({"rows": {"b": {"val": 1}}}, "cam", {}, "published.rows names no row 'b'; there are: a"),
        ({"rows": {"a": {"test": 1}}}, "cam", {}, "published.rows.a.test"),
        ({"backbone": "resnet101"}, "cam", {}, "a is of another protocol; figures are of data.kind voc12"),
        ({}, "cam", {"data": {"lists": {"train": "train"}}}, "a is of another protocol"),
        ({}, "cam", {"data": {"classes": {"cat": 8}}}, "a is of another protocol"),
        ({}, "cam", {"irnet": {"backbone": {"weights": "scratch"}}}, "a is of another protocol"),
        ({}, "cam", {"classifier": {"backbone": {"weights": "scratch"}}}, "a is of another protocol"),
    ],
)
def test_a_papers_figure_stands_beside_its_own_protocol_only(
    figures: dict[str, Any], stage: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(WsssError, match=re.escape(message)):
        compared(FIGURES | figures, stage, **changes)


def test_a_papers_figure_is_not_of_a_folder() -> None:
    data = {"kind": "folder", "name": "voc12", "classes": {"cat": 8}}
    comparison = {"rows": {"a": {}}, "published": FIGURES}
    with pytest.raises(WsssError, match="a is of another protocol"):
        read_config(VOC12 | {"data": data, "comparisons": {"ablation": comparison}})


def test_a_config_is_not_changed_by_reading_it() -> None:
    config = BASE | {"runs": {"gap": {"classifier": {"pooling": "gap"}}}, "shards": 2}
    before = json.dumps(config)
    read_config(config)
    assert json.dumps(config) == before


def test_mappings_merge_and_everything_else_is_replaced() -> None:
    base = {"a": {"b": 1, "c": {"d": 2}}, "e": [1, 2], "f": 3}
    changes = {"a": {"c": {"x": 5}}, "e": [9], "f": {"g": 1}, "h": None}
    merged = merge(base, changes)
    assert merged == {"a": {"b": 1, "c": {"d": 2, "x": 5}}, "e": [9], "f": {"g": 1}, "h": None}
    assert base == {"a": {"b": 1, "c": {"d": 2}}, "e": [1, 2], "f": 3}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in BASE.items() if name != key}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "no config was read: run from the project's folder, or name one with --configfile FILE"),
        (without("irnet"), "config: irnet is missing"),
        (BASE | {"clasifier": {}}, "config: unknown key clasifier; allowed here: data, classifier, cams"),
        (BASE | {"shard": 3}, "prediction_labels, evaluation, report, runs, comparisons, locations, shards"),
        (BASE | {"data": {"kind": "voc"}}, "'synthetic', 'voc12', 'folder'"),
        (BASE | {"data": {}}, "config: data = {}: Unable to extract tag using discriminator 'kind'"),
        (
            BASE | {"cams": {"scale": [1]}},
            "config: unknown key cams.scale; allowed here: scales, precision, store_dtype",
        ),
        (
            BASE | {"classifier": {"backbone": BACKBONE, "tua": 1}},
            "unknown key classifier.tua; allowed here: backbone, pooling",
        ),
        (
            BASE | {"classifier": {"backbone": BACKBONE | {"sed": 1}}},
            "unknown key classifier.backbone.sed; allowed here: name, weights, file_sha256, seed",
        ),
        (BASE | {"cam_crf": 3}, "config: cam_crf = 3"),
        (BASE | {"data": {"kind": "synthetic", "sed": 1}}, "unknown key data.sed; allowed here: kind, name, seed"),
        (
            BASE | {"data": FOLDER | {"lists": {"test": "a"}}},
            "unknown key data.lists.test; allowed here: train, train_scored, val",
        ),
        (BASE | {"data": {"kind": "synthetic", "seed": -1}}, "config: data.seed = -1"),
        (
            BASE | {"runs": {"gap": {"classifier": {"poling": "gap"}}}},
            "unknown key runs.gap.classifier.poling; allowed",
        ),
        (BASE | {"runs": {"gap": {"cams": {"scales": []}}}}, "config: runs.gap.cams.scales = []"),
        (BASE | {"runs": {"default": {}}}, "runs.default: this name stands for the base without overrides"),
        (BASE | {"runs": ["gap"]}, "config: runs = ['gap']: Input should be a valid dictionary"),
        (BASE | {"runs": {"gap": 3}}, "config: runs.gap = 3: Input should be a valid dictionary"),
        (BASE | {"runs": {"a/b": {}}}, "config: runs.a/b.[key] = 'a/b': String should match pattern"),
        (BASE | {"runs": {"gap": {"irnet": {"crop": 250}}}}, "config: runs.gap.irnet: crop: 250 is no multiple of 16"),
        (BASE | {"runs": {"gap": {"shards": 3}}}, "unknown key runs.gap.shards"),
        (
            BASE | {"comparisons": {"k": {"rows": {"a": {"clasifier": {}}}}}},
            "config: unknown key comparisons.k.rows.a.clasifier; allowed here: data",
        ),
        (BASE | {"comparisons": {"k": {"rows": {}}}}, "config: comparisons.k.rows = {}"),
        (BASE | {"comparisons": {"k": {"rows": {"a": {}}, "stage": "cams"}}}, "config: comparisons.k.stage = 'cams'"),
        (
            BASE | {"cams": {"branches": "image_and_words"}, "classifier": {"backbone": BACKBONE, "words": "vwl_m"}},
            "config: cams.branches: image_and_words needs words that are mapped to classes, classifier.words: vwe",
        ),
        (
            BASE | {"runs": {"both": {"cams": {"branches": "image_and_words"}, "classifier": {"words": "none"}}}},
            "config: runs.both: cams.branches: image_and_words needs",
        ),
        (BASE | {"targets": ["gap"]}, "config: targets names no run 'gap'; there are: default"),
        (BASE | {"shards": 0}, "config: shards = 0"),
        (BASE | {"locations": {"data": "x"}}, "unknown key locations.data; allowed here: dataset, archives, backbones"),
    ],
)
def test_faulty_configs_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(WsssError) as caught:
        read_config(config)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1

"""Keys and labels, which paths are made of: only what differs from the defaults enters them."""

import itertools
import json
import re
from typing import Any

import pytest

from tests.settings.samples import BACKBONE, FOLDER, classifier
from tests.settings.test_defaults import DEFAULTS, RELEASED_SGD, REQUIRED
from wsss.plan.stages import usual_settings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.confident_labels import ConfidentLabelSettings
from wsss.settings.prediction_labels import PredictionLabelSettings
from wsss.settings.run import read_settings
from wsss.settings.segmentation import SegmentationSettings
from wsss.settings.training import OptimiserSettings


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
            "optimiser": {"momentum": 0.9},
            "regions": [1, 2],
            "tau": 0.8,
        }
    )
    assert classifier(batch=8, tau=0.8).key() == classifier(tau=0.8, batch=8).key()


def test_a_part_of_a_stage_has_one_key_for_each_value() -> None:
    """The class has other defaults here than on its own. They must not be confused."""
    sgd = {"momentum": 0.9, "weight_decay": 5e-4}
    every = [
        SegmentationSettings.read("segmentation", {"backbone": BACKBONE, "optimiser": sgd | {"decay_every": steps}})
        for steps in (1, 10)
    ]
    assert every[1].key() == SegmentationSettings.read("segmentation", {"backbone": BACKBONE}).key()
    assert every[0].key() == json.dumps({"backbone": BACKBONE, "optimiser": {"decay_every": 1}})


def test_a_block_given_in_part_keeps_the_rest_of_what_its_stage_has() -> None:
    """Not the rest of what its class has, which other stages share."""
    optimiser = {"momentum": 0.5}
    ours = SegmentationSettings.read("segmentation", {"backbone": BACKBONE, "optimiser": optimiser}).optimiser
    assert ours == OptimiserSettings(momentum=0.5, weight_decay=5e-4, decay_every=10)
    labels = PredictionLabelSettings.read("labels", {"crf": {"bilateral_sxy": 50}})
    assert labels.crf == PredictionLabelSettings().crf.model_copy(update={"bilateral_sxy": 50.0})
    assert ConfidentLabelSettings.read("labels", {"crf": {"iterations": 5}}).crf.gaussian_sxy == 3
    assert classifier(optimiser={}).key() == classifier().key()


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
        "frozen_stages": 1,
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
        "objectives": ({"method": "recam"},),
    }
    # It acts on one of the methods alone.
    assert classifier(words="vwl_m", rho=0.01).key() != classifier(words="vwl_m").key()
    assert {*changes, "rho", "finished"} == set(ClassifierSettings.model_fields)
    keys = {classifier(**{name: value}).key() for name, value in changes.items()}
    assert len(keys | {classifier().key()}) == len(changes) + 1


@pytest.mark.parametrize(
    ("stage", "values"),
    [
        ("classifier", {"backbone": BACKBONE, "tau": 0.8, "long_side": [100, 200], "optimiser": {"momentum": 0.9}}),
        ("segmentation", {"backbone": BACKBONE, "optimiser": {"decay_every": 1}}),
        ("confident_labels", {"crf": {"iterations": 5}}),
        ("pseudo_labels", {}),
        ("data", FOLDER),
        ("backbone", BACKBONE | {"seed": 3}),
    ],
)
def test_a_key_comes_back_as_the_settings(stage: str, values: dict[str, Any]) -> None:
    """Block by block, with the defaults of their stage for what the key leaves out."""
    ours = read_settings(stage, json.dumps(values))
    usual = usual_settings(stage)
    assert read_settings(stage, ours.key(usual)) == ours
    assert usual is None or usual.key(usual) == "{}"
    for name, value in values.items():
        found = ours.model_dump(mode="json")[name]
        assert found == (found | value if isinstance(value, dict) else value)


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
        ({"objectives": [{"method": "recam"}]}, "vwl_l_recam"),
        ({"objectives": [{"method": "recam"}], "words": "none", "pooling": "gap"}, "gap_recam"),
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

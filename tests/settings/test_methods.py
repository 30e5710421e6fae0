"""Settings of one of several methods: which block completes which, and what a method makes needless."""

from typing import Any

import pytest

from tests.settings.samples import BACKBONE
from wsss.errors import WsssError
from wsss.settings.cam_crf import CamCrfSettings
from wsss.settings.confident_labels import ConfidentLabelSettings
from wsss.settings.config import read_config
from wsss.settings.pamr import PamrSettings
from wsss.settings.prediction_labels import PredictionLabelSettings
from wsss.settings.pseudo_labels import CrfLabelSettings, IrnetWalkSettings, PamrLabelSettings, PlainLabelSettings
from wsss.settings.run import RunSettings

BASE: dict[str, Any] = {
    "data": {"kind": "synthetic"},
    "classifier": {"backbone": BACKBONE},
    "segmentation": {"backbone": BACKBONE},
}
IRNET = {"irnet": {"backbone": BACKBONE}}
WITH_CRF = [ConfidentLabelSettings, CamCrfSettings, PredictionLabelSettings]
PAMR = {"method": "pamr"}


def run_of(**changes: Any) -> RunSettings:
    return read_config(BASE | changes).runs["default"]


@pytest.mark.parametrize("stage", WITH_CRF)
def test_a_crf_is_the_stages_own_unless_another_method_is_named(stage: Any) -> None:
    usual = stage().crf
    assert stage.read("x", {"crf": {}}).crf == usual
    assert stage.read("x", {"crf": {"method": "dense_crf", "iterations": 5}}).crf == usual.model_copy(
        update={"iterations": 5}
    )
    assert stage.read("x", {"crf": PAMR}).crf == PamrSettings(method="pamr")
    assert stage.read("x", {"crf": PAMR | {"iterations": 5}}).crf == PamrSettings(method="pamr", iterations=5)
    assert '"method": "pamr"' in stage.read("x", {"crf": PAMR}).key()
    assert "method" not in stage.read("x", {"crf": {"iterations": 5}}).key()


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        ({}, IrnetWalkSettings()),
        ({"beta": 3}, IrnetWalkSettings(beta=3)),
        ({"method": "irnet", "beta": 3}, IrnetWalkSettings(beta=3)),
        ({"method": "none"}, PlainLabelSettings(method="none")),
        ({"method": "crf", "crf": {"iterations": 2}}, None),
        ({"method": "pamr", "pamr": {"iterations": 2}, "background_score": 0.3}, None),
    ],
)
def test_pseudo_labels_are_of_the_method_that_their_block_names(block: dict[str, Any], wanted: Any) -> None:
    found = run_of(pseudo_labels=block, **IRNET).pseudo_labels
    if wanted is not None:
        assert found == wanted
    elif isinstance(found, PamrLabelSettings):
        assert found.pamr == PamrSettings(method="pamr", iterations=2)
        assert (found.background_score, found.object_score) == (0.3, 0.3)
    else:
        assert isinstance(found, CrfLabelSettings)
        assert found.crf == CamCrfSettings().crf.model_copy(update={"iterations": 2})


def test_a_run_that_names_another_method_takes_nothing_over_from_the_base() -> None:
    """It has other keys. One that names the same, or none, takes all over."""
    runs = {
        "pamr": {"pseudo_labels": {"method": "pamr"}, "cam_crf": {"crf": PAMR}},
        "walk": {"pseudo_labels": {"method": "irnet", "radius": 7}, "cam_crf": {"crf": {"method": "dense_crf"}}},
        "beta": {"pseudo_labels": {"beta": 4}},
    }
    base = {"pseudo_labels": {"log2_steps": 5}, "cam_crf": {"background_score": 0.3, "crf": {"iterations": 2}}}
    found = read_config(BASE | IRNET | base | {"runs": runs}).runs
    assert found["pamr"].pseudo_labels == PamrLabelSettings(method="pamr")
    assert found["pamr"].cam_crf == CamCrfSettings(background_score=0.3, crf=PamrSettings(method="pamr"))
    assert found["walk"].pseudo_labels == IrnetWalkSettings(radius=7, log2_steps=5)
    assert found["walk"].cam_crf == found["default"].cam_crf
    assert found["beta"].pseudo_labels == IrnetWalkSettings(beta=4, log2_steps=5)


def test_data_of_another_kind_takes_nothing_over_either() -> None:
    base = BASE | IRNET | {"data": {"kind": "synthetic", "train_images": 8}}
    assert read_config(base | {"runs": {"voc": {"data": {"kind": "voc12"}}}}).runs["voc"].data.kind == "voc12"


@pytest.mark.parametrize("method", ["pamr", "crf", "none"])
def test_irnet_is_needed_only_where_it_is_trained(method: str) -> None:
    run = run_of(pseudo_labels={"method": method})
    assert run.irnet is None
    assert not run.has_irnet
    assert run_of(supervision="truth").irnet is None
    assert run_of(**IRNET).has_irnet
    assert not run_of(supervision="truth", **IRNET).has_irnet
    for values in (BASE, BASE | {"pseudo_labels": {"beta": 3}}):
        with pytest.raises(WsssError, match=r"config: irnet is missing: pseudo_labels\.method irnet trains it"):
            read_config(values)


def test_seeds_of_a_comparison_are_those_of_the_trainings_that_there_are() -> None:
    comparisons = {"refinements": {"seeds": [4], "rows": {"walk": IRNET, "pamr": {"pseudo_labels": PAMR}}}}
    rows = read_config(BASE | {"pseudo_labels": {"method": "none"}, "comparisons": comparisons}).comparisons
    walk, pamr = (rows["refinements"].rows[row][4] for row in ("walk", "pamr"))
    assert walk.irnet is not None
    assert (walk.irnet.seed, walk.classifier.seed) == (4, 4)
    assert (pamr.irnet, pamr.segmentation.seed) == (None, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pseudo_labels": {"method": "walk"}}, "'irnet', 'pamr', 'crf', 'none'"),
        ({"pseudo_labels": {"method": "none", "beta": 3}}, "unknown key pseudo_labels.beta; allowed here: method"),
        ({"pseudo_labels": {"method": "pamr", "pamr": {"steps": 3}}}, "unknown key pseudo_labels.pamr.steps; allowed"),
        ({"pseudo_labels": {"method": "pamr", "foreground_score": 0.1}}, "must not be below background_score"),
        (
            {"cam_crf": {"crf": PAMR | {"gaussian_sxy": 3}}},
            "unknown key cam_crf.crf.gaussian_sxy; allowed here: method",
        ),
        ({"cam_crf": {"crf": PAMR | {"stride": 0}}}, "cam_crf.crf.stride = 0: a whole number from 1 to 8192 is needed"),
        ({"cam_crf": {"crf": {"method": "bilateral"}}}, "'dense_crf', 'pamr'"),
    ],
)
def test_mistakes_in_a_block_of_several_methods_are_told(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(WsssError) as caught:
        run_of(**IRNET, **changes)
    assert message in str(caught.value)
    assert str(caught.value).startswith("config: ")


VOC = {"data": {"kind": "voc12"}}


@pytest.mark.parametrize(
    ("stage", "block"), [("cam_crf", "cam_crf"), ("prediction_crf", "prediction_labels"), ("cam", None)]
)
def test_a_papers_figures_with_a_crf_stand_beside_no_other_post_processing(stage: str, block: str | None) -> None:
    figures = {"source": "table 1", "stage": stage, "backbone": "resnet50", "rows": {"a": {"val": 47.0}}}
    changes: dict[str, Any] = {"segmentation": {"backbone": BACKBONE | {"name": "resnet101"}}}
    for name in ("cam_crf", "prediction_labels"):
        changes[name] = {"crf": PAMR if name == block or block is None else {}}
    comparisons = {"c": {"stage": stage, "rows": {"a": changes}, "published": figures}}
    config = BASE | IRNET | VOC | {"comparisons": comparisons}
    if block is None:
        assert read_config(config).comparisons["c"].published is not None
        return
    with pytest.raises(WsssError, match=r"a is of another protocol.*crf\.method dense_crf"):
        read_config(config)
    changes[block] = {}
    assert read_config(config).comparisons["c"].published is not None

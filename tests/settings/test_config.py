"""Whole configs: named runs, comparisons and what is refused."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.settings.samples import BACKBONE, FOLDER, classifier
from wsss.errors import WsssError
from wsss.settings.config import Comparison, merge, read_config
from wsss.settings.locations import LocationSettings

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
        ({}, "cam", {"irnet": {"backbone": {"weights": "scratch"}}}, "a is of another protocol"),
        ({"stage": "pseudo_label"}, "pseudo_label", {"irnet": {"backbone": {"name": "resnet18"}}}, "irnet on resnet50"),
        ({"stage": "prediction"}, "prediction", {"segmentation": {"backbone": {"weights": "scratch"}}}, "on resnet101"),
        ({}, "cam", {"classifier": {"backbone": {"weights": "scratch"}}}, "a is of another protocol"),
    ],
)
def test_a_papers_figure_stands_beside_its_own_protocol_only(
    figures: dict[str, Any], stage: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(WsssError, match=re.escape(message)):
        compared(FIGURES | figures, stage, **changes)


@pytest.mark.parametrize("stage", ["cam", "pseudo_label", "prediction_crf"])
def test_networks_that_come_after_a_papers_figure_are_free(stage: str) -> None:
    trunks = {"classifier": "resnet50", "irnet": "resnet50", "segmentation": "resnet101"}
    if stage == "cam":
        trunks["irnet"] = "resnet18"
    if stage != "prediction_crf":
        trunks["segmentation"] = "resnet18"
    networks = {name: {"backbone": {"name": trunk, "weights": "imagenet"}} for name, trunk in trunks.items()}
    assert compared(FIGURES | {"stage": stage}, stage, **networks).published is not None


@pytest.mark.parametrize(
    "data", [{"classes": {"cat": 8}}, {"lists": {"train": "few.txt"}}, {"name": "animals", "classes": {"cat": 8}}]
)
def test_a_papers_figure_is_not_of_a_part_of_voc(data: dict[str, Any]) -> None:
    comparison = {"rows": {"a": {}}, "published": FIGURES}
    config = VOC12 | {"data": {"kind": "voc12"} | data, "locations": {"lists": "lists"}}
    read_config(config)
    with pytest.raises(WsssError, match="a is of another protocol"):
        read_config(config | {"comparisons": {"ablation": comparison}})


def test_a_papers_figure_is_not_of_a_folder() -> None:
    data = {"kind": "folder", "name": "voc12", "classes": {"cat": 8}}
    comparison = {"rows": {"a": {}}, "published": FIGURES}
    with pytest.raises(WsssError, match="a is of another protocol"):
        read_config(VOC12 | {"data": data, "comparisons": {"ablation": comparison}})


@pytest.mark.parametrize(
    ("comparison", "message"),
    [
        (
            {"rows": {"a": {}, "b": {"irnet": {"seed": 5}}}},
            "comparisons.c.rows.b.irnet.seed: seeds are the comparison's",
        ),
        ({"rows": {"a": {}}, "seeds": [2, 0, 2]}, "comparisons.c.seeds: a seed occurs twice"),
        (
            {"rows": {"bound": {"supervision": "truth"}}},
            "rows.bound: its runs have nothing of the stage 'cam'; set the",
        ),
    ],
)
def test_rows_that_a_table_could_not_hold_are_refused(comparison: dict[str, Any], message: str) -> None:
    with pytest.raises(WsssError, match=re.escape(message)):
        read_config(BASE | {"comparisons": {"c": comparison}})


def test_a_tilde_is_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    places = LocationSettings.read("x", {"dataset": "~/voc", "backbones": {"resnet18": "~/a.pth"}})
    assert places.dataset == "/home/somebody/voc"
    assert places.backbones == {"resnet18": "/home/somebody/a.pth"}


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
        (BASE | {"shard": 3}, "prediction_labels, cam_curve, report, runs, comparisons, locations, shards"),
        (BASE | {"data": {"kind": "voc"}}, "'synthetic', 'voc12', 'folder'"),
        (BASE | {"data": {}}, "config: data = {}: Unable to extract tag using discriminator 'kind'"),
        (
            BASE | {"cams": {"scale": [1]}},
            "config: unknown key cams.scale; allowed here: method, scales, precision, store_dtype",
        ),
        (
            BASE | {"classifier": {"backbone": BACKBONE, "tua": 1}},
            "unknown key classifier.tua; allowed here: finished, backbone, pooling",
        ),
        (
            BASE | {"classifier": {"backbone": BACKBONE | {"sed": 1}}},
            "unknown key classifier.backbone.sed; allowed here: name, weights, file_sha256, seed",
        ),
        (BASE | {"cam_crf": 3}, "config: cam_crf = 3"),
        (BASE | {"data": {"kind": "synthetic", "sed": 1}}, "unknown key data.sed; allowed here: kind, name, seed"),
        (
            BASE | {"data": FOLDER | {"lists": {"tests": "a"}}},
            "unknown key data.lists.tests; allowed here: train, train_scored, val, test",
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
            BASE | {"cams": {"method": "image_and_words"}, "classifier": {"backbone": BACKBONE, "words": "vwl_m"}},
            "config: cams.method: image_and_words needs words that are mapped to classes, classifier.words: vwe",
        ),
        (
            BASE | {"runs": {"both": {"cams": {"method": "image_and_words"}, "classifier": {"words": "none"}}}},
            "config: runs.both: cams.method: image_and_words needs",
        ),
        (BASE | {"targets": ["gap"]}, "config: targets names no run 'gap'; there are: default"),
        (BASE | {"shards": 0}, "config: shards = 0"),
        (BASE | {"locations": {"data": "x"}}, "unknown key locations.data; allowed here: dataset, lists, archives"),
        (
            VOC12 | {"data": {"kind": "voc12", "lists": {"train": "few.txt"}}},
            "config: data.lists: few.txt is a list of your own: set locations.lists to the folder that holds it",
        ),
        (
            VOC12 | {"comparisons": {"k": {"rows": {"a": {"data": {"lists": {"val": "few.txt"}}}}}}},
            "config: data.lists: few.txt is a list of your own: set locations.lists",
        ),
    ],
)
def test_faulty_configs_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(WsssError) as caught:
        read_config(config)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_network_of_timm_has_a_label_without_a_slash_and_a_place_by_its_name() -> None:
    own = {"name": "timm/vit_small_patch14_dinov2.lvd142m", "weights": "file"}
    base = merge(BASE, {"classifier": {"backbone": own}, "locations": {"backbones": {own["name"]: "vit.safetensors"}}})
    config = read_config(base)
    backbone = config.runs["default"].classifier.backbone
    assert backbone.label == "timm-vit_small_patch14_dinov2.lvd142m-file"
    assert config.machine.locations.backbones == {backbone.name: "vit.safetensors"}


def test_a_network_of_timm_is_planned_without_timm_or_torch() -> None:
    code = (
        f"import sys; from wsss.settings.config import read_config; base = {BASE!r}\n"
        "base['classifier']['backbone'] = {'name': 'timm/convnext_tiny', 'weights': 'imagenet'}\n"
        "print(read_config(base).runs['default'].classifier.backbone.label)\n"
        "print({'timm', 'torch', 'numpy'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["timm-convnext_tiny-imagenet", "set()"]

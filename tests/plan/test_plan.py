"""The plan of a config as a plain object: what rules ask of it, without Snakemake."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.conftest import PROJECT
from wsss.plan.pages import ComparisonPages, RunPages, scores, show_pages, targets
from wsss.plan.paths import file_of, log_of
from wsss.plan.plan import Plan
from wsss.plan.stages import STAGES
from wsss.settings.config import merge, read_config

TINY = yaml.safe_load((PROJECT / "tests" / "workflow" / "tiny.yaml").read_text())
SCRIPTS = PROJECT / "workflow_scripts"
PAMR: dict[str, Any] = {"prediction_labels": {"crf": {"method": "pamr"}}}


def plan(**changes: Any) -> Plan:
    return Plan(read_config(merge(TINY, changes)), SCRIPTS)


def wildcards_of(path: str) -> SimpleNamespace:
    """The wildcards of a stage's path, each by the name of its stage."""
    folders = path.split("/")[1:]
    return SimpleNamespace(**{folder.partition("-")[0]: folder for folder in folders})


@pytest.fixture
def paths() -> dict[str, str]:
    return next(iter(plan().paths.values()))


def test_settings_come_by_the_folder_that_a_wildcard_holds(paths: dict[str, str]) -> None:
    found = wildcards_of(paths["pseudo_labels"])
    assert json.loads(plan().settings_of("pseudo_labels")(found)) == {"foreground_score": 0.4, "pad_to": 64}
    assert json.loads(plan().settings_of("confident_labels")(found)) == {}
    assert json.loads(plan().settings_of("irnet")(found))["crop"] == 96


def test_a_network_starts_from_the_weights_of_its_backbone(paths: dict[str, str]) -> None:
    found = plan().initial_weights("irnet")(wildcards_of(paths["irnet"]))
    assert found.startswith("results/backbone-efficientnet_lite0-imagenet-")
    assert found.endswith("/weights.safetensors")


def test_the_code_of_a_step_is_that_of_all_before_it(paths: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With another number of shards there is no older manifest to show that the code has changed."""
    asked: set[str] = set()

    def digest(script: Any, parts: frozenset[str]) -> str:
        asked.add(script.stem)
        return script.stem

    monkeypatch.setattr("wsss.plan.plan.kept_code_digest", digest)
    found = plan().code_of("train_irnet")(wildcards_of(paths["irnet"]))
    assert asked == {"train_classifier", "make_cams", "make_confident_labels", "train_irnet"}
    assert len(found) == 12
    asked.clear()
    supervision = paths["pseudo_labels"].removeprefix(f"{paths['data']}/")
    of_segmentation = SimpleNamespace(data=paths["data"].rpartition("/")[2], supervision=supervision)
    plan().code_of("train_segmentation")(of_segmentation)
    assert asked == {
        *("train_classifier", "make_cams", "make_confident_labels", "train_irnet", "make_pseudo_labels"),
        "train_segmentation",
    }


def test_the_number_of_shards_and_places_move_nothing() -> None:
    other = {"shards": 7, "locations": {"dataset": "elsewhere", "archives": "there", "backbones": {"resnet50": "x"}}}
    moved, here = plan(**other), plan()
    assert moved.paths == here.paths
    assert moved.pages == here.pages
    page, wildcards = next(iter(here.pages.values())), wildcards_of(next(iter(here.paths.values()))["cams"])
    for ask in ("train_classifier", "make_cams"):
        assert moved.code_of(ask)(wildcards) == here.code_of(ask)(wildcards)
    assert RunPages(moved).settings(SimpleNamespace(run=page)) == RunPages(here).settings(SimpleNamespace(run=page))


def test_a_dataset_comes_from_one_source() -> None:
    config = {key: value for key, value in TINY.items() if key != "data"} | {"data": {"kind": "voc12", "name": "part"}}
    config["runs"] = {"other": {"data": {"name": "other"}}}
    archives, folder = (
        Plan(read_config(config | {"locations": places}), SCRIPTS) for places in ({}, {"dataset": "somewhere"})
    )
    assert archives.paths == folder.paths
    both = "|".join(sorted(re.escape(path["data"].removeprefix("results/")) for path in archives.paths.values()))
    assert both.count("|") == 1
    for own, source in ((archives, "voc12"), (folder, "folder")):
        found = {name: own.data_from(name) for name in ("synthetic", "voc12", "folder")}
        assert found == dict.fromkeys(found, "there-is-none") | {source: both}


def test_a_pages_name_follows_from_all_settings() -> None:
    assert plan().pages != plan(report={"panels": 3}).pages
    assert list(plan(runs={"more": {"irnet": {"lr": 0.2}}}).pages) == ["default", "more"]


def test_a_name_in_a_wildcard_is_no_pattern() -> None:
    own = plan(runs={"v1.0": {}})
    assert re.fullmatch(own.constraints()["run"], own.pages["v1.0"])
    assert not re.fullmatch(own.constraints()["run"], own.pages["v1.0"].replace("v1.0", "v1x0"))


def test_targets_are_stages_runs_and_comparisons() -> None:
    table = {
        "stage": "cam",
        "seeds": [0],
        "rows": {"one": {}, "two": {"classifier": {"pooling": "gap"}}},
        "words": True,
    }
    found = targets(plan(runs={"truth_run": {"supervision": "truth"}}, comparisons={"both": table}))
    assert {"classifier", "cams", "irnet", "pseudo_labels", "segmentation", "words", "default", "truth_run"} <= set(
        found
    )
    assert [file.rpartition("/")[2] for file in found["both"]] == ["table.csv", "words.png"]
    assert found["cams"][0].startswith("results/data-synthetic-")
    assert found["truth"] == []
    assert [file.split("/", 3)[3] for file in found["model"]] == ["model/segmenter.safetensors"]


def test_the_digests_of_a_model_are_those_of_its_settings_and_of_all_code_before_it() -> None:
    def digests(own: Plan) -> dict[str, str]:
        found: dict[str, str] = json.loads(RunPages(own).model_digests(SimpleNamespace(run=own.pages["default"])))
        return found

    here, panels, other = (digests(plan(**changes)) for changes in ({}, {"report": {"panels": 3}}, PAMR))
    assert len(here["settings"]) == len(here["code"]) == 12
    assert here["settings"] != panels["settings"] != other["settings"]
    assert here["code"] == panels["code"] != other["code"]


def test_a_bound_is_scored_only_where_the_report_asks_for_it() -> None:
    for recovery in (False, True):
        own = plan(report={"recovery": recovery})
        found = RunPages(own).report_inputs(SimpleNamespace(run=own.pages["default"]))
        bound = {name: path for name, path in found.items() if name.startswith("bound_")}
        assert bool(bound) == recovery
        assert all("/truth/segmentation-" in path for path in bound.values())


def test_a_run_is_shown_from_its_first_result_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = plan(runs={"more": {"irnet": {"lr": 0.2}}})
    monkeypatch.chdir(tmp_path)
    model = Path(targets(own)["model"][0])
    model.parent.mkdir(parents=True)
    assert show_pages(own) == []
    assert not Path("results/runs/default").exists()
    model.touch()
    assert show_pages(own) == []
    assert Path("results/runs/default/model/segmenter.safetensors").samefile(model)
    assert not Path("results/runs/more").exists()


def test_scores_are_leaves_of_the_stages(paths: dict[str, str]) -> None:
    found = scores(next(iter(plan().runs.values())))
    assert found["cam_train"] == f"{paths['cam_curve']}/train.json"
    assert found["prediction_crf_val"] == f"{paths['prediction_labels']}/crf/scores/val.json"
    assert set(found) >= {"cam_crf_val", "pseudo_label_train", "prediction_val"}


def test_a_comparison_knows_the_scores_of_each_row_and_seed() -> None:
    rows = {"one": {}, "two": {"supervision": "truth"}}
    own = plan(comparisons={"both": {"stage": "prediction", "seeds": [0, 4], "rows": rows}})
    wildcards = SimpleNamespace(comparison=own.tables["both"])
    runs = json.loads(ComparisonPages(own).runs(wildcards))
    assert {row: list(seeds) for row, seeds in runs.items()} == {"one": ["0", "4"], "two": ["0", "4"]}
    assert runs["one"]["4"]["settings"]["classifier"]["seed"] == 4
    assert len(set(ComparisonPages(own).scores(wildcards))) == 4
    assert list(ComparisonPages(own).censuses(wildcards)) == ["one"]


def test_names_of_files_and_logs() -> None:
    assert file_of("cams", "{split}.tsv") == "results/{data}/{classifier}/{cams}/{split}.tsv"
    assert file_of("segmentation") == "results/{data}/{supervision}/{segmentation}/segmenter.safetensors"
    assert file_of("pseudo_labels", "a", parent="cams") == "results/{data}/{maps}/{pseudo_labels}/a"
    assert file_of("pseudo_labels", "a", parent="data") == "results/{data}/{pseudo_labels}/a"
    assert file_of("cams", "a", parent="data") == "results/{data}/{cams}/a"
    assert log_of("irnet", "training.log").startswith("logs/{data}/")
    assert file_of("backbone") == "results/{backbone}/weights.safetensors"
    assert set(STAGES) >= {"data", "classifier"}

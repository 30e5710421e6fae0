"""The table of stages: names, paths and wildcards follow from it, and the tree of files agrees with it."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.settings.samples import BACKBONE
from wsss.plan.stages import STAGES, files_of, folders_of, path_pattern, stages_of, wildcard_constraints
from wsss.settings.run import RunSettings

RUN: dict[str, Any] = {
    "data": {"kind": "synthetic"},
    "classifier": {"backbone": BACKBONE},
    "irnet": {"backbone": BACKBONE},
    "segmentation": {"backbone": BACKBONE},
}


def run(**changes: Any) -> RunSettings:
    return RunSettings.read("", RUN | changes)


def test_a_parent_stands_above_its_stage() -> None:
    names = list(STAGES)
    for stage in STAGES.values():
        assert all(names.index(parent) < names.index(stage.name) for parent in stage.parents)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_has_one_name_in_the_config_the_rules_the_scripts_and_the_modules(name: str) -> None:
    stage = STAGES[name]
    rules = "\n".join(path.read_text() for path in (PROJECT / "rules").glob("*.smk"))
    if name != "data":
        # What makes a dataset ready depends on its kind.
        assert f"rule {stage.step}:" in rules
        assert (PROJECT / "workflow_scripts" / f"{stage.step}.py").is_file()
    if name not in ("truth", "backbone"):
        assert name in RunSettings.model_fields
    if name != "truth":
        assert (PROJECT / "wsss" / "settings" / f"{name}.py").is_file()


def test_the_path_is_the_ancestry() -> None:
    found = folders_of(run())
    assert re.fullmatch("data-synthetic-[0-9a-f]{6}", found["data"])
    parents = {"classifier": "data", "cams": "classifier", "cam_crf": "cams", "cam_curve": "cams"}
    parents |= {"confident_labels": "cams", "irnet": "confident_labels", "pseudo_labels": "irnet"}
    parents |= {"segmentation": "pseudo_labels", "prediction": "segmentation", "prediction_labels": "prediction"}
    for name, parent in parents.items():
        above, _, own = found[name].rpartition("/")
        assert above == found[parent]
        assert re.fullmatch(STAGES[name].pattern, own)
    assert found.keys() == {"data", *parents}


@pytest.mark.parametrize("method", ["pamr", "crf", "none"])
def test_labels_that_need_no_training_lie_below_the_cams(method: str) -> None:
    without = {stage: own for stage, own in RUN.items() if stage != "irnet"}
    own = RunSettings.read("", without | {"pseudo_labels": {"method": method}})
    found = folders_of(own)
    assert found["pseudo_labels"].rpartition("/")[0] == found["cams"]
    assert not found.keys() & {"confident_labels", "irnet"}
    assert found["segmentation"].rpartition("/")[0] == found["pseudo_labels"]


def test_a_run_on_the_truth_has_no_cams() -> None:
    found = folders_of(run(supervision="truth"))
    assert [stage.name for stage in stages_of(run(supervision="truth"))] == list(found)
    assert found["truth"] == f"{found['data']}/truth"
    assert found["segmentation"].startswith(f"{found['truth']}/segmentation-")
    assert not found.keys() & {"classifier", "cams", "pseudo_labels"}


CAM_FILES = {"method": "files", "name": "ReCAM", "format": "irn"}
LABEL_FILES = {"method": "files", "name": "ReCAM"}
WITHOUT_CAMS = {"classifier", "cams", "cam_curve", "cam_crf", "confident_labels", "irnet"}


def test_a_run_on_cams_of_files_has_no_classifier() -> None:
    found = folders_of(RunSettings.read("", {k: v for k, v in RUN.items() if k != "classifier"} | {"cams": CAM_FILES}))
    assert "classifier" not in found
    assert found["cams"].startswith(f"{found['data']}/cams-files_ReCAM-")
    assert found["irnet"].startswith(f"{found['cams']}/confident_labels-")
    assert found["segmentation"].startswith(f"{found['pseudo_labels']}/segmentation-")


def test_cams_of_train_alone_are_scored_on_train_alone() -> None:
    own = run(cams=CAM_FILES | {"splits": ["train"]})
    assert [file.rpartition("/")[2] for file in files_of(own, "cam_curve")] == ["train.json"]


def test_a_run_on_labels_of_files_has_no_cams() -> None:
    found = folders_of(run(pseudo_labels=LABEL_FILES))
    assert found["pseudo_labels"].startswith(f"{found['data']}/pseudo_labels-files_ReCAM-")
    assert not found.keys() & WITHOUT_CAMS


def test_object_masks_come_after_the_pseudo_labels() -> None:
    for labels in ({}, LABEL_FILES):
        found = folders_of(run(pseudo_labels=labels, merged_labels={"name": "sam", "format": "png"}))
        assert found["merged_labels"].startswith(f"{found['pseudo_labels']}/merged_labels-sam-")
        assert found["segmentation"].startswith(f"{found['merged_labels']}/segmentation-")


def test_a_finished_network_lies_where_its_training_would_be() -> None:
    finished = {"backbone": BACKBONE, "finished": "mine"}
    assert folders_of(run(classifier=finished))["classifier"].partition("/")[2].startswith("classifier-mine-")
    found = folders_of(run(irnet=finished))
    assert found["irnet"].startswith(f"{found['cams']}/irnet-mine-")
    assert "confident_labels" not in found
    found = folders_of(run(segmentation=finished))
    assert found.keys() == {"data", "segmentation", "prediction", "prediction_labels"}
    assert found["segmentation"].startswith(f"{found['data']}/segmentation-mine-")


def test_settings_of_a_training_do_not_move_a_finished_network() -> None:
    finished = {"backbone": BACKBONE, "finished": "mine"}
    assert folders_of(run(classifier=finished)) == folders_of(run(classifier=finished | {"epochs": 3, "seed": 4}))
    assert folders_of(run(classifier=finished)) != folders_of(run(classifier=finished | {"words": "vwe"}))


def test_a_setting_moves_its_stage_and_what_follows() -> None:
    first, second = folders_of(run()), folders_of(run(irnet={"backbone": BACKBONE, "lr": 0.2}))
    moved = {name for name in first if first[name] != second[name]}
    assert moved == {"irnet", "pseudo_labels", "segmentation", "prediction", "prediction_labels"}


FINISHED = {"backbone": BACKBONE, "finished": "mine"}
EVERY_KIND = [
    run(),
    run(supervision="truth"),
    run(pseudo_labels={"method": "crf"}),
    run(cams=CAM_FILES),
    run(pseudo_labels=LABEL_FILES),
    run(merged_labels={"name": "sam", "format": "png"}),
    run(classifier=FINISHED, irnet=FINISHED),
    run(segmentation=FINISHED),
]


@pytest.mark.parametrize("settings", EVERY_KIND)
def test_every_path_fits_its_pattern_in_one_way(settings: RunSettings) -> None:
    """As Snakemake reads it: each wildcard once, within its constraint."""
    constraints = wildcard_constraints()
    for name, folder in folders_of(settings).items():
        patterns = [path_pattern(name, parent) for parent in STAGES[name].parents or (None,)]
        matching = {one for one in patterns if re.fullmatch(as_regex(one, constraints), f"results/{folder}")}
        assert len(matching) == 1, name


def as_regex(pattern: str, constraints: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: f"(?:{constraints[found[1]]})", pattern)


def test_files_of_a_stage() -> None:
    own = run()
    paths = {name: f"results/{folder}" for name, folder in folders_of(own).items()}
    assert files_of(own, "classifier") == [f"{paths['classifier']}/classifier.safetensors"]
    assert files_of(own, "cams") == [f"{paths['cams']}/train.tsv", f"{paths['cams']}/val.tsv"]
    assert files_of(own, "cam_curve") == [f"{paths['cam_curve']}/train.json", f"{paths['cam_curve']}/val.json"]
    labels = paths["prediction_labels"]
    assert files_of(own, "prediction_labels") == [f"{labels}/plain/val.tsv", f"{labels}/crf/val.tsv"]
    assert files_of(own, "truth") == []


def test_a_stage_is_made_in_the_room_or_the_module_of_its_name() -> None:
    """So that whoever asks what makes a file finds it by the file's own path."""
    for name in STAGES.keys() - {"truth", "data", "backbone"}:
        package = PROJECT / "wsss"
        rooms = [path for path in package.iterdir() if path.is_dir() and path.name not in ("settings", "plan")]
        places = [path for room in rooms for path in (room, *room.rglob("*")) if path.stem == name]
        assert len([path for path in places if "__pycache__" not in path.parts]) >= 1, (name, Path)

"""The plan: known before any data is there and without an import of torch, and complete in what each rule declares."""

import re
import runpy
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import yaml

from tests.workflow.conftest import PROJECT, Outcome, Workplace, environment, jobs_of
from tests.workflow.forks import run_snakemake
from wsss.plan.provenance import reached_modules
from wsss.settings.base import Settings
from wsss.settings.config import read_config
from wsss.settings.run import RunSettings

CONFIGS = [PROJECT / "config.yaml", *sorted((PROJECT / "configs").glob("*.yaml"))]
PROFILES = sorted((PROJECT / "profiles").glob("*/config.yaml"))
RULEGRAPH = SimpleNamespace(**runpy.run_path(str(PROJECT / "docs" / "write_rulegraph.py")))
HEAVY = ("torch", "torchvision")
# The least that is usual on a cluster.
CORES_OF_A_GPU = 8
VOC12 = {"fetch_archive": 2, "prepare_voc12": 1}
COCO14 = {"fetch_archive": 3, "prepare_coco14": 1}
# What comes before a preset's classifier, and into how many shards its splits are cut.
PRESETS = {
    "voc12-vwe": (VOC12, 16),
    "voc12-vwl-l": (VOC12, 16),
    "voc12-vwl-m": (VOC12, 16),
    "coco14-vwl-l": (COCO14, 64),
    "coco14-vwl-m": (COCO14, 64),
}


def to_a_report(shards: int) -> dict[str, int]:
    """The jobs of a run whose report has a recovery ratio, from its classifier on."""
    return {
        "make_backbone": 2,
        "train_classifier": 1,
        "make_cams": 2 * shards,
        "make_cam_curve": 2,
        "make_cam_crf": 2 * shards,
        "make_confident_labels": shards,
        "train_irnet": 1,
        "make_pseudo_labels": shards,
        "make_truth": shards,
        "train_segmentation": 2,
        "make_prediction": 2 * shards,
        "make_prediction_labels": 2 * shards,
        "list_files": 11,
        "score_labels": 7,
        "collect_metrics": 1,
        "draw_panels": 2,
        "write_report": 1,
        "report": 1,
    }


def rules() -> Iterator[tuple[str, str]]:
    """Name and text of every rule that makes something."""
    for file in sorted((PROJECT / "rules").glob("*.smk")):
        parts = re.split(r"^rule (\w+):\n", file.read_text(), flags=re.MULTILINE)
        yield from zip(parts[1::2], parts[2::2], strict=True)


# Files of a split are listed by the shell; every other rule runs a script.
RULES = {name: text for name, text in rules() if name != "list_files"}


def dry_run(folder: Path, *arguments: str | Path, **more: str) -> Outcome:
    """Plan in `folder`, with `more` in the environment. The output is in a file beside it."""
    output = folder.with_name("output.txt")
    folder.mkdir(exist_ok=True)
    code = run_snakemake(["-n", *map(str, arguments)], folder, environment() | more, output, sys.executable)
    return Outcome(code, output.read_text())


@pytest.fixture
def without_heavy_modules(tmp_path: Path) -> Path:
    """A folder of modules by the names of the heavy ones, none of which can be imported."""
    folder, tried = tmp_path / "barren", tmp_path / "tried"
    folder.mkdir()
    tried.mkdir()
    for name in HEAVY:
        (folder / f"{name}.py").write_text(f"raise ImportError('planning must not need {name}')\n")
        (tried / "Snakefile").write_text(f"import {name}\n")
        assert f"planning must not need {name}" in dry_run(tried, PYTHONPATH=str(folder)).output
    return folder


@pytest.mark.parametrize("name", PRESETS)
def test_a_released_setting_is_planned_without_data_and_without_torch(
    name: str, tmp_path: Path, without_heavy_modules: Path
) -> None:
    empty, config = tmp_path / "empty", PROJECT / "configs" / f"{name}.yaml"
    command = ["--snakefile", PROJECT / "Snakefile", "--configfile", config]
    found = dry_run(empty, *command, PYTHONPATH=str(without_heavy_modules))
    assert found.code == 0, found.output
    first, shards = PRESETS[name]
    assert jobs_of(found.output) == first | to_a_report(shards)
    assert f"Using workflow specific profile {PROJECT}/profiles/default" in found.output
    assert {path.name for path in empty.iterdir()} <= {".snakemake"}


@pytest.mark.parametrize("name", ["voc-animals", "voc-animals-ablation"])
def test_voc_animals_comes_from_the_archives_or_from_a_folder(name: str, tmp_path: Path) -> None:
    """By one setting; no other job knows the difference."""
    folder = tmp_path / "folder.yaml"
    folder.write_text(yaml.safe_dump({"locations": {"dataset": str(tmp_path)}}))
    command = ["--snakefile", PROJECT / "Snakefile", "--configfile", PROJECT / "configs" / f"{name}.yaml"]
    archives, local = (dry_run(tmp_path / "empty", *command, *more) for more in ((), (folder,)))
    assert archives.code == local.code == 0, archives.output + local.output
    first = Counter(VOC12)
    assert first <= jobs_of(archives.output)
    assert jobs_of(archives.output) - first + Counter(prepare_folder=1) == jobs_of(local.output)


# Trainings behind each table of the presets, of three seeds where nothing else is said.
TABLES = {
    ("voc12-vwe", "ablation"): {"train_classifier": 4 * 3},
    ("voc12-vwl-l", "ablation"): {"train_classifier": 6 * 3},
    ("voc12-vwl-l", "sweep_k"): {"train_classifier": 4 * 3},
    ("voc12-vwl-l", "sweep_gamma"): {"train_classifier": 4 * 3},
    ("voc12-vwl-l", "sweep_tau"): {"train_classifier": 4 * 3},
    ("voc12-vwl-l", "strategies"): {"train_classifier": 2 * 3, "train_irnet": 2 * 3},
    ("voc12-vwl-l", "decov"): {"train_classifier": 2},
    ("voc12-vwl-l", "recovery"): {"train_classifier": 3, "train_irnet": 3, "train_segmentation": 2 * 3},
    ("voc12-vwl-m", "sweep_rho"): {"train_classifier": 4 * 3},
    ("coco14-vwl-l", "strategies"): {"train_classifier": 6, "train_irnet": 6, "train_segmentation": 6},
    ("coco14-vwl-l", "recovery"): {"train_classifier": 3, "train_irnet": 3, "train_segmentation": 2 * 3},
}


def planned_tables(preset: str, names: list[str], folder: Path) -> Counter[str]:
    """The jobs of tables of a preset in one shard, before there is anything."""
    files = ["--snakefile", PROJECT / "Snakefile", "--configfile", PROJECT / "configs" / f"{preset}.yaml"]
    found = dry_run(folder / "empty", *names, "--config", "shards=1", *files)
    assert found.code == 0, found.output
    return jobs_of(found.output)


def trainings(planned: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in planned.items() if name.startswith("train_")}


@pytest.mark.parametrize(("preset", "name"), TABLES)
def test_a_table_trains_each_row_once_a_seed(preset: str, name: str, tmp_path: Path) -> None:
    planned = planned_tables(preset, [name], tmp_path)
    first, _ = PRESETS[preset]
    assert trainings(planned) == TABLES[preset, name]
    assert {job: planned[job] for job in first} == first
    assert planned["compare"] == planned[name] == 1
    assert planned["compare_words"] == (name == "decov")
    # No table needs a leaf that it does not show.
    assert not planned.keys() & {"collect_metrics", "draw_panels", "write_report", "make_cam_crf"}


def test_every_table_of_the_presets_is_planned_here() -> None:
    configs = {
        preset: read_config(yaml.safe_load((PROJECT / "configs" / f"{preset}.yaml").read_text())) for preset in PRESETS
    }
    assert {(preset, name) for preset, config in configs.items() for name in config.comparisons} == set(TABLES)


def test_tables_of_a_preset_share_the_rows_that_they_have_in_common(tmp_path: Path) -> None:
    """The preset itself is a row of every table, and VWL-M of two."""
    names = [name for preset, name in TABLES if preset == "voc12-vwl-l"]
    planned = planned_tables("voc12-vwl-l", names, tmp_path)
    classifiers = (6 + 3 + 3 + 3) * 3 + 1
    assert trainings(planned) == {"train_classifier": classifiers, "train_irnet": 6, "train_segmentation": 6}
    assert planned["compare"] == len(names)


def test_a_run_on_the_truth_needs_no_classifier(workplace: Workplace) -> None:
    config = workplace.write_config({"runs": {"bound": {"supervision": "truth"}}})
    planned = workplace.planned("bound", config=config)
    assert planned["make_truth"] == 2
    assert planned["draw_panels"] == 1
    assert not planned.keys() & {"train_classifier", "make_cams", "make_confident_labels", "train_irnet"}


def test_a_report_asks_for_a_bound_only_where_it_gives_the_recovery_ratio(workplace: Workplace) -> None:
    bound = {"report": {"recovery": True}, "runs": {"bound": {"supervision": "truth"}}}
    config = workplace.write_config(bound)
    without, planned = workplace.planned(), workplace.planned(config=config)
    more = {"make_truth": 2, "train_segmentation": 1, "make_prediction": 2, "make_prediction_labels": 2}
    more |= {"score_labels": 2, "list_files": 3}
    assert planned - without == more
    assert not without - planned
    # The bound has no ratio of its own, and its page needs no other.
    assert workplace.planned("bound", config=config)["train_segmentation"] == 1


def test_a_config_takes_nothing_from_the_one_beside_the_snakefile(workplace: Workplace) -> None:
    """The project's own config counts as long as none is named, and then no longer."""
    own = yaml.safe_load((workplace.project / "config.yaml").read_text())
    own |= {"shards": 3, "runs": {"elsewhere": {}}, "targets": ["elsewhere"]}
    (workplace.project / "config.yaml").write_text(yaml.safe_dump(own))
    assert workplace.planned(config=None)["make_prediction"] == 3
    named = workplace.write_config({}, without=("shards",))
    assert workplace.planned(config=named)["make_prediction"] == 1
    refused = workplace.snakemake("-n", "elsewhere", config=named)
    assert refused.code != 0
    assert "No rule to produce elsewhere" in refused.output


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_logs_and_measures_itself_and_follows_its_code(name: str) -> None:
    text = RULES[name]
    script = script_of(text)
    assert re.search(r'^    log:\n        (log_of\(|"logs/)', text, re.MULTILINE)
    # Snakemake allows no benchmark of what it may take from a cache.
    measured = re.search(r'^    benchmark:\n        (log_of\(.+|"logs/.+)\.benchmark\.tsv"', text, re.MULTILINE)
    assert bool(measured) != bool(re.search(r"^    cache: ", text, re.MULTILINE))
    assert f'code=PLAN.code_of("{script.stem}")' in text
    assert script.is_file()


def methods_of(annotation: Any) -> set[str]:
    """The modules of all methods that settings of this type can choose, those of their blocks included."""
    found = set().union(*map(methods_of, get_args(annotation)))
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        inner = (methods_of(field.annotation) for field in annotation.model_fields.values())
        found = found.union({annotation.code} - {""}, *inner)
    return found


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_asks_for_a_gpu_exactly_when_its_code_can_use_one(name: str) -> None:
    """With whichever method its settings may choose."""
    text = RULES[name]
    script = script_of(text)
    stage = RunSettings.model_fields.get(script.stem.partition("_")[2])
    methods = methods_of(stage.annotation) if stage else set()
    uses_one = "wsss.runtime.device" in reached_modules(script, methods)
    assert bool(re.search(r"^        gpu=1,$", text, re.MULTILINE)) == uses_one
    if "localrule: True" not in text:
        # A job that has run out of memory or time gets more in its next attempt.
        assert re.search(r"^        mem_mb=growing\(\d+\),$", text, re.MULTILINE)
        assert re.search(r"^        runtime=growing\(\d+\),$", text, re.MULTILINE)


def test_some_rules_use_a_gpu_and_some_do_not() -> None:
    using = {name for name, text in RULES.items() if "gpu=1" in text}
    assert using == {
        "train_classifier",
        "count_words",
        "make_cams",
        "train_irnet",
        "make_pseudo_labels",
        "make_pseudo_labels_of_cams",
        "train_segmentation",
        "make_prediction",
    }


def cores_of(text: str) -> int:
    found = re.search(r"^    threads: (\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else 1


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_asks_for_no_more_cores_than_a_node_has_for_each_gpu(name: str) -> None:
    assert cores_of(RULES[name]) <= CORES_OF_A_GPU


def test_the_profile_of_slurm_groups_and_submits_together_what_is_small() -> None:
    profile = yaml.safe_load((PROJECT / "profiles" / "slurm" / "config.yaml").read_text())
    grouped, together = set(profile["groups"]), set(re.split(r",\s*", profile["slurm-array-jobs"].strip()))
    assert grouped | together <= set(RULES)
    # A group asks for what one of its jobs needs, so none of them may need much.
    assert all(cores_of(RULES[name]) == 1 and "gpu=" not in RULES[name] for name in grouped)
    assert grouped | together >= {name for name, text in RULES.items() if "{shard}" in text}
    assert not grouped & together


def test_only_the_profile_of_slurm_tries_again() -> None:
    """Locally, a job that fails would fail again."""
    profiles = {path.parent.name: yaml.safe_load(path.read_text()) for path in PROFILES}
    assert {name: profile.get("retries", 0) for name, profile in profiles.items()} == {"default": 0, "slurm": 2}


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.parent.name)
def test_a_profile_reruns_for_settings_code_and_inputs(path: Path) -> None:
    profile = yaml.safe_load(path.read_text())
    assert sorted(profile["rerun-triggers"]) == ["mtime", "params"]
    assert profile["max-checksum-file-size"] == "4GB"
    assert (path.parent / profile["configfile"]).resolve() == PROJECT / "config.yaml"
    # On one host as many GPU jobs run at once as there are devices. A scheduler counts them itself.
    assert not any(str(limit).startswith("gpu=") for limit in profile.get("resources", []))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_config_is_valid(path: Path) -> None:
    config = read_config(yaml.safe_load(path.read_text()))
    assert set(config.machine.targets) <= set(config.runs)


def script_of(rule: str) -> Path:
    """The script that a rule's text names."""
    found = re.search(r'^    script:\n        "\.\./(workflow_scripts/\w+\.py)"', rule, re.MULTILINE)
    assert found, rule
    return PROJECT / found[1]


def test_the_graph_of_rules_in_the_docs_is_todays(workplace: Workplace) -> None:
    printed = workplace.snakemake(*RULEGRAPH.ARGUMENTS, config=PROJECT / "config.yaml")
    assert printed.code == 0, printed.output
    assert RULEGRAPH.PAGE.read_text() == RULEGRAPH.page(printed.output), "run python docs/write_rulegraph.py"
    assert "    make_cams --> make_confident_labels\n" in RULEGRAPH.PAGE.read_text()

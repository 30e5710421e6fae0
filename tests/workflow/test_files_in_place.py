"""A user's files in place of stages, in real runs: CAMs, pseudo labels, masks of objects and finished networks."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.workflow.brought_files import bring_files, places, stage_folder, write_irn
from tests.workflow.conftest import PROJECT, TINY, Workplace
from wsss.evaluation.metrics import read_metrics
from wsss.settings.config import merge

PAGE = PROJECT / "docs" / "your-own-method.md"
LABELS = {"pseudo_labels": {"method": "files", "name": "mine"}, "merged_labels": {"name": "sam", "format": "png"}}
FINISHED = {"finished": "mine"}


def configured(place: Workplace, path: Path, changes: dict[str, Any]) -> Path:
    """The miniature config with changes, written to `path`."""
    path.write_text(yaml.safe_dump(merge(yaml.safe_load(TINY.read_text()), changes)))
    return path


def test_the_page_leads_from_a_folder_of_cams_to_a_row_with_spread(copy_of_finished: Workplace) -> None:
    """Only what the new row and the new seed need is made, and the classifier of the files' row is not."""
    block, command, *_ = re.findall(r"```(?:yaml)?\n(.*?)```", PAGE.read_text(), re.DOTALL)
    place = copy_of_finished
    write_irn(stage_folder(place, "cams"), place.root / "recam" / "cam")
    config = configured(place, place.root / "c.yaml", yaml.safe_load(block) | {"shards": 2})
    (target,) = re.findall(r"^snakemake (\w+)$", command, re.MULTILINE)
    planned = place.planned(target, config=config)
    assert (planned["check_cam_files"], planned["train_classifier"], planned["train_irnet"]) == (1, 1, 3)
    outcome = place.snakemake(target, config=config)
    assert outcome.code == 0, outcome.output
    table = (place.work / "results" / "comparisons" / target / "table.md").read_text()
    rows = [line for line in table.splitlines() if line.startswith(("| VWL-L", "| ReCAM"))]
    assert len(rows) == 2
    assert all("| 2 |" in row and "±" in row for row in rows)
    records = (place.work / "results" / "comparisons" / target / "records.json").read_text()
    assert "cams: ReCAM" in records


@pytest.fixture(scope="module")
def brought(finished: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with label images, masks and networks of the finished run, as a user brings them."""
    folder = tmp_path_factory.mktemp("brought")
    bring_files(finished, folder)
    return folder


def test_labels_and_masks_of_files_lead_to_a_report(workplace: Workplace, brought: Path, tmp_path: Path) -> None:
    """Afterwards a moved folder is no change, and a changed file is one."""
    folder = tmp_path / "brought"
    shutil.copytree(brought, folder)
    config = configured(workplace, tmp_path / "c.yaml", places(folder) | LABELS | {"shards": 1})
    outcome = workplace.snakemake(config=config)
    assert outcome.code == 0, outcome.output
    metrics = read_metrics(workplace.work / "results" / "runs" / "default" / "metrics.json")
    assert {item.stage for item in metrics} == {"pseudo_label", "merged_label", "prediction", "prediction_crf"}
    named = "pseudo_labels: mine, merged_labels: sam"
    assert all(item.initialisation.endswith(named) for item in metrics if item.stage != "pseudo_label")
    assert named in (workplace.work / "results" / "runs" / "default" / "report.html").read_text()
    made = workplace.only("results/data-*/pseudo_labels-*/labels")
    for path in (brought / "labels").glob("*.png"):
        assert (made / path.name).read_bytes() == path.read_bytes()

    folder.rename(tmp_path / "moved")
    # Their disk is away: what was made from them stays.
    assert not workplace.planned(config=config)
    config = configured(workplace, config, places(tmp_path / "moved") | LABELS | {"shards": 1})
    assert not workplace.planned(config=config)
    first = min((tmp_path / "moved" / "labels").glob("*.png"))
    Image.fromarray(np.zeros(Image.open(first).size[::-1], np.uint8)).save(first)
    planned = workplace.planned(config=config)
    assert planned.keys() >= {"check_label_files", "make_pseudo_labels_of_files", "make_merged_labels"}
    assert "check_object_masks" not in planned


def test_finished_networks_make_what_the_trained_ones_made(
    workplace: Workplace, finished: Workplace, brought: Path, tmp_path: Path
) -> None:
    runs: dict[str, dict[str, Any]] = {
        "pseudo_labels": {"classifier": FINISHED, "irnet": FINISHED},
        "prediction_labels": {"segmentation": FINISHED},
    }
    for target, changes in runs.items():
        config = configured(workplace, tmp_path / f"{target}.yaml", places(brought) | changes | {"shards": 1})
        outcome = workplace.snakemake(target, config=config)
        assert outcome.code == 0, outcome.output
        away = configured(workplace, config, places(tmp_path / "away") | changes | {"shards": 1})
        assert not workplace.planned(target, config=away)
    assert not list(workplace.work.glob("results/**/confident_labels-*"))
    for made, labels in (
        ("classifier-mine-*/cams-*/irnet-mine-*/pseudo_labels-*", stage_folder(finished, "pseudo_labels")),
        (
            "segmentation-mine-*/prediction-*/prediction_labels-*/crf",
            stage_folder(finished, "prediction_labels") / "crf",
        ),
    ):
        own = workplace.only(f"results/data-*/{made}/labels")
        for path in (labels / "labels").glob("*.png"):
            assert (own / path.name).read_bytes() == path.read_bytes()


def test_faults_of_files_are_named_at_once_before_anything_is_trained(
    workplace: Workplace, brought: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "brought"
    shutil.copytree(brought, folder)
    first, second, *_ = sorted((folder / "labels").glob("*.png"))
    first.unlink()
    Image.new("L", (3, 3)).save(second)
    shutil.copy(folder / "irnet.safetensors", folder / "classifier.safetensors")
    runs = {"labels": LABELS, "networks": {"classifier": FINISHED}}
    config = configured(workplace, tmp_path / "c.yaml", places(folder) | {"runs": runs, "targets": [*runs]})
    outcome = workplace.snakemake("-k", "segmentation", config=config)
    assert outcome.code != 0
    assert all(name in outcome.output for name in (first.stem, second.stem))
    assert re.search(r"error: \S+classifier\.safetensors is not the network of these settings: missing", outcome.output)
    assert not list(workplace.work.glob("results/**/training.csv"))


def test_files_without_a_place_are_refused(workplace: Workplace, tmp_path: Path) -> None:
    outcome = workplace.snakemake("-n", config=configured(workplace, tmp_path / "c.yaml", LABELS))
    assert outcome.code != 0
    assert "error: config: pseudo_labels: 'mine' are files of your own: set locations.pseudo_labels" in outcome.output

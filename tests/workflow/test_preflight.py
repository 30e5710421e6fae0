"""Before the first job everything that can be known is said in one list; the errors of failed jobs come last."""

import re
import shutil
from pathlib import Path

import pytest

from tests.workflow.conftest import Workplace
from wsss.data.dataset import Dataset


@pytest.fixture
def folder(dataset: Dataset, tmp_path: Path) -> Path:
    shutil.copytree((dataset.root / "dataset").resolve(), tmp_path / "own")
    return tmp_path / "own"


def config_of(place: Workplace, dataset: Dataset, folder: Path) -> Path:
    data = {"kind": "folder", "name": "own", "classes": dict(dataset.values.classes)}
    return place.write_config({"data": data, "locations": {"dataset": str(folder)}}, without=("data",))


def test_all_faults_are_said_before_the_first_job(workplace: Workplace, dataset: Dataset, folder: Path) -> None:
    (folder / "JPEGImages" / "train_0002.jpg").unlink()
    (folder / "JPEGImages" / "val_0001.jpg").write_text("no photograph")
    config = config_of(workplace, dataset, folder)
    assert workplace.planned(config=config)["prepare_folder"] == 1
    refused = workplace.snakemake(config=config)
    assert refused.code != 0
    errors = [line for line in refused.output.splitlines() if line.startswith("error: ")]
    told = [
        r"error: damaged image: \S*val_0001\.jpg",
        r"error: missing image: \S*train_0002\.jpg",
        r"error: config: classifier\.batch: 8 is larger than the train list of own \(6 images\): make it smaller",
        r"error: config: irnet\.batch: 8 is larger than the train list of own",
    ]
    assert len(errors) == len(told), refused.output
    assert all(re.match(pattern, error) for pattern, error in zip(told, errors, strict=True)), errors
    assert "Traceback" not in refused.output
    assert not list(workplace.work.glob("results/data-*/images.tsv"))
    assert not list(workplace.work.glob("results/backbone-*"))
    assert not list(workplace.work.glob(".snakemake/locks/*"))


def test_the_error_of_a_failed_job_comes_last(workplace: Workplace, dataset: Dataset, folder: Path) -> None:
    """A damaged photograph whose header is sound is found by the preparation. Snakemake's own lines come before."""
    path = folder / "JPEGImages" / "val_0001.jpg"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    config = config_of(workplace, dataset, folder)
    (target,) = set(re.findall(r"results/data-own-\w+/images\.tsv", workplace.snakemake("-n", config=config).output))
    failed = workplace.snakemake(target, config=config)
    assert failed.code != 0
    lines = failed.output.splitlines()
    (told,) = (
        number for number, line in enumerate(lines) if line.startswith("error in prepare_folder: damaged image: ")
    )
    assert re.fullmatch(r"its log: logs/data-own-\w+/images\.log", lines[told + 1])
    assert not any("Error in rule" in line or "CalledProcessError" in line for line in lines[told:])
    assert len([line for line in lines[told + 2 :] if line]) <= 4, failed.output
    assert "Traceback" not in failed.output

"""Moved data, a moved project, another machine's shards: nothing is made again, and nothing is trained again."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import Workplace, folder_config
from wsss.files import sha256_of

SEGMENTER = "results/*/*/*/*/*/*/*/segmenter.safetensors"


@pytest.fixture
def place(copy_of_folder_run: Workplace) -> Workplace:
    return copy_of_folder_run


def planned(place: Workplace, dataset: Path, **changes: Any) -> dict[str, int]:
    return dict(place.planned(config=place.write_config(folder_config(dataset, **changes), ("data",))))


def test_a_moved_project_with_its_results_and_its_dataset_makes_nothing(place: Workplace) -> None:
    assert planned(place, place.root / "dataset") == {}
    # The config lies beside the dataset, and not in the working directory.
    assert planned(place, Path("dataset")) == {}
    link = place.only("results/data-moved-*/dataset")
    assert link.resolve() == (place.root / "dataset").resolve()


def test_a_moved_dataset_is_read_where_it_lies_now(place: Workplace, tmp_path: Path) -> None:
    """What is made later reads the photographs there, and what was trained stays."""
    moved = tmp_path / "another disk" / "photographs"
    moved.parent.mkdir()
    (place.root / "dataset").rename(moved)
    assert planned(place, moved) == {}
    before = sha256_of(place.only(SEGMENTER))
    config = place.write_config(folder_config(moved, pseudo_labels={"method": "crf"}), ("data",))
    outcome = place.snakemake("pseudo_labels", config=config)
    assert outcome.code == 0, outcome.output
    assert sha256_of(place.only(SEGMENTER)) == before
    assert "rule train_" not in outcome.output


def test_another_folder_under_the_same_name_is_refused(place: Workplace, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(place.root / "dataset", other)
    first, second = other / "JPEGImages" / "train_0000.jpg", other / "JPEGImages" / "train_0001.jpg"
    first.write_bytes(second.read_bytes())
    refused = place.snakemake("-n", config=place.write_config(folder_config(other), ("data",)))
    assert refused.code != 0
    assert "train_0000.jpg is not the photograph that" in refused.output
    assert "Traceback" not in refused.output


def test_other_places_and_other_shards_make_nothing(place: Workplace) -> None:
    dataset = place.root / "dataset"
    locations = {"dataset": str(dataset), "archives": "elsewhere", "backbones": {"resnet50": "other.pth"}}
    assert planned(place, dataset, locations=locations) == {}
    assert planned(place, dataset, shards=5) == {}


def test_shards_that_are_cut_otherwise_train_nothing_again(place: Workplace) -> None:
    """If requested, they are made again with equal content. The networks that depend on them stay."""
    dataset = place.root / "dataset"
    config = place.write_config(folder_config(dataset, shards=2), ("data",))
    before = sha256_of(place.only(SEGMENTER))
    folder = place.only("results/data-moved-*/classifier-*/cams-*/confident_labels-*").relative_to(place.work)
    listed = sha256_of(place.work / folder / "train.tsv")
    (place.work / folder / "train.tsv").unlink()
    outcome = place.snakemake(str(folder / "train.tsv"), config=config)
    assert outcome.code == 0, outcome.output
    assert len(list((place.work / folder / "shards" / "train").glob("*-of-2.tsv"))) == 2
    assert sha256_of(place.work / folder / "train.tsv") == listed
    assert not [name for name in planned(place, dataset, shards=2) if name.startswith("train_")]
    assert sha256_of(place.only(SEGMENTER)) == before


def test_files_that_are_newer_but_equal_make_nothing(place: Workplace) -> None:
    for pattern in ("results/data-moved-*/images.tsv", "results/backbone-*/weights.safetensors"):
        place.only(pattern).touch()
    assert planned(place, place.root / "dataset") == {}

"""Where datasets come from, and what of a place counts: its content."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from wsss.plan.locations import dataset_folder, source_of, tables_digest, train_list_file
from wsss.settings.data import FolderSettings, SyntheticSettings, Voc12Settings
from wsss.settings.locations import LocationSettings

SYNTHETIC = SyntheticSettings(kind="synthetic")
VOC12 = Voc12Settings(kind="voc12")
FOLDER = FolderSettings(kind="folder", name="mine", classes={"cat": 8})
LISTS = {"train": "few.txt", "train_scored": "few.txt", "val": "val"}


def with_own_lists(kind: str) -> Any:
    settings: Any = {"voc12": VOC12, "folder": FOLDER}[kind]
    return type(settings).read("data", settings.model_dump() | {"lists": LISTS})


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """A folder of lists of one's own, and a dataset with a list of val and image-level labels."""
    for name, content in (
        ("lists/few.txt", "a\nb\n"),
        ("data/ImageSets/Segmentation/val.txt", "c\n"),
        ("data/image_labels.csv", "image_id,cat\n"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def located(folder: Path, dataset: bool = True) -> LocationSettings:
    places = {"lists": str(folder / "lists"), **({"dataset": str(folder / "data")} if dataset else {})}
    return LocationSettings.read("locations", places)


def test_a_folder_stands_for_the_archives_where_one_is_named(tmp_path: Path) -> None:
    nowhere, somewhere = LocationSettings(), LocationSettings(dataset=str(tmp_path))
    assert [source_of(data, nowhere) for data in (SYNTHETIC, VOC12, FOLDER)] == ["synthetic", "voc12", "folder"]
    assert [source_of(data, somewhere) for data in (SYNTHETIC, VOC12, FOLDER)] == ["synthetic", "folder", "folder"]


@pytest.mark.parametrize("kind", ["voc12", "folder"])
def test_a_train_list_is_found_where_it_lies(places: Path, kind: str) -> None:
    data = with_own_lists(kind)
    assert train_list_file(data, located(places)) == places / "lists" / "few.txt"
    assert train_list_file(data, LocationSettings(dataset=str(places / "data"))) is None
    theirs = data.model_copy(update={"lists": data.lists.model_copy(update={"train": "val"})})
    assert train_list_file(theirs, located(places)) == places / "data/ImageSets/Segmentation/val.txt"
    assert train_list_file(theirs, located(places, dataset=False)) is None


@pytest.mark.parametrize(("kind", "dataset"), [("voc12", False), ("voc12", True), ("folder", True)])
def test_the_content_of_own_lists_counts_and_their_place_does_not(places: Path, kind: str, dataset: bool) -> None:
    data = with_own_lists(kind)
    before = tables_digest(data, located(places, dataset))
    assert before
    moved = places / "moved"
    for name in ("lists", "data"):
        shutil.copytree(places / name, moved / name)
    assert tables_digest(data, located(moved, dataset)) == before
    (moved / "lists" / "few.txt").write_text("a\n")
    assert tables_digest(data, located(moved, dataset)) != before


def test_labels_count_where_they_are_read(places: Path) -> None:
    data = with_own_lists("voc12")
    before = [tables_digest(data, located(places, dataset)) for dataset in (False, True)]
    (places / "data" / "image_labels.csv").write_text("image_id,dog\n")
    after = [tables_digest(data, located(places, dataset)) for dataset in (False, True)]
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_own_labels_count_without_own_lists(places: Path) -> None:
    before = tables_digest(VOC12, located(places, dataset=False))
    (places / "lists" / "image_labels.csv").write_text("image_id,cat\n")
    assert tables_digest(VOC12, located(places, dataset=False)) != before == ""


@pytest.fixture
def devkit(tmp_path: Path) -> Path:
    """A VOCdevkit with VOC's lists, beside SBD."""
    voc = tmp_path / "place" / "VOCdevkit" / "VOC2012"
    for folder in (voc / "JPEGImages", voc / "ImageSets" / "Segmentation", tmp_path / "place/benchmark_RELEASE/cls"):
        folder.mkdir(parents=True)
    for name in ("train", "val", "test"):
        (voc / "ImageSets" / "Segmentation" / f"{name}.txt").write_text(f"{name}\n")
    return tmp_path / "place"


def test_a_devkit_is_one_folder_by_whichever_name(devkit: Path) -> None:
    voc = devkit / "VOCdevkit" / "VOC2012"
    named = [LocationSettings(dataset=str(one)) for one in (devkit, devkit / "VOCdevkit", voc)]
    assert [dataset_folder(VOC12, one) for one in named] == [voc] * 3
    assert dataset_folder(FOLDER, named[0]) == devkit
    assert dataset_folder(VOC12, LocationSettings()) is None
    assert len({tables_digest(VOC12, one) for one in named}) == 1
    train = Voc12Settings.read("data", {"kind": "voc12", "lists": {"train": "train"}})
    assert train_list_file(train, named[0]) == voc / "ImageSets" / "Segmentation" / "train.txt"
    assert train_list_file(VOC12, named[0]) is None
    (voc / "ImageSets" / "Segmentation" / "trainaug.txt").write_text("a\n")
    assert train_list_file(VOC12, named[0]) == voc / "ImageSets" / "Segmentation" / "trainaug.txt"


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        # train_aug is made from VOC's lists.
        ("ImageSets/Segmentation/train.txt", True),
        ("ImageSets/Segmentation/val.txt", True),
        ("ImageSets/Segmentation/trainaug.txt", True),
        ("image_labels.csv", True),
        ("ImageSets/Segmentation/test.txt", False),
    ],
)
def test_tables_of_a_devkit_count_where_they_are_read(devkit: Path, file: str, counts: bool) -> None:
    lists = {"lists": {"train": "train_aug", "train_scored": "train_aug", "val": "train_aug"}}
    data = Voc12Settings.read("data", {"kind": "voc12"} | lists)
    tested = Voc12Settings.read("data", {"kind": "voc12", "lists": lists["lists"] | {"test": "test"}})
    place = LocationSettings(dataset=str(devkit))
    before = [tables_digest(one, place) for one in (data, tested)]
    (devkit / "VOCdevkit" / "VOC2012" / file).write_text("other\n")
    after = [tables_digest(one, place) for one in (data, tested)]
    assert (after[0] != before[0], after[1] != before[1]) == (counts, True)


def test_without_tables_nothing_is_digested(tmp_path: Path) -> None:
    assert tables_digest(SYNTHETIC, LocationSettings(dataset=str(tmp_path))) == ""
    assert tables_digest(VOC12, LocationSettings()) == ""
    assert tables_digest(FOLDER, LocationSettings()) == ""

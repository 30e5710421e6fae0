"""`wsss init` on annotations in COCO's form."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.init.conftest import Init, put, read
from wsss.data.sources.coco import list_coco
from wsss.settings.coco import CocoSettings

SQUARE = [[2, 2, 12, 2, 12, 12, 2, 12]]


def instances(path: Path, names: list[str], first: int = 0, segmentation: Any = SQUARE) -> None:
    """A file in which images have cats and dogs in turn, and the last image has no annotation."""
    images = [{"id": first + n, "file_name": name, "height": 24, "width": 32} for n, name in enumerate(names)]
    annotations = [
        {"id": first + n, "image_id": first + n, "category_id": 7 if n % 2 else 5, "segmentation": segmentation}
        for n in range(len(names) - 1)
    ]
    categories = [{"id": 5, "name": "cat"}, {"id": 7, "name": "dog"}]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))


def data_of(path: Path) -> CocoSettings:
    data = read(path).runs["default"].data
    assert isinstance(data, CocoSettings)
    return data


def test_one_file_beside_the_folder_of_photographs(tmp_path: Path, init: Init) -> None:
    pytest.importorskip("pycocotools")
    names = [f"{number}.jpg" for number in range(41)]
    put(tmp_path / "farm" / "images", *names)
    instances(tmp_path / "farm" / "all.json", names)
    told = init("farm/images", "farm/all.json", "--name", "farm")
    assert told.code == 0, told.output
    assert "40 in farm: 40 .jpg" in told.output
    assert "32 train, 8 val (drawn, a share of 0.2)" in told.output
    assert sum(told.counts["cat"]) == sum(told.counts["dog"]) == 20
    assert told.odd[1].startswith("farm/all.json: 1 images have no annotation and are left out")
    data = data_of(tmp_path / "farm.yaml")
    assert (data.train, data.train_images, data.masks, data.holdout) == ("all.json", "images", True, 0.2)
    assert read(tmp_path / "farm.yaml").machine.locations.dataset == "farm"
    listing = list_coco(data, Path("farm"), tmp_path / "prepared")
    assert {split: len(own) for split, own in listing.splits.items()} == {
        "train": 32,
        "train_scored": 32,
        "val": 8,
        "test": 0,
    }


def test_the_files_and_folders_of_the_official_form(tmp_path: Path, init: Init) -> None:
    for split, count in (("train2017", 30), ("val2017", 7)):
        names = [f"{split}-{number}.jpg" for number in range(count)]
        put(tmp_path / "coco" / split, *names)
        instances(tmp_path / "coco" / "annotations" / f"instances_{split}.json", names, first=0 if count > 7 else 100)
    train = "coco/annotations/instances_train2017.json"
    for photographs in ("coco", "coco/train2017"):
        told = init(photographs, train, "--name", "coco", "--force", "--classes", "dog")
        assert "29 train, 6 val" in told.output
        assert told.counts["dog"] == (14, 3)
        data = data_of(tmp_path / "coco.yaml")
        assert (data.val, data.holdout) == ("annotations/instances_val2017.json", None)
        assert data.classes == {"dog": 7}
        assert list_coco(data.model_copy(update={"masks": False}), Path("coco"), tmp_path).splits["val"]
    assert init("coco", train, "--holdout", "0.1", "--force").code == 1


def test_boxes_without_segmentations_give_no_masks(tmp_path: Path, init: Init) -> None:
    names = ["a.jpg", "b.jpg", "c.jpg"]
    put(tmp_path / "farm", *names)
    instances(tmp_path / "farm" / "boxes.json", names, segmentation=[])
    told = init("farm", "farm/boxes.json")
    assert told.code == 0, told.output
    assert any("boxes without segmentations" in line for line in told.odd)
    assert any(line.startswith("there is no val") for line in told.odd)
    assert not data_of(tmp_path / "farm.yaml").masks


def test_photographs_elsewhere_are_told(tmp_path: Path, init: Init) -> None:
    put(tmp_path / "farm" / "images", "a.jpg", "b.jpg")
    instances(tmp_path / "farm" / "all.json", ["a.jpg", "b.jpg"])
    told = init("farm", "farm/all.json")
    assert told.code == 1
    assert told.output.startswith("error: missing image: farm/a.jpg, which farm/all.json names")
    assert told.output.endswith("put them there, or correct PHOTOS\n")

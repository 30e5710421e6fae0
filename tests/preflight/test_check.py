"""A look at a config finds what a run would fail with after hours, all of it at once."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from tests.conftest import PROJECT
from wsss.cli import app
from wsss.data.dataset import Dataset
from wsss.data.images import write_labels
from wsss.plan.stages import STAGES
from wsss.preflight.check import check
from wsss.preflight.findings import MOST_SHOWN, Findings
from wsss.preflight.photographs import look_at_photographs
from wsss.settings.config import merge, read_config

BACKBONE = {"name": "resnet18", "weights": "scratch"}
BASE: dict[str, Any] = {
    "data": {"kind": "folder", "name": "own", "classes": {}},
    "classifier": {"backbone": BACKBONE, "batch": 2},
    "irnet": {"backbone": BACKBONE, "batch": 2},
    "segmentation": {"backbone": BACKBONE, "batch": 2},
}


@pytest.fixture
def folder(dataset: Dataset, tmp_path: Path) -> Path:
    """A user's folder in VOC layout: 6 images of train, 3 of val."""
    shutil.copytree((dataset.root / "dataset").resolve(), tmp_path / "own")
    return tmp_path / "own"


def found(dataset: Dataset, folder: Path, changes: dict[str, Any] | None = None) -> Findings:
    base = merge(BASE, {"locations": {"dataset": str(folder)}, "data": {"classes": dict(dataset.values.classes)}})
    return check(read_config(merge(base, changes or {})))


def test_a_sound_dataset_gives_no_error(dataset: Dataset, folder: Path) -> None:
    assert found(dataset, folder).errors == []


def colour_mask(folder: Path) -> str:
    path = next((folder / "SegmentationClass").glob("*.png"))
    Image.open(path).convert("RGB").save(path)
    return rf"{path} is an image of mode RGB; labels are 8-bit indexed"


def turned_photograph(folder: Path) -> str:
    """A photograph whose EXIF data turn it by half: its mask's size fits. One that is of another size does not."""
    path = folder / "JPEGImages" / "train_0001.jpg"
    image = Image.open(path).convert("RGB")
    image.resize((image.width + 2, image.height)).save(path)
    return r"train_0001\.png has .* pixels, and its photograph JPEGImages/train_0001\.jpg has .*"


def value_outside(folder: Path) -> str:
    path = folder / "SegmentationClass" / "val_0001.png"
    labels = np.asarray(Image.open(path)).copy()
    labels[0, 0] = 99
    write_labels(path, labels)
    return r"val_0001\.png holds the value 99 \(1 pixels\)"


def missing_photograph(folder: Path) -> str:
    (folder / "JPEGImages" / "train_0002.jpg").unlink()
    return r"missing image: \S*train_0002\.jpg"


def text_as_photograph(folder: Path) -> str:
    (folder / "JPEGImages" / "train_0002.jpg").write_text("hello")
    return r"damaged image: \S*train_0002\.jpg"


def double(folder: Path) -> str:
    path = folder / "ImageSets" / "Segmentation" / "val.txt"
    path.write_text(path.read_text() + "val_0001\n")
    return r"names val_0001 more than once, on the lines 2 and 4"


def climbing_id(folder: Path) -> str:
    path = folder / "ImageSets" / "Segmentation" / "val.txt"
    path.write_text("../../val_0001\n")
    return r"val\.txt, line 1: '\.\./\.\./val_0001' is no id of an image: it is no plain file name"


def lost_list(folder: Path) -> str:
    (folder / "ImageSets" / "Segmentation" / "val.txt").unlink()
    return r"val\.txt"


def wrong_table(folder: Path) -> str:
    path = folder / "image_labels.csv"
    path.write_text(path.read_text().replace(",1", ",7", 1))
    return r"image_labels\.csv: the row of image .* holds a value other than 0 and 1"


FAULTS = [
    colour_mask,
    turned_photograph,
    value_outside,
    missing_photograph,
    text_as_photograph,
    double,
    climbing_id,
    lost_list,
    wrong_table,
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_folder_is_found(dataset: Dataset, folder: Path, fault: Callable[[Path], str]) -> None:
    message = fault(folder)
    (error,) = found(dataset, folder).errors
    assert re.search(message, error)
    assert error.isprintable()


def test_all_faults_are_said_at_once(dataset: Dataset, folder: Path) -> None:
    messages = [fault(folder) for fault in (colour_mask, missing_photograph, value_outside)]
    changes = {"classifier": {"batch": 7}, "segmentation": {"backbone": {"weights": "file"}}}
    errors = found(dataset, folder, changes).errors
    messages += [
        r"classifier\.batch: 7 is larger than the train list of own \(6 images\)",
        r"backbone resnet18 has weights: file; set locations\.backbones\.resnet18",
    ]
    assert len(errors) == len(messages)
    assert all(any(re.search(message, error) for error in errors) for message in messages), errors


def test_both_wrong_lists_are_said(dataset: Dataset, folder: Path) -> None:
    climbing_id(folder)
    train = folder / "ImageSets" / "Segmentation" / "train.txt"
    train.write_text("/etc/passwd\n")
    assert len(found(dataset, folder).errors) == 2


def test_only_some_of_many_faults_are_shown(dataset: Dataset, folder: Path) -> None:
    findings = Findings()
    findings.many([f"fault {number}" for number in range(MOST_SHOWN + 5)], "faults")
    assert len(findings.errors) == MOST_SHOWN + 1
    assert findings.errors[-1] == "and 5 more faults"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"locations": {"dataset": None}}, r"locations\.dataset is missing: set it to the folder of the dataset"),
        ({"locations": {"dataset": "/none"}}, r"no dataset at /none: set locations\.dataset"),
        ({"segmentation": {"batch": 8}}, r"segmentation\.batch: 8 is larger than the train list of own"),
        ({"irnet": {"batch": 9}}, r"irnet\.batch: 9 is larger than the train list of own"),
        (
            {"irnet": {"backbone": {"weights": "file"}}, "locations": {"backbones": {"resnet18": "/none.pth"}}},
            r"no weights at /none\.pth: correct locations\.backbones\.resnet18",
        ),
    ],
)
def test_what_a_config_lacks_is_found(dataset: Dataset, folder: Path, changes: dict[str, Any], message: str) -> None:
    errors = found(dataset, folder, changes).errors
    assert len([error for error in errors if re.search(message, error)]) == 1, errors


def test_what_needs_masks_is_refused_without(dataset: Dataset, folder: Path) -> None:
    shutil.rmtree(folder / "SegmentationClass")
    assert found(dataset, folder).errors == []
    assert "needs a mask of every image of train" in found(dataset, folder, {"supervision": "truth"}).errors[0]
    base = merge(BASE, {"locations": {"dataset": str(folder)}, "data": {"classes": dict(dataset.values.classes)}})
    others = {"runs": {"upper": {"supervision": "truth"}}, "comparisons": {"c": {"rows": {"a": {}}}}}
    config = read_config(merge(base, others))
    # Only the dataset is about to be made: runs that are not asked for stop nothing.
    made = [STAGES["data"].folder(config.runs["upper"].data)]
    assert check(config, made).errors == []
    compared = found(dataset, folder, {"comparisons": {"c": {"rows": {"a": {}}}}}).errors
    assert [error.split(",")[0] for error in compared] == ["config: comparisons.c: nothing to score"]


def test_masks_that_will_be_painted_count(dataset: Dataset, folder: Path) -> None:
    """COCO's masks are made from its annotations, and are not there yet."""
    sizes = {path.stem: Image.open(path).size for path in sorted((folder / "JPEGImages").glob("*.jpg"))}
    images = [
        {"id": own, "file_name": f"{name}.jpg", "height": size[1], "width": size[0]}
        for own, (name, size) in enumerate(sizes.items())
    ]
    box = [[0, 0, 9, 0, 9, 9]]
    annotations = [
        {"id": own, "image_id": own, "category_id": 1, "iscrowd": 0, "segmentation": box} for own in range(len(images))
    ]
    instances = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]}
    (folder / "train.json").write_text(json.dumps(instances))
    data = {"kind": "coco", "name": "own", "train": "train.json", "train_images": "JPEGImages", "val": "train.json"}
    base = {**BASE, "data": data, "locations": {"dataset": str(folder)}, "report": {"recovery": True}}
    told = check(read_config(base))
    assert (told.errors, told.warnings) == ([], [])
    without = check(read_config({**base, "data": {**data, "masks": False}}))
    assert any("needs a mask of every image of train" in line for line in without.errors)


def test_masks_without_a_pixel_of_a_class_are_a_warning(dataset: Dataset, folder: Path) -> None:
    """Masks of 0 and 255, as many programs write them, would give a score of the background alone."""
    for path in (folder / "SegmentationClass").glob("*.png"):
        labels = np.asarray(Image.open(path))
        write_labels(path, np.where(labels > 0, 255, 0).astype(np.uint8))
    findings = found(dataset, folder)
    assert findings.errors == []
    assert any("none has a pixel of" in text for text in findings.warnings)


def test_photographs_that_may_be_left_out_are_warnings(dataset: Dataset, folder: Path) -> None:
    text_as_photograph(folder)
    findings = found(dataset, folder, {"data": {"on_bad_image": "skip"}})
    assert findings.errors == []
    assert any("train_0002.jpg" in text for text in findings.warnings)


def test_only_what_is_about_to_be_made_is_looked_at(dataset: Dataset, folder: Path) -> None:
    missing_photograph(folder)
    base = merge(BASE, {"locations": {"dataset": str(folder)}, "data": {"classes": dict(dataset.values.classes)}})
    assert check(read_config(base), made=["classifier-x-000000"]).errors == []


def test_looking_ends_in_time(dataset: Dataset, folder: Path) -> None:
    from wsss.data.sources.folder import list_folder

    listing = list_folder(folder, dataset.values.classes, {}, {"train": "train", "train_scored": "train", "val": "val"})
    findings = Findings()
    looked = look_at_photographs(listing, False, findings, longest=0)
    assert (looked.photographs, looked.listed) == (0, 9)
    assert "0 of 9 photographs were looked at" in findings.warnings[0]


def test_the_command_lists_errors_of_several_configs(dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    missing_photograph(folder)
    base = merge(BASE, {"locations": {"dataset": str(folder)}, "data": {"classes": dict(dataset.values.classes)}})
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(base))
    (tmp_path / "b.yaml").write_text("shards: 1\nshards: 2\n")
    told = CliRunner().invoke(app, ["check", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")])
    assert told.exit_code == 1
    lines = told.output.splitlines()
    assert sum(line.startswith("error: ") for line in lines) == 2
    assert f"{tmp_path}/a.yaml: 1 error, 0 warnings" in lines
    sound = CliRunner().invoke(app, ["check", str(PROJECT / "config.yaml")])
    assert sound.exit_code == 0

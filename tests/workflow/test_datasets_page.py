"""Every config of docs/datasets.md, over files as the page describes them, up to the prepared dataset."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.workflow.conftest import PROJECT, TINY, Workplace
from wsss.data.dataset import Dataset
from wsss.data.images import read_labels
from wsss.data.sources.synthetic.scenes import CLASS_NAMES, generate
from wsss.plan.stages import STAGES
from wsss.settings.config import read_config
from wsss.settings.data import SyntheticSettings

PAGE = PROJECT / "docs" / "datasets.md"
SETTINGS = SyntheticSettings(kind="synthetic", train_images=6, val_images=3, image_size=64, classes=2, max_objects=1)


def blocks() -> list[dict[str, Any]]:
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)]


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [block for block in blocks() if block["data"]["kind"] == kind]


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Scenes of two classes in VOC layout."""
    generate(SETTINGS, tmp_path / "scenes")
    return tmp_path / "scenes"


def names(scenes: Path, split: str) -> list[str]:
    return (scenes / "ImageSets" / "Segmentation" / f"{split}.txt").read_text().split()


def prepared(place: Workplace, block: dict[str, Any]) -> Dataset:
    """The dataset of a config that is the miniature one with other data, made by the workflow."""
    config = yaml.safe_load(TINY.read_text()) | block
    path = place.root / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    made = f"results/{STAGES['data'].folder(read_config(config).runs['default'].data)}"
    outcome = place.snakemake(f"{made}/images.tsv", config=path)
    assert outcome.code == 0, outcome.output
    return Dataset(place.work / made)


def table_of(scenes: Path) -> dict[str, list[str]]:
    header, *rows = (line.split(",") for line in (scenes / "image_labels.csv").read_text().splitlines())
    return {row[0]: [name for name, one in zip(header[1:], row[1:], strict=True) if one == "1"] for row in rows}


def own_images(scenes: Path, place: Workplace) -> None:
    """Photographs, a table, lists and masks, where the page's configs look for them."""
    shutil.copytree(scenes / "JPEGImages", place.root / "photographs")
    shutil.copytree(scenes / "SegmentationClass", place.root / "photographs" / "masks")
    rows = [f"{image_id}.jpg,{';'.join(own)}" for image_id, own in table_of(scenes).items()]
    for folder in (place.root / "photographs", place.root / "tables"):
        folder.mkdir(exist_ok=True)
        (folder / "labels.csv").write_text("\n".join(["filename,labels", *rows]) + "\n")
    train, val = names(scenes, "train"), names(scenes, "val")
    for split, ids in {"train": train, "val": val[:2], "test": val[2:]}.items():
        (place.root / "tables" / f"{split}.txt").write_text("\n".join(ids) + "\n")


def test_any_photographs_with_a_table(workplace: Workplace, scenes: Path) -> None:
    drawn, listed = of_kind("images")
    own_images(scenes, workplace)
    shutil.rmtree(workplace.root / "photographs" / "masks")
    data = prepared(workplace, drawn)
    assert len(data.ids("train")) + len(data.ids("val")) == 9
    assert len(data.ids("val")) == 2
    shutil.copytree(scenes / "SegmentationClass", workplace.root / "photographs" / "masks")
    data = prepared(workplace, listed)
    assert [data.ids(split) for split in ("train", "val", "test")] == [
        names(scenes, "train"),
        names(scenes, "val")[:2],
        names(scenes, "val")[2:],
    ]
    for image_id, own in table_of(scenes).items():
        if image_id not in data.ids("test"):
            assert [data.classes[number] for number in data.present(image_id)] == sorted(own)
    assert data.scored_ids("val") == data.ids("val")


def test_coco_annotations(workplace: Workplace, scenes: Path) -> None:
    (block,) = of_kind("coco")
    folder = workplace.root / "farm"
    for split in ("train", "val"):
        ids = names(scenes, split)
        (folder / split).mkdir(parents=True)
        images, annotations = [], []
        for number, image_id in enumerate(ids):
            shutil.copy(scenes / "JPEGImages" / f"{image_id}.jpg", folder / split)
            with Image.open(scenes / "JPEGImages" / f"{image_id}.jpg") as image:
                size = {"width": image.width, "height": image.height}
            images.append({"id": number, "file_name": f"{image_id}.jpg", **size})
            polygon = {"segmentation": [[4, 4, 20, 4, 20, 20, 4, 20]], "iscrowd": 0}
            annotations.append({"id": number, "image_id": number, "category_id": 7 + number % 2, **polygon})
        categories = [{"id": 7, "name": "cow"}, {"id": 8, "name": "sheep"}]
        content = {"images": images, "annotations": annotations, "categories": categories}
        (folder / "annotations").mkdir(exist_ok=True)
        (folder / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))
    data = prepared(workplace, block)
    assert data.values.classes == {"cow": 7, "sheep": 8}
    assert (data.ids("train"), data.ids("val")) == (names(scenes, "train"), names(scenes, "val"))
    mask = read_labels(data.root / data.index[data.ids("val")[1]].mask)
    assert set(np.unique(mask)) == {0, 8}


def test_a_folder_in_voc_layout(workplace: Workplace, scenes: Path) -> None:
    (block,) = of_kind("folder")
    shutil.copytree(scenes, workplace.root / "farm")
    text = (scenes / "image_labels.csv").read_text()
    for own, name in zip(CLASS_NAMES, ("cow", "sheep"), strict=False):
        text = text.replace(own, name)
    (workplace.root / "farm" / "image_labels.csv").write_text(text)
    for image_id in [*names(scenes, "train"), *names(scenes, "val")]:
        path = workplace.root / "farm" / "SegmentationClass" / f"{image_id}.png"
        labels = read_labels(path)
        Image.fromarray(np.select([labels == 1, labels == 2], [10, 17], 0).astype(np.uint8)).save(path)
    data = prepared(workplace, block)
    assert data.values.classes == {"cow": 10, "sheep": 17}
    assert len(data.scored_ids("val")) == 3


@pytest.mark.parametrize(("kind", "archives"), [("voc12", 2), ("coco14", 3)])
def test_official_archives_are_planned(workplace: Workplace, kind: str, archives: int) -> None:
    """They are too large to download in a test."""
    (block,) = of_kind(kind)
    path = workplace.root / "config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(TINY.read_text()) | block))
    planned = workplace.planned(config=path)
    assert (planned["fetch_archive"], planned[f"prepare_{kind}"]) == (archives, 1)


def test_every_kind_has_a_config_on_the_page() -> None:
    assert {block["data"]["kind"] for block in blocks()} == {"images", "coco", "coco14", "voc12", "folder", "synthetic"}

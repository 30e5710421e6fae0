"""The whole chain on folders with some masks, without masks and val, and without a background."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.workflow.conftest import CLASSES, Workplace, folder_config
from wsss.data.images import write_labels
from wsss.data.synthetic.scenes import generate
from wsss.settings.data import SyntheticSettings

VALUES = {name: value for value, name in enumerate(CLASSES, 1)}
SETTINGS = SyntheticSettings(kind="synthetic", train_images=10, val_images=4, image_size=64, classes=4, max_objects=2)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of 10 train and 4 val images with all masks."""
    generate(SETTINGS, tmp_path / "source")
    return tmp_path / "source"


def ids_of(source: Path, split: str) -> list[str]:
    return (source / "ImageSets" / "Segmentation" / f"{split}.txt").read_text().split()


def masks_of(source: Path, split: str) -> list[Path]:
    return [source / "SegmentationClass" / f"{one}.png" for one in ids_of(source, split)]


def config_of(place: Workplace, source: Path, data: Mapping[str, Any], **changes: Any) -> Path:
    """The miniature config on a folder, in one shard."""
    whole = {"kind": "folder", "name": "own", "classes": VALUES, **data}
    values = {"data": whole, "locations": {"dataset": str(source)}, "shards": 1, **changes}
    return place.write_config(values, without=("data",))


def report_of(place: Workplace) -> tuple[list[dict[str, Any]], str]:
    run = place.only("results/runs/default")
    return json.loads((run / "metrics.json").read_text()), (run / "report.html").read_text()


def test_scores_are_of_the_images_that_have_masks(workplace: Workplace, source: Path) -> None:
    """Some masks are missing, and one photograph is damaged. A training on the truth needs all masks."""
    for mask in (*masks_of(source, "train")[3:], masks_of(source, "val")[1]):
        mask.unlink()
    damaged = ids_of(source, "train")[5]
    (source / "JPEGImages" / f"{damaged}.jpg").write_bytes(b"\xff\xd8\xff")
    changes = {"pseudo_labels": {"method": "none"}}
    config = config_of(workplace, source, {"on_bad_image": "skip"}, **changes)
    outcome = workplace.snakemake(config=config)
    assert outcome.code == 0, outcome.output
    metrics, page = report_of(workplace)
    assert {(item["split"], item["images"], item["listed"]) for item in metrics} == {("train", 3, 9), ("val", 3, 4)}
    assert len(metrics) == 7
    assert "Masks of 3 of 9 images of train: scores on train are of these." in page
    assert "3 of 4" in page
    assert f"JPEGImages/{damaged}.jpg</th>" in page
    assert not workplace.planned(config=config)
    bound = {"runs": {"upper": {"supervision": "truth"}}}
    truth = workplace.snakemake("upper", config=config_of(workplace, source, {"on_bad_image": "skip"}, **bound))
    assert truth.code != 0
    assert "error: 6 of 9 images of train have no mask, the first is " in truth.output


def test_without_masks_and_val_the_report_says_so(copy_of_folder_run: Workplace) -> None:
    place = copy_of_folder_run
    metrics, page = report_of(place)
    assert metrics == []
    assert "No masks: no scores." in page
    assert "Masks of 0 of 16 images of train: no scores on train." in page
    assert "No images of val: nothing is predicted and scored on val." in page
    assert "Losses of the trainings" in page
    assert "Images of train" in page
    assert "Images of val" not in page
    for name in ("cams", "prediction", "prediction_labels"):
        manifests = list(place.work.glob(f"results/**/{name}-*/**/val.tsv"))
        assert manifests, name
        assert {path.read_text() for path in manifests} == {"id\tfile\tbytes\tsha256\n"}, name
    comparison = {"table": {"stage": "cam", "seeds": [0], "rows": {"own": {}}}}
    changes = folder_config(place.root / "dataset", comparisons=comparison)
    refused = place.snakemake("table", config=place.write_config(changes, without=("data",)))
    assert refused.code != 0
    assert "error: comparison table-" in refused.output
    assert "nothing to score after stage cam" in refused.output


def test_without_a_background_every_pixel_belongs_to_a_class(workplace: Workplace, source: Path) -> None:
    """What was background is a class. One image of train has no class."""
    classes = VALUES | {"background": 9}
    table = pd.read_csv(source / "image_labels.csv", dtype={"image_id": str}).assign(background=1)
    empty = ids_of(source, "train")[2]
    table.loc[table["image_id"] == empty, [*classes]] = 0
    table.to_csv(source / "image_labels.csv", index=False)
    for path in (*masks_of(source, "train"), *masks_of(source, "val")):
        labels = read(path)
        write_labels(path, np.where(labels == 0, 9, labels))
    config = config_of(workplace, source, {"background": "none", "classes": classes})
    outcome = workplace.snakemake(config=config)
    assert outcome.code == 0, outcome.output
    metrics, page = report_of(workplace)
    assert len(metrics) == 7
    for item in metrics:
        assert list(item["per_class"]) == list(classes)
        found = [iou for iou in item["per_class"].values() if iou is not None]
        assert item["miou"] == pytest.approx(sum(found) / len(found))
    assert {item["threshold"] for item in metrics if item["stage"] != "pseudo_label"} == {None}
    assert "a pixel without a label is a miss" in page
    assert "background score; the line" not in page
    for stage in ("cam_crf", "confident_labels", "pseudo_labels", "prediction_labels"):
        files = list(workplace.work.glob(f"results/data-own-*/**/{stage}-*/**/labels/*.png"))
        assert files, stage
        assert 0 not in {int(value) for path in files for value in np.unique(read(path))}, stage
        for path in files:
            if path.stem == empty:
                assert (read(path) == 255).all(), path
    plain = list(workplace.work.glob("results/**/prediction_labels-*/plain/labels/*.png"))
    assert 255 not in {int(value) for path in plain for value in np.unique(read(path))}


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)

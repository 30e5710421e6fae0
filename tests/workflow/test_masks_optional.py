"""The whole chain on a folder with some masks and without a background, and on one without masks and val."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.workflow.conftest import CLASSES, Workplace, folder_config, made_once, new_workplace
from wsss.data.images import write_labels
from wsss.data.sources.synthetic.scenes import generate
from wsss.manifests.rows import read_manifest
from wsss.settings.data import SyntheticSettings

SETTINGS = SyntheticSettings(kind="synthetic", train_images=10, val_images=4, image_size=64, classes=4, max_objects=2)
BACKGROUND = 9
VALUES = {name: value for value, name in enumerate(CLASSES, 1)} | {"background": BACKGROUND}
# An image without a class, one whose file is damaged, and those that have masks.
EMPTY, DAMAGED = "train_0002", "train_0005"
WITH_MASKS = {"train_0000", "train_0001", "train_0002", "val_0000", "val_0002", "val_0003"}


def make_incomplete(folder: Path) -> None:
    """A folder of 10 train and 4 val images with few masks, in which what was background is a class."""
    generate(SETTINGS, folder)
    for mask in (folder / "SegmentationClass").iterdir():
        labels = read(mask)
        write_labels(mask, np.where(labels == 0, BACKGROUND, labels))
        if mask.stem not in WITH_MASKS:
            mask.unlink()
    table = pd.read_csv(folder / "image_labels.csv", dtype={"image_id": str}).assign(background=1)
    table.loc[table["image_id"] == EMPTY, [*VALUES]] = 0
    table.to_csv(folder / "image_labels.csv", index=False)
    (folder / "JPEGImages" / f"{DAMAGED}.jpg").write_bytes(b"\xff\xd8\xff")


def config_of(place: Workplace, **changes: Any) -> Path:
    """The miniature config on such a folder, in one shard."""
    data = {"kind": "folder", "name": "own", "classes": VALUES, "background": "none", "on_bad_image": "skip"}
    places = {"dataset": str(place.root / "dataset")}
    return place.write_config({"data": data, "locations": places, "shards": 1, **changes}, without=("data",))


@pytest.fixture(scope="module")
def incomplete(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A workplace where such a folder, `dataset`, has run to its report. To be read only."""

    def make(folder: Path) -> None:
        place = new_workplace(folder)
        make_incomplete(folder / "dataset")
        outcome = place.snakemake(config=config_of(place))
        assert outcome.code == 0, outcome.output

    return Workplace(made_once(tmp_path_factory, "incomplete", make))


def report_of(place: Workplace) -> tuple[list[dict[str, Any]], str]:
    run = place.only("results/runs/default")
    return json.loads((run / "metrics.json").read_text()), (run / "report.html").read_text()


def test_scores_are_of_the_images_that_have_masks(incomplete: Workplace) -> None:
    """One photograph is damaged, and is left out."""
    metrics, page = report_of(incomplete)
    assert {(item["split"], item["images"], item["listed"]) for item in metrics} == {("train", 3, 9), ("val", 3, 4)}
    assert len(metrics) == 7
    assert "Masks of 3 of 9 images of train: scores on train are of these." in page
    assert "3 of 4" in page
    assert f"JPEGImages/{DAMAGED}.jpg</th>" in page


def test_a_training_on_the_truth_needs_all_masks(incomplete: Workplace, tmp_path: Path) -> None:
    shutil.copytree(incomplete.root, tmp_path / "copy", symlinks=True)
    place = Workplace(tmp_path / "copy")
    config = config_of(place, runs={"upper": {"supervision": "truth"}})
    assert not place.planned(config=config)
    truth = place.snakemake("upper", config=config)
    assert truth.code != 0
    assert "error: 6 of 9 images of train have no mask, the first is " in truth.output


def test_without_a_background_every_pixel_belongs_to_a_class(incomplete: Workplace) -> None:
    """What was background is a class. One image of train has no class."""
    metrics, page = report_of(incomplete)
    for item in metrics:
        assert list(item["per_class"]) == list(VALUES)
        found = [iou for iou in item["per_class"].values() if iou is not None]
        assert item["miou"] == pytest.approx(sum(found) / len(found))
    assert {item["threshold"] for item in metrics if item["stage"] != "pseudo_label"} == {None}
    assert "a pixel without a label is a miss" in page
    assert "background score; the line" not in page
    for stage in ("cam_crf", "confident_labels", "pseudo_labels", "prediction_labels"):
        files = list(incomplete.work.glob(f"results/data-own-*/**/{stage}-*/**/labels/*.png"))
        assert files, stage
        assert 0 not in {int(value) for path in files for value in np.unique(read(path))}, stage
        for path in files:
            if path.stem == EMPTY:
                assert (read(path) == 255).all(), path
    plain = list(incomplete.work.glob("results/**/prediction_labels-*/plain/labels/*.png"))
    assert 255 not in {int(value) for path in plain for value in np.unique(read(path))}


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
        assert [row for path in manifests for row in read_manifest(path)] == [], name
    comparison = {"table": {"stage": "cam", "seeds": [0], "rows": {"own": {}}}}
    changes = folder_config(place.root / "dataset", comparisons=comparison)
    refused = place.snakemake("table", config=place.write_config(changes, without=("data",)))
    assert refused.code != 0
    assert "error: comparison table-" in refused.output
    assert "nothing to score after stage cam" in refused.output


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)

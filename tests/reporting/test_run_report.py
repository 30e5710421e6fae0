"""What the page says about images without masks, and which images the panels show."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.prepared import indexed, prepared
from tests.reporting.test_figures import pixels
from wsss.data.dataset import Dataset
from wsss.data.images import write_labels
from wsss.reporting.panels import draw_split
from wsss.reporting.run_report import _notes
from wsss.settings.config import read_config
from wsss.settings.run import RunSettings

SCRATCH = {"backbone": {"name": "resnet18", "weights": "scratch"}}
SPLITS = {"train": ["a", "b", "c"], "train_scored": ["a", "b"], "val": ["d"]}


def run_of(supervision: str = "pseudo_labels") -> RunSettings:
    blocks = {"classifier": SCRATCH, "irnet": SCRATCH, "segmentation": SCRATCH}
    return read_config({"data": {"kind": "synthetic"}, **blocks, "supervision": supervision}).runs["default"]


def notes_of(dataset: Dataset, supervision: str = "pseudo_labels", scores: bool = True) -> list[str]:
    return list(_notes(dataset, run_of(supervision), scores))


def test_nothing_is_said_where_all_that_is_listed_is_scored(tmp_path: Path) -> None:
    assert notes_of(prepared(tmp_path, ["x"], SPLITS, "abd")) == []


def test_missing_masks_are_counted(tmp_path: Path) -> None:
    dataset = prepared(tmp_path, ["x"], SPLITS, "b")
    on_val = "Masks of 0 of 1 images of val: no scores on val."
    assert notes_of(dataset) == ["Masks of 1 of 2 images of train: scores on train are of these.", on_val]
    nothing = "No masks: no scores. All else was made as usual."
    assert notes_of(dataset, "truth", scores=False) == [nothing, on_val]


def test_no_val_is_said(tmp_path: Path) -> None:
    dataset = prepared(tmp_path, ["x"], {**SPLITS, "val": []}, "ab")
    (note,) = notes_of(dataset)
    assert note == "No images of val: nothing is predicted and scored on val."
    first, *_ = notes_of(dataset, scores=False)
    assert first.startswith("The masks hold only ignored pixels: no scores.")


@pytest.mark.parametrize(("masked", "shown"), [("a", "ab"), ("c", "abc"), ("", "abc")])
def test_panels_show_what_is_scored_or_else_the_split(masked: str, shown: str, tmp_path: Path) -> None:
    """Each photograph has a grey of its own, and masks are of class 1."""
    dataset = prepared(tmp_path, ["x"], SPLITS, masked)
    (tmp_path / "dataset").mkdir()
    greys = {"a": 61, "b": 131, "c": 191}
    for one, grey in greys.items():
        Image.new("RGB", (5, 4), (grey,) * 3).save(tmp_path / "dataset" / f"{one}.jpg")
    for one in masked:
        write_labels(tmp_path / dataset.index[one].mask, np.ones((4, 5), np.uint8))
    dataset = indexed(tmp_path, list(dataset.index.values()))
    draw_split(dataset, "train", 3, {}, tmp_path / "panels.png")
    picture = pixels(tmp_path / "panels.png")
    areas = {one: (np.abs(picture - grey).max(axis=-1) <= 2).sum() for one, grey in greys.items()}
    assert {one for one, area in areas.items() if area > 5_000} == set(shown)
    of_class = (np.abs(picture - [128, 0, 0]).max(axis=-1) <= 2).sum() > 5_000
    assert of_class == (masked in shown and masked != "")


def test_panels_of_a_split_without_images_are_drawn(tmp_path: Path) -> None:
    draw_split(prepared(tmp_path, ["x"], {**SPLITS, "val": []}), "val", 8, {}, tmp_path / "panels.png")
    assert (tmp_path / "panels.png").is_file()

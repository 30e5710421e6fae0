"""Masks for people: their names, sizes and colours."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from tests.prepared import listed
from wsss.data.dataset import Dataset
from wsss.data.images import read_labels, voc_palette, write_labels
from wsss.data.listing import Listing
from wsss.data.preparation import prepare
from wsss.reporting.mask_images import MaskFiles, enlarge_labels, mask_files
from wsss.reporting.masks import write_masks
from wsss.stores.label_images import label_path


def test_masks_have_the_photographs_own_names() -> None:
    assert mask_files(["dataset/Feld Süd/IMG (1).JPG", "dataset/Nord/kuh.png"]) == {
        "dataset/Feld Süd/IMG (1).JPG": MaskFiles("labels/Feld Süd/IMG (1).png", "overlays/Feld Süd/IMG (1).jpg"),
        "dataset/Nord/kuh.png": MaskFiles("labels/Nord/kuh.png", "overlays/Nord/kuh.jpg"),
    }
    assert mask_files(["dataset/JPEGImages/1.jpg", "dataset/JPEGImages/2.jpg"])[
        "dataset/JPEGImages/1.jpg"
    ] == MaskFiles("labels/1.png", "overlays/1.jpg")


def test_the_ending_is_kept_where_only_it_differs() -> None:
    found = mask_files(["dataset/a.jpg", "dataset/A.PNG", "dataset/b.jpg"])
    assert [files.labels for files in found.values()] == ["labels/a.jpg.png", "labels/A.PNG.png", "labels/b.png"]


def test_no_two_photographs_have_the_same_mask() -> None:
    """The whole name of a photograph may be that of another one without its ending."""
    names = ["x/a.jpg", "x/a.png", "x/a.jpg.bmp", "x/b.tif", "x/b.tif.JPG", "x/b.tif.jpg.png"]
    found = [files.labels.removeprefix("labels/") for files in mask_files(names).values()]
    assert len({name.casefold() for name in found}) == len(names)
    assert found[:3] == ["a.jpg.png", "a.png.png", "a.jpg.bmp.png"]


def test_labels_of_the_same_size_stay() -> None:
    labels = np.random.default_rng(0).choice([0, 8, 12], (9, 7)).astype(np.uint8)
    assert enlarge_labels(labels, (9, 7)) is labels


@pytest.mark.parametrize("size", [(20, 30), (33, 47), (10, 90)])
def test_larger_labels_have_the_same_values_and_follow_the_nearest_away_from_outlines(size: tuple[int, int]) -> None:
    labels = np.zeros((10, 10), np.uint8)
    labels[2:7, 3:9], labels[8:] = 12, 8
    larger = enlarge_labels(labels, size)
    assert larger.shape == size
    assert set(np.unique(larger)) == {0, 8, 12}
    for row in range(size[0]):
        for column in range(size[1]):
            y, x = (row + 0.5) * 10 / size[0], (column + 0.5) * 10 / size[1]
            near = labels[max(int(y - 1), 0) : int(y + 1) + 1, max(int(x - 1), 0) : int(x + 1) + 1]
            assert larger[row, column] in near


@pytest.fixture
def made(tmp_path: Path) -> tuple[Dataset, Path]:
    """Two photographs, one of them lying on its side and above the bound, and label images for both."""
    photographs = tmp_path / "photographs"
    (photographs / "Süd").mkdir(parents=True)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (80, 40), (200, 100, 0)).save(photographs / "Süd" / "IMG 1.jpg", exif=exif, quality=100)
    Image.new("RGB", (30, 20), (10, 20, 30)).save(photographs / "b.png")
    splits = {"train": ["one"], "train_scored": ["one"], "val": ["two"]}
    files = {"one": "Süd/IMG 1.jpg", "two": "b.png"}
    labels = {image_id: np.ones(1) for image_id in files}
    prepare(Listing(photographs, files, splits, labels, {"cow": 10}), tmp_path / "made", most_pixels=800)
    data = Dataset(tmp_path / "made")
    half = np.zeros(data.sizes["one"], np.uint8)
    half[: len(half) // 2] = 10
    write_labels(label_path(tmp_path / "stage", "one"), half)
    write_labels(label_path(tmp_path / "stage", "two"), np.full((20, 30), 10))
    return data, tmp_path / "stage"


def test_every_photograph_gets_a_mask_and_an_overlay_upright_and_at_full_size(
    made: tuple[Dataset, Path], tmp_path: Path
) -> None:
    data, stage = made
    assert data.sizes["one"] == (40, 20)
    write_masks(data, dict.fromkeys(["train", "val"], listed(stage)), tmp_path / "masks", 2)
    labels = read_labels(tmp_path / "masks" / "labels" / "Süd" / "IMG 1.png")
    assert labels.shape == (80, 40)
    assert np.all(labels[:38] == 10)
    assert np.all(labels[42:] == 0)
    shown = np.asarray(Image.open(tmp_path / "masks" / "overlays" / "Süd" / "IMG 1.jpg")).astype(int)
    assert shown.shape == (80, 40, 3)
    blended = (np.array([200, 100, 0]) + voc_palette()[10].astype(int)) / 2
    assert np.abs(shown[:30] - blended).max() < 8
    assert np.abs(shown[50:] - [200, 100, 0]).max() < 8
    legend = json.loads((tmp_path / "masks" / "labels.json").read_text())
    assert legend["10"] == {"name": "cow", "colour": voc_palette()[10].tolist()}
    assert (tmp_path / "masks" / "legend.png").stat().st_size > 0
    with (tmp_path / "masks" / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["photograph"], row["split"], row["share of cow"]) for row in rows] == [
        ("Süd/IMG 1.jpg", "train", "0.5000"),
        ("b.png", "val", "1.0000"),
    ]


def test_masks_of_earlier_photographs_are_removed(made: tuple[Dataset, Path], tmp_path: Path) -> None:
    data, stage = made
    old = tmp_path / "masks" / "labels" / "gone.png"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    write_masks(data, {"train": listed(stage)}, tmp_path / "masks", 1)
    assert {path.name for path in (tmp_path / "masks").rglob("*.png")} == {"IMG 1.png", "legend.png"}

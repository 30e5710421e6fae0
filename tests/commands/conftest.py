"""Photographs as people have them, a dataset prepared from them, and a model with random weights."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from safetensors.torch import save_file

from wsss.data.dataset import Dataset
from wsss.data.listing import Listing
from wsss.data.preparation import prepare
from wsss.segmentation.model import write_model
from wsss.segmentation.training import build_segmenter
from wsss.settings.run import RunSettings

SCRATCH: dict[str, Any] = {"name": "resnet18", "weights": "scratch"}
CLASSES = {"cat": 8, "dog": 12, "cow": 3}
MOST_PIXELS = 4096
DIGESTS = {"settings": "a" * 12, "code": "b" * 12}


def run_settings(**data: Any) -> RunSettings:
    """The settings of a run with a small network."""
    named = {"kind": "folder", "name": "mine", "classes": CLASSES, "max_pixels": MOST_PIXELS}
    values = {name: {"backbone": SCRATCH} for name in ("classifier", "irnet")} | {
        "data": named | data,
        "segmentation": {"backbone": SCRATCH, "output_stride": 16, "rates": [1, 2]},
    }
    return RunSettings.model_validate(values)


@dataclass(frozen=True)
class Made:
    """Photographs, the dataset that is prepared from them, the trained weights, and the model."""

    photographs: Path
    dataset: Dataset
    run: RunSettings
    weights: Path
    model: Path


def write_photographs(folder: Path) -> dict[str, str]:
    """Photographs of many kinds. Returns their paths below the folder by an id."""
    rng = np.random.default_rng(0)
    (folder / "Süd").mkdir(parents=True)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 11, 3)).astype(np.uint8))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    coarse.resize((60, 44)).save(folder / "plain.jpg", quality=90)
    coarse.resize((62, 40)).save(folder / "Süd" / "IMG 1.JPG", exif=exif, quality=90)
    coarse.resize((150, 90)).save(folder / "Süd" / "large.png")
    coarse.resize((90, 130)).save(folder / "Süd" / "large on its side.jpg", exif=exif)
    Image.fromarray(rng.integers(0, 65_536, (40, 50)).astype(np.uint16)).save(folder / "deep.png")
    clear = coarse.resize((48, 48)).convert("RGBA")
    clear.putalpha(Image.fromarray(np.tile(np.arange(48, dtype=np.uint8) * 5, (48, 1))))
    clear.save(folder / "clear.png")
    coarse.resize((50, 30)).convert("CMYK").save(folder / "cmyk.tif")
    names = ["plain.jpg", "Süd/IMG 1.JPG", "Süd/large.png", "Süd/large on its side.jpg", "deep.png", "clear.png"]
    return {f"id{number}": name for number, name in enumerate([*names, "cmyk.tif"])}


def make(folder: Path, has_background: bool) -> Made:
    files = write_photographs(folder / "photographs")
    labels = {image_id: np.ones(len(CLASSES)) for image_id in files}
    splits = {"train": list(files), "train_scored": [], "val": list(files)}
    listing = Listing(
        folder / "photographs", files, splits, labels, dict(sorted(CLASSES.items(), key=lambda item: item[1]))
    )
    if not has_background:
        listing = Listing(**{**vars(listing), "has_background": False})
    prepare(listing, folder / "data", most_pixels=MOST_PIXELS)
    run, dataset = run_settings(background="first" if has_background else "none"), Dataset(folder / "data")
    torch.manual_seed(0)
    network = build_segmenter(run.segmentation, len(CLASSES))
    for branch in network.aspp:
        # Larger than the initial weights, so that labels differ from pixel to pixel.
        torch.nn.init.normal_(branch.weight, std=0.3)
    weights = folder / "trained" / "segmenter.safetensors"
    weights.parent.mkdir()
    save_file(network.state_dict(), weights)
    model = folder / "results" / "runs" / "mine-0a1b2c" / "model" / "segmenter.safetensors"
    write_model(run, dataset, weights, DIGESTS, model)
    return Made(folder / "photographs", dataset, run, weights, model)


@pytest.fixture(scope="session", params=[True, False], ids=["with background", "without background"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """With and without a background. To be read only."""
    return make(tmp_path_factory.mktemp("made"), request.param)


@pytest.fixture(scope="session")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """With a background. To be read only."""
    return make(tmp_path_factory.mktemp("usual"), True)


@pytest.fixture
def photographs(usual: Made, tmp_path: Path) -> Path:
    """A copy of the photographs, to be changed."""
    return Path(shutil.copytree(usual.photographs, tmp_path / "photographs"))

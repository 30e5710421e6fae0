"""docs/own-images.md as a farmer follows it: two commands from a folder and a table to masks of all photographs."""

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import ExifTags, Image, ImageOps

from tests.workflow.conftest import PROJECT, TINY, Workplace
from wsss.data.images import read_labels
from wsss.data.sources.synthetic.scenes import draw_scene
from wsss.settings.config import merge
from wsss.settings.data import SyntheticSettings

PAGE = PROJECT / "docs" / "own-images.md"
ANIMALS = PROJECT.parent / "shared" / "voc-animals"
SCENES = SyntheticSettings(kind="synthetic", image_size=96, classes=2, max_objects=1)
CLASSES = ("cow", "sheep")
# Nine kinds of files, in folders and under names as people have them; how each is saved.
FILES: dict[str, dict[str, Any]] = {
    "Feld Süd/IMG (1).JPG": {"format": "JPEG", "orientation": 6},
    "Feld Süd/IMG (1).png": {},
    "Feld Süd/schräg.jpeg": {"format": "JPEG", "orientation": 8},
    "Stall/a.webp": {"lossless": True},
    "Stall/b.tif": {},
    "Stall/c.TIFF": {"format": "TIFF"},
    "Stall/d.bmp": {},
    "Stall/16 bit.png": {"deep": True},
    "Stall/glass.png": {"alpha": True},
    "grau.jpg": {"mode": "L"},
    "druck.jpg": {"mode": "CMYK"},
    "groß.jpg": {"scale": 6},
}


def commands() -> Iterator[list[str]]:
    for block in re.findall(r"```\n(.*?)```", PAGE.read_text(), re.DOTALL):
        for line in block.splitlines():
            command = line.partition("#")[0].split()
            if command and command[0] in ("wsss", "snakemake"):
                yield command


def save(path: Path, image: Image.Image, own: dict[str, Any]) -> None:
    """Write a photograph as a camera, a scanner or a drawing program does."""
    image = image.convert(own.get("mode", "RGB"))
    if "scale" in own:
        image = image.resize((image.width * own["scale"], image.height * own["scale"]))
    if "deep" in own:
        image = Image.fromarray((np.asarray(image.convert("L")).astype(np.uint16) << 8) + 7)
    if "alpha" in own:
        image.putalpha(255)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = own.get("orientation", 1)
    options = {name: own[name] for name in ("format", "lossless") if name in own}
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, exif=exif, **options)


def upright_size(own: dict[str, Any], image: Image.Image) -> tuple[int, int]:
    scale, turned = own.get("scale", 1), own.get("orientation", 1) > 4
    height, width = image.height * scale, image.width * scale
    return (width, height) if turned else (height, width)


def scenes() -> Iterator[tuple[Image.Image, list[str]]]:
    """Generated scenes of cows and sheep, with the names of what is in them."""
    rng = np.random.default_rng(0)
    for number in count():
        drawn, labels = draw_scene(SCENES, rng, number % 2)
        yield Image.fromarray(np.asarray(drawn)), [CLASSES[value - 1] for value in np.unique(labels) if value]


def animals() -> Iterator[tuple[Image.Image, list[str]]]:
    """Photographs of voc-animals with cows, sheep or both, cut to one small size."""
    table = pd.read_csv(ANIMALS / "image_labels.csv", dtype={"image_id": str})
    for row in table[table[[*CLASSES]].any(axis=1)].to_dict("records"):
        with Image.open(ANIMALS / "JPEGImages" / f"{row['image_id']}.jpg") as image:
            yield ImageOps.fit(image.convert("RGB"), (120, 90)), [name for name in CLASSES if row[name]]


@pytest.fixture
def farm(workplace: Workplace) -> dict[str, tuple[int, int]]:
    """Photographs of nine kinds and a table in the folder where commands run. Returns each one's upright size.

    They are photographs of voc-animals if these are beside the project, else generated scenes.
    """
    images = animals() if ANIMALS.is_dir() else scenes()
    files = {**FILES, **{f"Wiese/{number}.jpg": {} for number in range(12)}}
    rows, sizes = ["filename;labels"], {}
    for (name, own), (image, classes) in zip(files.items(), images, strict=False):
        save(workplace.work / "photographs" / name, image, own)
        rows.append(f"{name};{','.join(classes)}")
        sizes[name] = upright_size(own, image)
    # A photograph that no row names, and a file that is no photograph.
    del rows[-1]
    (workplace.work / "photographs" / "notes.docx").write_bytes(b"no photograph")
    (workplace.work / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8-sig")
    return sizes


def run_here(place: Workplace, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the page as it stands there, in the folder of the photographs."""
    installed = [Path(sys.executable).with_name(command[0]), *command[1:]]
    return subprocess.run(installed, cwd=place.work, capture_output=True, text=True, timeout=600)


def make_small(config: Path) -> None:
    """Let a written config train for seconds: the networks and lengths of the miniature one.

    The largest photograph (groß.jpg) is worked on at a smaller size.
    """
    written, tiny = yaml.safe_load(config.read_text()), yaml.safe_load(TINY.read_text())
    changes = {stage: tiny[stage] for stage in ("classifier", "cams", "irnet", "segmentation", "prediction")}
    config.write_text(yaml.safe_dump(merge(written, {**changes, "data": {"max_pixels": 20_000}})))


def test_two_commands_lead_from_a_folder_and_a_table_to_masks(
    workplace: Workplace, farm: dict[str, tuple[int, int]]
) -> None:
    place, (init, make, *_) = workplace, commands()
    assert (init[:2], make[0]) == (["wsss", "init"], "snakemake")
    told = run_here(place, init)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "cow" in told.stdout
    assert "Wiese/11.jpg" in told.stdout
    make_small(place.work / init[-1])
    made = place.snakemake(config=place.work / make[-1])
    assert made.code == 0, made.output
    masks = place.work / "results" / "runs" / "default" / "masks"
    with (masks / "index.csv").open(newline="") as file:
        rows = {row["photograph"]: row for row in csv.DictReader(file)}
    assert rows.keys() == farm.keys()
    for name, size in farm.items():
        labels = read_labels(masks / rows[name]["labels"])
        assert labels.shape == size, name
        assert set(np.unique(labels)) <= {0, 1, 2}
        with Image.open(masks / rows[name]["overlay"]) as overlay:
            assert (overlay.height, overlay.width) == size, name
    assert rows["Stall/b.tif"]["labels"] == "labels/Stall/b.png"
    assert rows["Feld Süd/IMG (1).JPG"]["labels"] == "labels/Feld Süd/IMG (1).JPG.png"
    legend = json.loads((masks / "labels.json").read_text())
    assert {value: entry["name"] for value, entry in legend.items()} == {
        "0": "background",
        "1": "cow",
        "2": "sheep",
        "255": "ignored",
    }
    assert "no scores" in (masks.parent / "report.html").read_text()
    assert not place.planned(config=place.work / make[-1])


def test_the_other_commands_of_the_page_write_configs_too(
    workplace: Workplace, farm: dict[str, tuple[int, int]]
) -> None:
    place, others = workplace, list(commands())[2:]
    (place.work / "lists").mkdir()
    shutil.copy(place.work / "labels.csv", place.work / "lists")
    for split, names in {"train": list(farm)[:20], "val": list(farm)[20:23]}.items():
        (place.work / "lists" / f"{split}.txt").write_text("\n".join(names) + "\n")
    assert len(others) == 3
    for number, command in enumerate(others):
        assert command[:2] == ["wsss", "init"]
        written = place.work / f"{number}.yaml"
        told = run_here(place, [*command, "-o", str(written)])
        assert told.returncode == 0, told.stderr
        assert place.planned(config=written)["prepare_images"] == 1

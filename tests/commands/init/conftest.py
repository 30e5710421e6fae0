"""Folders of photographs as people have them, and `wsss init` as a user runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import ExifTags, Image
from typer.testing import CliRunner

from wsss.cli import app
from wsss.settings.config import Config, read_config

# Photographs of nine formats, with spaces, brackets and letters beyond ASCII in their names.
NINE = (
    "Feld Süd/IMG (1).JPG",
    "Feld Süd/IMG (2).jpg",
    "Feld Süd/hoch.jpeg",
    "牛/a.png",
    "牛/b.webp",
    "c.tif",
    "d.TIFF",
    "e.bmp",
    "deep.png",
)


@dataclass(frozen=True)
class Told:
    """What the command left: its exit code, and its output and errors together."""

    code: int
    output: str

    @property
    def odd(self) -> list[str]:
        """The lines of what is odd."""
        return [line.removeprefix("  - ") for line in self.output.splitlines() if line.startswith("  - ")]

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """How many photographs of train and of val have each class, by the table."""
        lines = self.output.splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith("classes"))
        rows = [line.rsplit(maxsplit=2) for line in lines[start + 1 :] if line.startswith("  ") and line[-1].isdigit()]
        return {name.strip(): (int(train), int(val)) for name, train, val in rows}


Init = Callable[..., Told]


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    """Run `wsss init` in the temporary folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Told:
        found = CliRunner().invoke(app, ["init", *map(str, arguments)])
        # Anything but an exit is a traceback.
        assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
        return Told(found.exit_code, found.output)

    return run


def put(folder: Path, *names: str, size: tuple[int, int] = (24, 32)) -> None:
    """Write photographs of this height and width. Each has other pixels."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(pixels).save(path)


def put_nine(folder: Path) -> None:
    """Nine photographs of nine formats. One is turned by its EXIF data, and one has 16 bits."""
    put(folder, *NINE, size=(240, 320))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (320, 240)).save(folder / "Feld Süd/hoch.jpeg", exif=exif)
    Image.fromarray(np.full((240, 320), 40_000, np.uint16)).save(folder / "deep.png")


def read(path: Path) -> Config:
    """The config in a file."""
    return read_config(yaml.safe_load(path.read_text()))

"""Files of images by name: which fits, which are missing, and which fit too much."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from wsss.data.image_files import files_of_images
from wsss.data.index import IndexRow
from wsss.data.sources.image_ids import image_ids
from wsss.errors import WsssError


def found(folder: Path, photographs: Sequence[str], files: Sequence[str]) -> dict[str, str]:
    """The file of each photograph below the folder, or the message, by the photograph's path."""
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    ids = image_ids(photographs)
    index = {one: IndexRow(one, 1, 1, 1, 1, 1, "", f"dataset/{path}", "", "", "") for one, path in ids.items()}
    matched = files_of_images(index, folder, ".png")
    assert [*matched] == [*ids]
    shown = {ids[one]: file for one, file in matched.items()}
    return {
        path: str(file) if isinstance(file, WsssError) else str(file.relative_to(folder))
        for path, file in shown.items()
    }


@pytest.mark.parametrize(
    ("photograph", "file"),
    [
        ("JPEGImages/2007_000032.jpg", "2007_000032.png"),
        ("JPEGImages/2007_000032.jpg", "train/labels/2007_000032.png"),
        ("Feld Süd/IMG (1).JPG", "Feld Süd/IMG (1).png"),
        ("Feld Süd/IMG (1).JPG", "IMG (1).png"),
        ("Feld Süd/IMG (1).JPG", "masks/IMG (1).png"),
        ("Feld Süd/IMG (1).JPG", "IMG (1).JPG.png"),
        ("v1.2.jpg", "v1.2.png"),
        ("NA.jpg", "NA.PNG"),
    ],
)
def test_a_file_has_the_name_of_its_image(tmp_path: Path, photograph: str, file: str) -> None:
    assert found(tmp_path, [photograph], [file, "other.png", "legend.txt"]) == {photograph: file}


def test_an_id_made_from_a_path_is_a_name_too(tmp_path: Path) -> None:
    photographs = ["Feld/IMG 1.jpg", "Wald/IMG 1.jpg"]
    files = [f"{one}.png" for one in image_ids(photographs)]
    assert files == ["Feld-IMG_1.png", "Wald-IMG_1.png"]
    assert found(tmp_path, photographs, files) == dict(zip(photographs, files, strict=True))


def test_folders_tell_photographs_of_one_name_apart(tmp_path: Path) -> None:
    photographs = ["all/a/1.jpg", "all/b/1.jpg"]
    files = ["a/1.png", "b/1.png"]
    assert found(tmp_path, photographs, files) == dict(zip(photographs, files, strict=True))


def test_endings_tell_photographs_of_one_name_apart(tmp_path: Path) -> None:
    photographs = ["1.jpg", "1.png"]
    files = ["1.jpg.png", "1.png.png"]
    assert found(tmp_path, photographs, files) == dict(zip(photographs, files, strict=True))


def test_the_id_goes_before_the_photographs_name(tmp_path: Path) -> None:
    assert found(tmp_path, ["Feld/IMG.jpg"], ["IMG.png", "deep/Feld-IMG.png"]) == {"Feld/IMG.jpg": "deep/Feld-IMG.png"}


def test_what_is_missing_or_fits_twice_is_told(tmp_path: Path) -> None:
    told = found(tmp_path, ["x.jpg", "y.jpg", "a/z.jpg", "b/z.jpg", "w.jpg"], ["1/y.png", "2/y.png", "z.png", "w.png"])
    assert told.pop("w.jpg") == "w.png"
    assert told == {
        "x.jpg": f"{tmp_path}/x.png is missing, and no other name there fits the photograph dataset/x.jpg",
        "y.jpg": f"{tmp_path}/1/y.png and {tmp_path}/2/y.png may both be of the photograph dataset/y.jpg: "
        "keep one of them",
        "a/z.jpg": f"{tmp_path}/z.png may be of dataset/a/z.jpg and of dataset/b/z.jpg: name files by ids: a-z.png",
        "b/z.jpg": f"{tmp_path}/z.png may be of dataset/b/z.jpg and of dataset/a/z.jpg: name files by ids: b-z.png",
    }

"""What `wsss init` cannot work with is told in one line, with exit code 1, and nothing is written."""

from pathlib import Path

import pytest

from tests.commands.init.conftest import Init, put


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    put(tmp_path / "pets", "a.jpg", "b.jpg")
    (tmp_path / "pets" / "labels.csv").write_text("image,labels\na,cat\nb,dog\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "phone").mkdir()
    (tmp_path / "phone" / "a.heic").write_bytes(b"")
    put(tmp_path / "loose", "a.jpg")
    (tmp_path / "other.csv").write_text("image,labels\nx,cat\ny,dog\n")
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    (tmp_path / "odd.json").write_text('{"shapes": []}')
    (tmp_path / "there.yaml").write_text("mine\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "PHOTOS: the folder of photographs nowhere is not there: correct the path"),
        (["pets/a.jpg"], "PHOTOS: the folder of photographs pets/a.jpg is a file; give the folder that holds it"),
        (["."], "PHOTOS: . holds the folder that you are in"),
        (["empty"], "empty holds no photographs (.jpg, "),
        (["phone"], "of formats that are not read there are 1 .heic: convert them"),
        (["loose"], "put a table of labels beside the photographs, or name it with LABELS"),
        (["pets", "nothing.csv"], "LABELS: there is no file or folder nothing.csv: correct the path"),
        (["pets", "other.csv"], "other.csv, line 2: 'x' is no photograph in pets"),
        (["pets", "table.xlsx"], "save a spreadsheet as CSV"),
        (["pets", "odd.json"], "odd.json is no instances file of COCO"),
        (
            ["pets", "-o", "there.yaml"],
            "there.yaml exists: give another name with --output, or replace it with --force",
        ),
        (["pets", "-o", "mine.txt"], "--output mine.txt: the name of a config ends in .yaml"),
        (["pets", "-o", "there.yaml/mine.yaml"], "there.yaml/mine.yaml cannot be written ("),
        (["pets", "--holdout", "1.5"], "--holdout 1.5: it is a share, at least 0 and below 1, such as 0.2"),
        (["pets", "--holdout", "0.5"], "--holdout = 0.5 draws none of 2 photographs"),
        (["pets", "--seed", "-1"], "--seed -1: it is a whole number from 0 on"),
        (["pets", "--name", "a/b"], "--name 'a/b': only letters of ASCII, digits and _ . - are allowed in a name"),
        (["pets", "--name", "x" * 101], "xxx': a name has at most 100 characters"),
        (["pets", "--masks", "truth"], "--masks: truth is no folder below pets"),
    ],
)
def test_one_line_for_each_mistake(pets: Path, init: Init, arguments: list[str], message: str) -> None:
    told = init(*arguments)
    assert told.code == 1
    *before, last = told.output.splitlines()
    # Only what keeps the config from being written is found out after the report.
    assert bool(before) == ("cannot be written" in message)
    assert last.startswith("error: ")
    assert message in last
    assert [path.name for path in pets.glob("*.yaml")] == ["there.yaml"]
    assert (pets / "there.yaml").read_text() == "mine\n"


def test_an_existing_config_is_replaced_by_force_alone(pets: Path, init: Init) -> None:
    assert init("pets", "-o", "there.yaml", "--force").code == 0
    assert (pets / "there.yaml").read_text().startswith("# Written by `wsss init`")


def test_damaged_photographs_alone_are_nothing_to_train_on(pets: Path, init: Init) -> None:
    for name in ("a.jpg", "b.jpg"):
        (pets / "pets" / name).write_bytes(b"\xff\xd8")
    told = init("pets", "--skip-bad")
    assert told.code == 1
    assert told.output.startswith("error: no photograph of train can be read: damaged image: pets/a.jpg")

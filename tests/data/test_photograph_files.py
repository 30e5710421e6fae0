"""Photographs of a folder, and the names that tables give them."""

import os
from pathlib import Path

import pytest

from wsss.data.sources.photograph_files import look_into
from wsss.data.sources.photograph_names import PhotographNames
from wsss.errors import WsssError


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_photographs_of_any_depth_and_ending_are_found_in_order(tmp_path: Path) -> None:
    wanted = ["a.JPG", "b/c/d.jpeg", "b/ü (1).Png", "e.webp", "f.TIFF", "g.tif", "h.bmp"]
    put(tmp_path, *wanted)
    put(
        tmp_path,
        ".hidden.jpg",
        ".git/x.jpg",
        "__MACOSX/a.jpg",
        "b/._ü.jpg",
        "Thumbs.db",
        "labels.csv",
        "b/x.HEIC",
        "m/a.png",
    )
    found = look_into(tmp_path, ["m/"])
    assert found.photographs == sorted(wanted)
    assert found.others == {".db": 1, ".csv": 1, ".heic": 1}
    assert found.unread == {".heic": 1}


def test_links_in_a_circle_end_and_a_folder_counts_once_under_its_own_name(tmp_path: Path) -> None:
    put(tmp_path, "z/a.jpg")
    put(tmp_path.parent / f"{tmp_path.name}_else", "b.jpg")
    (tmp_path / "z" / "up").symlink_to(tmp_path)
    (tmp_path / "a").symlink_to("z")
    (tmp_path / "c").symlink_to(tmp_path.parent / f"{tmp_path.name}_else")
    (tmp_path / "d.jpg").symlink_to("z/a.jpg")
    (tmp_path / "broken.jpg").symlink_to("nowhere.jpg")
    assert look_into(tmp_path).photographs == ["c/b.jpg", "d.jpg", "z/a.jpg"]


def test_a_link_to_itself_is_no_photograph(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").symlink_to("b.jpg")
    assert look_into(tmp_path).photographs == ["a.jpg"]


def test_a_missing_folder_and_names_that_fit_no_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"no folder of photographs at .*none: set locations\.dataset"):
        look_into(tmp_path / "none")
    put(tmp_path, "a\tb.jpg")
    with pytest.raises(WsssError, match=r"the photograph 'a\\tb\.jpg' holds a control character"):
        look_into(tmp_path)
    (tmp_path / "a\tb.jpg").unlink()
    (tmp_path / os.fsdecode(b"\xff.jpg")).touch()
    with pytest.raises(WsssError, match=r"is no UTF-8: rename it"):
        look_into(tmp_path)


NAMES = PhotographNames(
    Path("farm"), ["a.jpg", "b/a.png", "b/c.d.JPG", "b/Süd 1.jpg", "e/f.jpg", "e/f.png", "g/h.jpg", "i/h.jpg"]
)


@pytest.mark.parametrize(
    ("name", "photograph"),
    [
        ("a.jpg", "a.jpg"),
        ("a", "a.jpg"),
        ("a.png", "b/a.png"),
        ("b/a", "b/a.png"),
        ("b\\a.png", "b/a.png"),
        ("./b/a.png", "b/a.png"),
        ("/b/a.png", "b/a.png"),
        ("c.d", "b/c.d.JPG"),
        ("Su\u0308d 1", "b/Süd 1.jpg"),
        ("f.png", "e/f.png"),
        ("e/f.jpg", "e/f.jpg"),
        ("g/h", "g/h.jpg"),
    ],
)
def test_names_with_and_without_endings_and_folders_are_known(name: str, photograph: str) -> None:
    assert name in NAMES
    assert NAMES.find(name, "line 1") == photograph


@pytest.mark.parametrize(
    ("photograph", "name"),
    [
        (" a.jpg", "a.jpg"),
        ("sub/ a.jpg", "a.jpg"),
        ("a .jpg", "a"),
        ("sub\\a.jpg", "sub\\a.jpg"),
        ("\u3000a.jpg", "a.jpg"),
    ],
)
def test_names_that_no_table_holds_as_they_are(photograph: str, name: str) -> None:
    """Tables do not keep blanks at the ends of cells. The name that is equal goes first."""
    names = PhotographNames(Path("farm"), ["b.jpg", photograph, " b.jpg"])
    assert names.find(name, "line 1") == photograph
    assert names.find("b.jpg", "line 1") == "b.jpg"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("f", "t.csv, line 2: 'f' may be e/f.jpg or e/f.png: write the path with its ending"),
        ("h.jpg", "t.csv, line 2: 'h.jpg' may be g/h.jpg or i/h.jpg"),
        ("A.jpg", "t.csv, line 2: 'A.jpg' is no photograph in farm: is 'a.jpg' meant"),
        ("b/c.d.jpg", "is 'b/c.d.JPG' meant"),
        ("/home/me/e/f.jpg", "is 'e/f.jpg' meant"),
        ("zzz.jpg", "'zzz.jpg' is no photograph in farm: correct the name"),
        ("c", "'c' is no photograph in farm: correct the name"),
    ],
)
def test_names_that_fit_none_or_several_are_told(name: str, message: str) -> None:
    with pytest.raises(WsssError) as error:
        NAMES.find(name, "t.csv, line 2")
    assert message in str(error.value)

"""Any folder of photographs: what is listed, and one line for what does not fit."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wsss.data.listing import Listing
from wsss.data.sources.image_splits import draw_val
from wsss.data.sources.own_images import list_images
from wsss.errors import WsssError
from wsss.settings.own_images import ImagesSettings

TABLE = "image,labels\nIMG (1).JPG,cow\nIMG (2),cow;pig\nsub/a.png,\nb,pig\n"
PHOTOGRAPHS = ("Feld Süd/IMG (1).JPG", "Feld Süd/IMG (2).jpeg", "sub/a.png", "sub/b.webp", "sub/new.tif")


@pytest.fixture
def farm(tmp_path: Path) -> Path:
    """Five photographs in two folders. One has no label, and one has no class."""
    folder = tmp_path / "farm"
    put(folder, *PHOTOGRAPHS)
    write(folder, {"labels.csv": TABLE})
    return folder


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3)).save(folder / name, "PNG")


def write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)


def listing(folder: Path, own_lists: Path | None = None, **values: Any) -> Listing:
    return list_images(ImagesSettings.read("data", {"kind": "images", "name": "farm", **values}), folder, own_lists)


def paths(found: Listing, split: str) -> list[str]:
    return [found.photographs[image_id] for image_id in found.splits[split]]


def labelled(found: Listing) -> dict[str, set[str]]:
    names = list(found.classes)
    return {
        found.photographs[image_id]: {names[index] for index in np.flatnonzero(row)}
        for image_id, row in found.labels.items()
    }


WANTED: dict[str, set[str]] = dict(zip(PHOTOGRAPHS, [{"cow"}, {"cow", "pig"}, set(), {"pig"}], strict=False))


def test_a_folder_with_a_table_is_listed(farm: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "wsss"):
        found = listing(farm)
    assert found.folder == farm
    assert labelled(found) == WANTED
    assert paths(found, "train") == list(PHOTOGRAPHS[:4])
    assert (found.splits["val"], found.splits["train_scored"]) == ([], [])
    assert paths(found, "test") == ["sub/new.tif"]
    assert found.photographs["Feld_Sud-IMG_1"] == "Feld Süd/IMG (1).JPG"
    assert found.classes == {"cow": 1, "pig": 2}
    assert (found.masks, found.ignored_classes) == ({}, {})
    assert all((farm / path).is_file() for path in found.photographs.values())
    assert "1 photographs have no labels; they are not trained on" in caplog.text
    assert "there is no val" in caplog.text


def test_equal_stems_in_one_folder_are_told_apart_by_their_endings(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "a.png")
    write(tmp_path, {"labels.csv": "image,labels\na.jpg,cow\na.png,pig\n"})
    found = listing(tmp_path)
    assert labelled(found) == {"a.jpg": {"cow"}, "a.png": {"pig"}}
    assert len(set(found.photographs)) == 2
    write(tmp_path, {"labels.csv": "image,labels\na,cow\n"})
    with pytest.raises(WsssError, match=r"labels\.csv, line 2: 'a' may be a\.jpg or a\.png"):
        listing(tmp_path)


def test_the_order_of_rows_and_of_making_moves_nothing(farm: Path, tmp_path: Path) -> None:
    header, *rows = TABLE.splitlines()
    put(tmp_path / "other", *PHOTOGRAPHS[::-1])
    write(tmp_path / "other", {"labels.csv": "\n".join([header, *rows[::-1]])})
    one, other = listing(farm, holdout=0.3), listing(tmp_path / "other", holdout=0.3)
    assert (one.photographs, one.splits) == (other.photographs, other.splits)
    np.testing.assert_equal(dict(one.labels), dict(other.labels))


def test_classes_of_the_config_have_their_values_and_order(farm: Path) -> None:
    assert listing(farm, classes=["pig", "cow"]).classes == {"pig": 1, "cow": 2}
    found = listing(farm, classes={"pig": 9}, ignored_classes={"cow": 3})
    assert (found.classes, found.ignored_classes) == ({"pig": 9}, {"cow": 3})
    assert labelled(found) == {path: names - {"cow"} for path, names in WANTED.items()}
    assert listing(farm, ignored_classes={"cow": 1}).classes == {"pig": 2}
    with pytest.raises(WsssError, match=r"names no class 'hen' of data\.classes; it has: cow, pig"):
        listing(farm, classes=["cow", "pig", "hen"])
    with pytest.raises(WsssError, match=r"line 3, column 'labels': unknown class 'pig'"):
        listing(farm, classes=["cow"])


def test_columns_give_the_classes_their_order(farm: Path) -> None:
    write(farm, {"labels.csv": "name;pig;cow\nb;1;0\nIMG (1);0;1\n"})
    found = listing(farm)
    assert found.classes == {"pig": 1, "cow": 2}
    assert labelled(found) == {"Feld Süd/IMG (1).JPG": {"cow"}, "sub/b.webp": {"pig"}}
    assert len(found.splits["test"]) == 3


def test_one_class_with_negatives(farm: Path) -> None:
    write(farm, {"labels.csv": "image,cow\nb,0\nIMG (1),1\n"})
    found = listing(farm)
    assert [row.tolist() for row in found.labels.values()] == [[1], [0]]


def test_folders_are_classes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path, "cow/1.jpg", "cow/2.jpg", "pig/1.jpg", "x/Negative/3.jpg", "loose.jpg")
    found = listing(tmp_path)
    assert labelled(found) == {
        "cow/1.jpg": {"cow"},
        "cow/2.jpg": {"cow"},
        "pig/1.jpg": {"pig"},
        "x/Negative/3.jpg": set(),
    }
    assert paths(found, "test") == ["loose.jpg"]
    write(tmp_path, {"labels.csv": "image,labels\nloose,hen\n"})
    assert list(listing(tmp_path).classes) == ["hen"]
    assert list(listing(tmp_path, labels="folders").classes) == ["cow", "pig"]


def test_folders_of_splits_above_those_of_classes(tmp_path: Path) -> None:
    put(tmp_path, "train/cow/1.jpg", "train/pig/1.jpg", "val/cow/1.jpg", "test/pig/2.jpg")
    found = listing(tmp_path)
    assert [paths(found, split) for split in ("train", "val", "test")] == [
        ["train/cow/1.jpg", "train/pig/1.jpg"],
        ["val/cow/1.jpg"],
        ["test/pig/2.jpg"],
    ]
    assert len(listing(tmp_path, holdout=0.25).splits["train"]) == 3


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.jpg", "b.jpg"], "holds no table of labels, and no folders whose names could be classes"),
        (["images/a.jpg", "images/b.jpg"], "all photographs are in folders called 'images', so there is one class"),
        (["train/a.jpg", "val/b.jpg"], "the folders train, val are splits, not classes"),
        (["JPEGImages/a.jpg", "Seg/a.png"], "Seg looks like a folder of masks, not of a class: set data.masks"),
        (["cow/a.jpg", "Cow/b.jpg"], "'cow' and 'Cow' .* differ in case only"),
        (["background/a.jpg", "negative/b.jpg"], "no folder has the name of a class"),
        ([], "holds no photographs"),
        (["a.heic"], "holds no photographs .*; of formats that are not read there are 1 .heic: convert them"),
    ],
)
def test_folders_that_are_no_classes_are_refused(tmp_path: Path, names: list[str], message: str) -> None:
    put(tmp_path, *names)
    with pytest.raises(WsssError, match=message):
        listing(tmp_path)


def test_labels_of_other_projects(farm: Path) -> None:
    content = {"IMG (1)": np.float32([1, 0]), "b": np.float32([0, 1]), "elsewhere": np.float32([1, 1])}
    np.save(farm / "cls_labels.npy", content)  # type: ignore[arg-type]
    with pytest.raises(WsssError, match=r"farm holds labels\.csv and cls_labels\.npy: say with data\.labels which"):
        listing(farm)
    (farm / "labels.csv").unlink()
    assert labelled(listing(farm, classes=["cow", "pig"])) == {PHOTOGRAPHS[0]: {"cow"}, PHOTOGRAPHS[3]: {"pig"}}
    assert list(listing(farm, classes={"pig": 5}, ignored_classes={"cow": 2}).labels["sub-b"]) == [1]
    with pytest.raises(WsssError, match=r"has 2 columns and no names: set data\.classes"):
        listing(farm)


def test_files_are_looked_for_in_the_folder_of_lists_first(farm: Path, tmp_path: Path) -> None:
    own = tmp_path / "lists"
    write(own, {"labels.tsv": "image\tlabels\nb\then\n", "t.txt": "b\n"})
    write(farm, {"t.txt": "a\n", "v.txt": "IMG (1)\n"})
    assert list(listing(farm, own).classes) == ["hen"]
    found = listing(farm, own, labels="labels.csv", lists={"train": "t.txt", "val": "v.txt"})
    assert (paths(found, "train"), paths(found, "val")) == (["sub/b.webp"], ["Feld Süd/IMG (1).JPG"])
    with pytest.raises(WsssError, match=r"data\.lists\.val: no file .*lists/no\.txt nor .*farm/no\.txt: put it there"):
        listing(farm, own, lists={"val": "no.txt"})
    with pytest.raises(WsssError, match=r"data\.labels: no file .*more\.csv"):
        listing(farm, labels="more.csv")


def test_lists_in_any_form_say_the_splits(farm: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(farm, "masks/b.png", "masks/IMG (1).png", "masks/unlisted.png")
    write(
        farm,
        {
            "train.txt": "IMG (2)\n/sub/b.webp /masks/b.png\n",
            "val.txt": "\ufeffFeld Süd/IMG (1).JPG masks/IMG (1).png\r\n",
            "test.txt": "new 1\n",
        },
    )
    with caplog.at_level(logging.INFO, "wsss"):
        found = listing(farm, lists={"train": "train.txt", "val": "val.txt", "test": "test.txt"})
    assert paths(found, "train") == ["Feld Süd/IMG (2).jpeg", "sub/b.webp"]
    assert paths(found, "val") == ["Feld Süd/IMG (1).JPG"]
    assert paths(found, "test") == ["sub/new.tif"]
    assert paths(found, "train_scored") == ["sub/b.webp"]
    assert found.masks == {"sub-b": "masks/b.png", "Feld_Sud-IMG_1": "masks/IMG (1).png"}
    assert set(found.labels) == {"Feld_Sud-IMG_2", "sub-b", "Feld_Sud-IMG_1"}
    assert "1 photographs are in none of the lists" in caplog.text


def test_without_a_list_train_is_what_other_lists_leave(farm: Path) -> None:
    write(farm, {"val.txt": "b\n"})
    found = listing(farm, lists={"val": "val.txt"})
    assert (paths(found, "train"), paths(found, "val")) == (list(PHOTOGRAPHS[:3]), ["sub/b.webp"])
    assert paths(found, "test") == ["sub/new.tif"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train.txt": "b\n\nfoo\n"}, r"train\.txt, line 3: 'foo' is no photograph in .*farm: correct the name"),
        ({"train.txt": "b\nfoo\nB\n"}, r"line 2: 'foo' is no photograph .* \(2 of 3 lines name none\)"),
        ({"train.txt": "SUB/b.webp\n"}, r"line 1: 'SUB/b\.webp' is no photograph in .*: is 'sub/b\.webp' meant"),
        ({"train.txt": "b\nsub/b.webp\n"}, r"train\.txt, line 2: sub/b\.webp is in the list before \(.*line 1\)"),
        ({"train.txt": "b\nnew\n"}, r"train\.txt, line 2: sub/new\.tif has no labels \(1 of 2 photographs of train\)"),
        (
            {"train.txt": "b\na\n", "val.txt": "IMG (1)\na\n"},
            r"val\.txt, line 2: sub/a\.png is in train too \(.*2\)",
        ),
        ({"train.txt": "b.webp x/b.png\n"}, r"train\.txt, line 1: no mask x/b\.png below .*farm"),
        ({"train.txt": "b.webp ../labels.png\n"}, r"train\.txt, line 1: no mask \.\./labels\.png below .*farm"),
        ({"train.txt": ""}, r"train\.txt is empty"),
        ({"train.txt": "a\n"}, "none of the 1 photographs of train has a class"),
    ],
)
def test_lists_that_do_not_fit_are_told_by_line(farm: Path, files: dict[str, str], message: str) -> None:
    write(farm, files)
    with pytest.raises(WsssError, match=message):
        listing(farm, lists={name.removesuffix(".txt"): name for name in files})


def test_the_same_list_may_be_train_and_val(farm: Path) -> None:
    write(farm, {"all.txt": "b\na\n"})
    found = listing(farm, lists={"train": "all.txt", "val": "all.txt"})
    assert found.splits["train"] == found.splits["val"] == ["sub-b", "sub-a"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TABLE + "c,pig\nd,pig\n", r"labels\.csv, line 6: 'c' is no photograph in .* \(2 of 6 rows name none\)"),
        (TABLE + "sub/a.PNG,pig\n", r"line 6: 'sub/a\.PNG' is no photograph in .*: is 'sub/a\.png' meant"),
        (TABLE + "sub/b.webp,cow\n", r"line 5 and line 6 are both of sub/b\.webp, with different labels"),
        ("image,labels\nb,cow\nsub/b,\n", r"line 2 and line 3 are both of sub/b\.webp, with different labels"),
        (
            "image,labels,split\nb,cow,train\nb,pig,val\n",
            r"line 2 and line 3 are both of .* train, the other val",
        ),
        ("image,labels,split\nb,cow,val\na,pig,test\n", "no photograph is left to train on"),
        ("image,labels\nb,\na,\n", r"labels\.csv names no class at all: write the classes"),
        ("image,cow\nb,0\na,0\n", "none of the 2 photographs of train has a class"),
    ],
)
def test_tables_that_do_not_fit_are_told_by_line(farm: Path, table: str, message: str) -> None:
    write(farm, {"labels.csv": table})
    with pytest.raises(WsssError, match=message):
        listing(farm)


def test_several_rows_of_one_class_each_are_the_classes_of_an_image(farm: Path) -> None:
    write(farm, {"labels.csv": "filename,class,xmin\nb.webp,cow,3\nsub/b.webp,pig,4\nb.webp,cow,9\na,,\n"})
    assert labelled(listing(farm)) == {"sub/b.webp": {"cow", "pig"}, "sub/a.png": set()}


def test_masks_are_matched_by_path_or_name_and_are_no_photographs(farm: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(farm, "masks/Feld Süd/IMG (1).png", "masks/b.png", "masks/nothing.png")
    with caplog.at_level(logging.WARNING, "wsss"):
        found = listing(farm, masks="masks")
    assert found.masks == {"Feld_Sud-IMG_1": "masks/Feld Süd/IMG (1).png", "sub-b": "masks/b.png"}
    assert paths(found, "train_scored") == ["Feld Süd/IMG (1).JPG", "sub/b.webp"]
    assert paths(found, "test") == ["sub/new.tif"]
    assert "1 masks belong to no photograph, the first is masks/nothing.png" in caplog.text
    put(farm, "masks/sub/b.png")
    with pytest.raises(WsssError, match=r"masks/sub/b\.png and masks/b\.png may both be the mask of sub/b\.webp"):
        listing(farm, masks="masks")


def test_folders_of_masks_that_do_not_fit(farm: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(WsssError, match=r"data\.masks: no folder .*farm/m: correct the name"):
        listing(farm, masks="m")
    put(farm, "masks/b.png")
    with pytest.raises(WsssError, match=r"data\.masks: no folder .*farm/mask: correct the name"):
        listing(farm, masks="mask")
    (farm / "masks" / "b.png").unlink()
    put(farm, "m/x.png")
    with pytest.raises(WsssError, match=r"data\.masks: no file in .*farm/m is the mask of a photograph"):
        listing(farm, masks="m")
    put(farm, "m2/b.png", "m2/new.png")
    write(farm, {"labels.csv": TABLE.replace("\nb,", "\nb.webp,")})
    with caplog.at_level(logging.WARNING, "wsss"):
        listing(farm)
    assert "m2 looks like a folder of masks" in caplog.text


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9])
def test_the_draw_of_val_leaves_every_class_in_train(share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = [f"{number}.jpg" for number in range(200)]
    labels = {name: (rng.random(6) < [0.5, 0.3, 0.1, 0.05, 0.02, 0.0]).astype(np.uint8) for name in names}
    labels[names[7]][5] = 1
    drawn = draw_val(names, labels, share, seed)
    left = [name for name in names if name not in drawn]
    assert abs(len(drawn) - 200 * share) <= 8
    assert drawn == [name for name in names if name in set(drawn)]
    assert all(any(labels[name][number] for name in left) for number in range(6))
    for number in (0, 1):
        have, of = (sum(int(labels[name][number]) for name in some) for some in (drawn, names))
        assert abs(have / of - share) < 0.12
    assert drawn == draw_val(names, labels, share, seed)
    assert share == 0.9 or drawn != draw_val(names, labels, share, seed + 1)


def test_holdout_draws_val(farm: Path) -> None:
    found = listing(farm, holdout=0.25)
    assert (len(found.splits["train"]), len(found.splits["val"])) == (3, 1)
    assert set(found.labels) == {*found.splits["train"], *found.splits["val"]}
    with pytest.raises(WsssError, match=r"data\.holdout = 0\.01 draws none of 4 photographs"):
        listing(farm, holdout=0.01)


def test_classes_that_train_lacks_or_always_has_are_told(farm: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(farm, {"labels.csv": "image,split,cow,pig\nIMG (1),train,1,0\nIMG (2),train,1,0\nb,val,0,1\n"})
    with caplog.at_level(logging.WARNING, "wsss"):
        found = listing(farm)
    assert paths(found, "val") == ["sub/b.webp"]
    assert "no photograph of train has the class 'pig'" in caplog.text
    assert "every photograph of train has the class 'cow'" in caplog.text

"""A folder made ready: what comes out for a good one, and which words a faulty one gets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wsss.data.dataset import Dataset
from wsss.data.images import read_labels, write_labels
from wsss.data.preparation import prepare
from wsss.data.sources.folder import list_folder, mask_folder
from wsss.data.sources.lists import read_list
from wsss.errors import WsssError
from wsss.files import sha256_of
from wsss.manifests.single_files import list_file
from wsss.settings.data import ListSettings

CLASSES = {"cat": 8, "dog": 12}
IGNORED = {"person": 15}
# Height 3 and width 5, as the photograph.
MASK = [[0, 8, 12, 0, 0], [15, 255, 0, 0, 0], [8, 8, 0, 0, 12]]
LISTS = {"train": "train_aug", "train_scored": "train", "val": "val"}
SIZES = {"a1": (5, 3), "0002": (4, 6), "c3": (2, 2), "d.4": (1, 1)}
TABLE = "image_id,dog,person,cat\nc3,1,0,1\na1,1,1,0\n0002,0,1,0\nd.4,0,0,1\nunlisted,0,0,0\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four images; 0002 has ignored classes alone; masks of VOC values."""
    folder = tmp_path / "source"
    lists = folder / "ImageSets" / "Segmentation"
    for place in (folder / "JPEGImages", lists):
        place.mkdir(parents=True)
    for name, members in (("train_aug", "c3\na1\n0002\n"), ("train", "a1\n"), ("val", "d.4\n")):
        (lists / f"{name}.txt").write_text(members)
    (folder / "image_labels.csv").write_text(TABLE)
    for name, size in SIZES.items():
        Image.new("RGB", size, (10, 20, 30)).save(folder / "JPEGImages" / f"{name}.jpg")
    write_labels(folder / "SegmentationClass" / "a1.png", np.array(MASK))
    return folder


def made_ready(source: Path, **changes: Any) -> Dataset:
    values: dict[str, Any] = {"classes": CLASSES, "ignored_classes": IGNORED, "lists": LISTS}
    workers = changes.pop("workers", 1)
    prepare(list_folder(source, **(values | changes)), source.parent / "data", workers)
    return Dataset(source.parent / "data")


def test_without_images_to_hold_out_val_is_the_list_of_train(source: Path) -> None:
    assert made_ready(source, lists=LISTS | {"val": "train"}).ids("val") == ["a1"]
    assert made_ready(source, lists=LISTS | {"val": "train_aug"}).ids("val") == ["c3", "a1", "0002"]


def test_what_spreadsheets_add_to_lists_and_tables_is_passed_over(source: Path) -> None:
    """A mark of the byte order, other ends of lines, and a comma too many in every row."""
    plain = made_ready(source)
    names, labels = plain.ids("train"), plain.image_labels
    (source / TRAIN_AUG).write_bytes(b"\xef\xbb\xbf" + (source / TRAIN_AUG).read_bytes().replace(b"\n", b"\r\n"))
    header, *rows = TABLE.splitlines()
    (source / "image_labels.csv").write_text("\ufeff" + "\r\n".join([header, *(f"{row}," for row in rows)]) + "\r\n")
    ours = made_ready(source)
    assert ours.ids("train") == names
    np.testing.assert_equal(ours.image_labels, labels)


def test_a_dataset_may_have_no_val(source: Path) -> None:
    lists = ListSettings(train="train_aug", val=None).by_split()
    assert lists == {"train": "train_aug", "train_scored": "train"}
    data = made_ready(source, lists=lists)
    assert (data.ids("train"), data.ids("val"), data.scored_ids("val")) == (["c3", "a1", "0002"], [], [])
    assert set(data.index) == set(data.image_labels) == {"c3", "a1", "0002"}


def test_without_a_background_every_pixel_belongs_to_a_class(source: Path) -> None:
    write_labels(source / "SegmentationClass" / "a1.png", np.array([[12, 8, 12, 8, 255]] * 3))
    data = made_ready(source, has_background=False)
    assert not data.has_background
    np.testing.assert_array_equal(data.truth("a1"), [[2, 1, 2, 1, 255]] * 3)
    write_labels(source / "SegmentationClass" / "a1.png", np.array(MASK))
    with pytest.raises(WsssError, match=r"a1\.png holds the value 0 \(8 pixels\), which is neither a class"):
        made_ready(source, has_background=False)


def test_one_class_needs_a_background(source: Path) -> None:
    write_labels(source / "SegmentationClass" / "a1.png", np.full((3, 5), 8))
    alone: dict[str, Any] = {"classes": {"cat": 8}, "ignored_classes": IGNORED | {"dog": 12}}
    assert made_ready(source, **alone).classes == ["cat"]
    with pytest.raises(WsssError, match=r"cat is the only class, and there is no background: .*data\.background"):
        made_ready(source, **alone, has_background=False)


def test_lists_labels_and_index_of_a_good_folder(source: Path) -> None:
    data = made_ready(source)
    assert data.classes == ["cat", "dog"]
    assert data.ids("train") == ["c3", "a1", "0002"]
    assert (data.ids("train_scored"), data.ids("val")) == (["a1"], ["d.4"])
    assert {name: list(row) for name, row in data.image_labels.items()} == {
        "0002": [0, 0],
        "a1": [0, 1],
        "c3": [1, 1],
        "d.4": [1, 0],
    }
    assert {row.dtype for row in data.image_labels.values()} == {np.dtype(np.float32)}
    assert list(data.index) == ["0002", "a1", "c3", "d.4"]
    for name, row in data.index.items():
        assert row.size[::-1] == row.full_size[::-1] == SIZES[name]
        assert row.sha256 == sha256_of(data.image_path(name)) == sha256_of(source / "JPEGImages" / f"{name}.jpg")
        assert (row.file, row.copy, row.orientation) == (f"dataset/JPEGImages/{name}.jpg", "", 1)
    assert {name: row.mask for name, row in data.index.items() if row.mask} == {
        "a1": "dataset/SegmentationClass/a1.png"
    }


def test_present_classes_are_numbered_in_order(source: Path) -> None:
    data = made_ready(source)
    assert {name: list(data.present(name)) for name in SIZES} == {"0002": [], "a1": [1], "c3": [0, 1], "d.4": [0]}
    assert data.present("c3").dtype == np.int64


def test_making_ready_again_gives_the_same_bytes_for_any_number_of_workers(source: Path) -> None:
    root = made_ready(source).root
    files = [path for path in root.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    assert {path.name for path in files} == {
        "images.tsv",
        "image_labels.csv",
        "dataset.json",
        "train.txt",
        "train_scored.txt",
        "val.txt",
        "test.txt",
        "skipped.tsv",
        "masks.tsv",
        # The sums of the tables and lists.
        *(f"{name}.tsv" for name in ("images.tsv", "image_labels.csv", "dataset.json", "skipped.tsv")),
        *(f"{name}.txt.tsv" for name in ("train", "train_scored", "val", "test")),
    }
    made_ready(source, workers=3)
    assert {path: path.read_bytes() for path in files} == before


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shards_share_out_a_split(source: Path, count: int) -> None:
    data = made_ready(source)
    shards = [data.shard("train", f"{index}-of-{count}") for index in range(count)]
    assert sorted(image_id for shard in shards for image_id in shard) == sorted(data.ids("train"))
    assert shards[0] == data.ids("train")[::count]
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_truth_is_numbered_as_the_classes_are(source: Path) -> None:
    data = made_ready(source)
    np.testing.assert_array_equal(data.truth("a1"), [[0, 1, 2, 0, 0], [255, 255, 0, 0, 0], [1, 1, 0, 0, 2]])
    assert data.truth("a1").dtype == np.uint8
    other_order = made_ready(source, classes={"dog": 12, "cat": 8})
    np.testing.assert_array_equal(other_order.truth("a1"), data.truth("a1"))
    assert list(other_order.present("a1")) == [1]


@pytest.mark.parametrize("value", [1, 20, 254])
def test_unknown_values_in_masks_are_named(source: Path, value: int) -> None:
    write_labels(source / "SegmentationClass" / "a1.png", np.full((3, 5), value))
    with pytest.raises(WsssError, match=rf"a1\.png holds the value {value} \(15 pixels\), which is neither"):
        made_ready(source)


def test_254_may_be_a_class_like_any_other(source: Path) -> None:
    write_labels(source / "SegmentationClass" / "a1.png", np.array([[0, 254, 8, 0, 0]] * 3))
    data = made_ready(source, classes={"cat": 8, "dog": 254})
    np.testing.assert_array_equal(data.truth("a1"), [[0, 2, 1, 0, 0]] * 3)


def test_augmented_masks_go_before_others(source: Path) -> None:
    assert mask_folder(source) == "SegmentationClass"
    (source / "SegmentationClassAug").mkdir()
    assert mask_folder(source) == "SegmentationClassAug"


def test_masks_are_not_needed(source: Path) -> None:
    (source / "SegmentationClass" / "a1.png").unlink()
    data = made_ready(source)
    assert data.scored_ids("train") == []
    with pytest.raises(WsssError, match=r"image a1 .* has no mask"):
        data.truth("a1")


def test_a_dataset_not_made_ready_says_so(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    with pytest.raises(WsssError, match=r"missing file: .*dataset\.json; `wsss verify"):
        _ = Dataset(tmp_path).classes


def put(name: str, content: str | bytes) -> Callable[[Path], None]:
    def change(source: Path) -> None:
        path = source / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return change


def drop(name: str) -> Callable[[Path], None]:
    return lambda source: (source / name).unlink()


TRAIN_AUG = "ImageSets/Segmentation/train_aug.txt"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop(TRAIN_AUG), r"missing image list: .*train_aug\.txt"),
        (put(TRAIN_AUG, " \n\n"), r"image list .*train_aug\.txt is empty"),
        (put(TRAIN_AUG, "a1\nc3\na1\n"), r"image list .*train_aug\.txt names a1 more than once"),
        (
            put("ImageSets/Segmentation/train.txt", "d.4\n"),
            "d.4 is in the list of train_scored but not in that of train",
        ),
        (put("ImageSets/Segmentation/val.txt", "c3\nd.4\n"), "c3 is in the lists of train and of val, as are 0 others"),
        (drop("image_labels.csv"), r"missing table of image-level labels: .*image_labels\.csv"),
        (put("image_labels.csv", ""), r"image_labels\.csv is no table of image-level labels"),
        (
            put("image_labels.csv", b"image_id,cat\n\xff\xfe,1\n"),
            r"image_labels\.csv is no text in UTF-8 \(line 2\)",
        ),
        (put("image_labels.csv", 'image_id,cat\n"a1,1\n'), r"image_labels\.csv is no table of image-level labels"),
        (put("image_labels.csv", TABLE.replace("image_id", "id")), r"image_labels\.csv has no column image_id"),
        (put("image_labels.csv", TABLE.replace("person", "cow")), "unknown class 'cow'; name it in data.classes"),
        (put("image_labels.csv", TABLE.replace("cat", "person2")), "unknown class 'person2'"),
        (put("image_labels.csv", "image_id,cat\na1,1\n"), "no column for the class 'dog' of data.classes"),
        (put("image_labels.csv", TABLE.replace("a1,", "a2,")), r"no row for image a1 \(1 of 4 images are missing\)"),
        (put("image_labels.csv", TABLE.replace("c3,1,0,1", "c3,1,0,2")), "row of image c3 holds a value other than"),
        (put("image_labels.csv", TABLE.replace("c3,1,0,1", "c3,,0,1")), "row of image c3 holds a value other than"),
        (put("image_labels.csv", TABLE.replace("c3,1,0,1", "c3,x,0,1")), "row of image c3 holds a value other than"),
        (
            put("image_labels.csv", TABLE.replace("c3,1,0,1", f"c3,{'9' * 400},0,1")),
            "row of image c3 holds a value other",
        ),
        (
            put("image_labels.csv", "image_id,cat,dog,person\na1,1,0,1,1\n"),
            "line 2: 5 cells for 4 columns",
        ),
        (put("image_labels.csv", TABLE + "c3,0,0,0\n"), "names image c3 more than once, with different labels"),
        (put("image_labels.csv", TABLE.replace("1", "0").replace("a0", "a1")), "names? no class in any of the"),
        (put(TRAIN_AUG, b"c3\xff\n"), r"image list .*train_aug\.txt is no text in UTF-8"),
        (drop("JPEGImages/c3.jpg"), r"missing image: .*c3\.jpg$"),
        (put("JPEGImages/c3.jpg", b"\xff\xd8\xff"), r"damaged image: .*c3\.jpg"),
    ],
)
def test_faulty_folders_are_refused(source: Path, change: Callable[[Path], None], message: str) -> None:
    change(source)
    with pytest.raises(WsssError, match=message):
        made_ready(source)
    assert not (source.parent / "data" / "images.tsv").exists()


def test_equal_rows_and_rows_of_other_images_do_no_harm(source: Path) -> None:
    before = (made_ready(source).root / "image_labels.csv").read_bytes()
    put("image_labels.csv", TABLE + "c3,1,0,1\nunlisted,1,1,1\nanother,x,7,\n")(source)
    assert (made_ready(source).root / "image_labels.csv").read_bytes() == before


def test_an_image_may_be_called_as_nothing_often_is(source: Path) -> None:
    """Programs write NA where there is no value."""
    for path in (source / "JPEGImages/c3.jpg", *source.glob("Segmentation*/c3.png")):
        path.rename(path.with_stem("NA"))
    for path in [*source.rglob("*.txt"), source / "image_labels.csv"]:
        path.write_text(path.read_text().replace("c3", "NA"))
    data = made_ready(source)
    assert "NA" in data.ids("train")
    assert data.image_labels["NA"].tolist() == [1, 1]


def test_all_faulty_images_are_counted(source: Path) -> None:
    for name in ("a1", "c3", "d.4"):
        (source / "JPEGImages" / f"{name}.jpg").write_bytes(b"")
    with pytest.raises(WsssError, match=r"damaged image: .*a1\.jpg.*\(and 2 more images\)"):
        made_ready(source)


def test_images_that_were_left_out_are_named(source: Path) -> None:
    (source / "JPEGImages" / "c3.jpg").write_bytes(b"")
    prepare(list_folder(source, CLASSES, IGNORED, LISTS), source.parent / "data", skip_bad_images=True)
    data = Dataset(source.parent / "data")
    assert data.ids("train") == ["a1", "0002"]
    (row,) = data.skipped
    assert (row.id, row.file) == ("c3", "JPEGImages/c3.jpg")
    assert row.reason.startswith("damaged image: ")
    (data.root / "skipped.tsv").write_text("id\treason\n")
    with pytest.raises(WsssError, match=r"damaged file: .*skipped\.tsv is not as it was made"):
        _ = Dataset(data.root).skipped
    list_file(data.root / "skipped.tsv")
    with pytest.raises(WsssError, match=r"skipped\.tsv has another header"):
        _ = Dataset(data.root).skipped


def test_a_missing_folder_names_the_key_to_set(tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"no dataset at .*nowhere: set locations\.dataset"):
        list_folder(tmp_path / "nowhere", CLASSES, IGNORED, LISTS)


def test_a_moved_folder_is_linked_anew(source: Path) -> None:
    made_ready(source)
    moved = source.rename(source.parent / "moved")
    data = made_ready(moved)
    assert data.image_path("a1").resolve() == (moved / "JPEGImages" / "a1.jpg").resolve()


def test_ids_are_kept_as_text(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("0001\n1e5\r\n007 \n")
    assert read_list(tmp_path / "list.txt") == ["0001", "1e5", "007"]


def test_the_embedded_dataset_is_made_ready(dataset: Dataset) -> None:
    assert (len(dataset.ids("train")), len(dataset.ids("val"))) == (6, 3)
    for image_id in dataset.ids("train"):
        np.testing.assert_array_equal(np.unique(dataset.truth(image_id))[1:], dataset.present(image_id) + 1)


def test_a_class_without_a_pixel_in_the_masks_is_told_at_once(
    source: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """As with masks of 0 and 255 alone, whose objects would all be ignored."""
    made_ready(source)
    capsys.readouterr()
    caplog.clear()
    for path in (source / "SegmentationClass").iterdir():
        write_labels(path, np.where(read_labels(path) > 0, 255, 0).astype(np.uint8))
    made_ready(source)
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith(
        f"warning: no mask of train_scored has a pixel of {', '.join(CLASSES)}: they have no score"
    )
    assert [f"warning: {line}" for line in caplog.messages] == told

"""An unpacked VOCdevkit: with SegmentationClassAug in it, with SBD beside it, and with neither; test images."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.archives import (
    MADE,
    archive_of_test_images,
    archives_of,
    devkit_of,
    folder_of,
    jpeg,
    lines,
    mat,
    png,
)
from wsss.data.dataset import Dataset
from wsss.data.images import read_labels
from wsss.data.preparation import prepare
from wsss.data.sources.folder import list_folder
from wsss.data.sources.voc12 import build_voc12
from wsss.data.sources.voc_devkit import list_voc12
from wsss.errors import WsssError
from wsss.settings.data import VOC_CLASSES, VOC_VALUES

# `archives_of` gives the masks of A, C and E to VOC and those of B and D to SBD. VOC's val is E.
A, B, C, D, E = MADE
LENGTHS = {"train": 2, "val": 1, "train_aug": 4, "test": 2}
LISTS = {"train": "train_aug", "train_scored": "train", "val": "val"}
VOCS_LISTS = LISTS | {"train": "train"}
TEST_SIZES = {"2008_000006": (21, 34), "2012_004328": (40, 30)}
WITH_TEST = LISTS | {"test": "test"}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images as a plain folder, `plain`, and as archives, `archives`. To be read only."""
    root = tmp_path_factory.mktemp("sources")
    archives_of(folder_of(root / "plain"), MADE, root / "archives")
    archive_of_test_images(TEST_SIZES, root / "archives")
    return root


def archives(sources: Path, *names: str) -> list[Path]:
    ending = {"voc": "VOCtrainval_11-May-2012.tar", "sbd": "benchmark.tgz", "test": "VOC2012test.tar"}
    return [sources / "archives" / ending[name] for name in names]


@pytest.fixture
def bare(sources: Path, tmp_path: Path) -> Path:
    """The folder that holds VOCdevkit as it is published."""
    return devkit_of(tmp_path / "devkit", archives(sources, "voc"))


@pytest.fixture
def beside_sbd(sources: Path, tmp_path: Path) -> Path:
    """A folder that holds VOCdevkit and SBD's benchmark_RELEASE."""
    return devkit_of(tmp_path / "both", archives(sources, "voc", "sbd"))


@pytest.fixture
def augmented(sources: Path, bare: Path) -> Path:
    """A folder that holds VOCdevkit, with SegmentationClassAug in it."""
    shutil.copytree(sources / "plain" / "SegmentationClassAug", voc_of(bare) / "SegmentationClassAug")
    return bare


def voc_of(place: Path) -> Path:
    return place / "VOCdevkit" / "VOC2012"


def prepared(named: Path, root: Path, lists: Mapping[str, str] = LISTS, **options: Any) -> Dataset:
    skip = options.pop("skip", False)
    values: dict[str, Any] = {"workers": 2, "lengths": LENGTHS} | options
    prepare(list_voc12(named, VOC_VALUES, {}, lists, root / "masks", **values), root, 2, skip_bad_images=skip)
    return Dataset(root)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def index_without_masks(root: Path) -> list[list[str]]:
    rows = [line.split("\t") for line in (root / "images.tsv").read_text().splitlines()]
    column = rows[0].index("mask")
    return [row[:column] + row[column + 1 :] for row in rows]


def from_archives(sources: Path, root: Path, lists: Mapping[str, str] = LISTS, own: Path | None = None) -> Dataset:
    voc, sbd, test = archives(sources, "voc", "sbd", "test")
    build_voc12(voc, sbd, root / "dataset", lists, own, 2, test, LENGTHS)
    prepare(list_folder(root / "dataset", VOC_VALUES, {}, lists, own), root)
    return Dataset(root)


@pytest.mark.parametrize("lists", [LISTS, WITH_TEST], ids=["no test", "test"])
def test_archives_and_both_kinds_of_devkits_give_equal_datasets(
    sources: Path, beside_sbd: Path, augmented: Path, tmp_path: Path, lists: dict[str, str]
) -> None:
    for place in (beside_sbd, augmented):
        devkit_of(place, archives(sources, "test"))
    made = [
        from_archives(sources, tmp_path / "one", lists),
        prepared(beside_sbd, tmp_path / "two", lists),
        prepared(augmented, tmp_path / "three", lists),
    ]
    for dataset in made:
        for name in ("image_labels.csv", "dataset.json", *(f"lists/{one}.txt" for one in (*LISTS, "test"))):
            assert (dataset.root / name).read_bytes() == (made[0].root / name).read_bytes(), name
        assert index_without_masks(dataset.root) == index_without_masks(made[0].root)
        assert dataset.ids("train") == [A, B, C, D]
        assert (dataset.ids("train_scored"), dataset.ids("val")) == ([A, C], [E])
        assert dataset.ids("test") == (list(TEST_SIZES) if "test" in lists else [])
        for image_id, (height, width, values) in MADE.items():
            expected = read_labels(sources / "plain" / "SegmentationClassAug" / f"{image_id}.png")
            assert expected.shape == (height, width)
            np.testing.assert_array_equal(dataset.truth(image_id), expected)
            assert [1 + number for number in dataset.present(image_id)] == sorted({*values} - {0, 255})


def test_a_devkit_is_found_by_each_of_its_folders(beside_sbd: Path, tmp_path: Path) -> None:
    whole = prepared(beside_sbd, tmp_path / "whole").root
    for number, name in enumerate(("VOCdevkit", "VOCdevkit/VOC2012", "VOCdevkit/../VOCdevkit")):
        root = prepared(beside_sbd / name, tmp_path / f"part {number}").root
        assert contents(root) == contents(whole)
        assert (root / "dataset").resolve() == voc_of(beside_sbd)


@pytest.mark.parametrize("place", ["benchmark_RELEASE", "VOCdevkit/benchmark_RELEASE/dataset"])
def test_sbd_is_found_in_and_beside_the_devkit(beside_sbd: Path, tmp_path: Path, place: str) -> None:
    expected = contents(prepared(beside_sbd, tmp_path / "expected").root)
    (beside_sbd / "benchmark_RELEASE" / "dataset").rename(beside_sbd / "sbd")
    (beside_sbd / "benchmark_RELEASE").rmdir()
    (beside_sbd / place).parent.mkdir(exist_ok=True)
    (beside_sbd / "sbd").rename(beside_sbd / place)
    for number, name in enumerate(("VOCdevkit", "VOCdevkit/VOC2012")):
        assert contents(prepared(beside_sbd / name, tmp_path / f"part {number}").root) == expected


def test_nothing_is_written_into_the_users_folder(beside_sbd: Path, tmp_path: Path) -> None:
    before = contents(beside_sbd)
    root = prepared(beside_sbd, tmp_path / "data").root
    assert contents(beside_sbd) == before
    assert {path.name for path in (root / "masks").iterdir()} == {f"{image_id}.png" for image_id in MADE}
    assert not [path for path in root.rglob("*.jpg") if "dataset" not in path.parts]


def test_merged_masks_go_when_the_folder_gets_its_own(beside_sbd: Path, sources: Path, tmp_path: Path) -> None:
    assert prepared(beside_sbd, tmp_path / "data").index[B].mask == f"masks/{B}.png"
    shutil.copytree(sources / "plain" / "SegmentationClassAug", voc_of(beside_sbd) / "SegmentationClassAug")
    assert prepared(beside_sbd, tmp_path / "data").index[B].mask == f"dataset/SegmentationClassAug/{B}.png"
    assert not (tmp_path / "data" / "masks").exists()


@pytest.mark.parametrize("name", ["train_aug", "trainaug"])
def test_a_list_of_the_folder_comes_before_a_made_one(augmented: Path, tmp_path: Path, name: str) -> None:
    """Its order stays."""
    (voc_of(augmented) / "ImageSets" / "Segmentation" / f"{name}.txt").write_bytes(lines(D, A, C, B))
    assert prepared(augmented, tmp_path / "data").ids("train") == [D, A, C, B]


def test_vocs_own_mask_is_taken_where_segmentation_class_aug_has_none(augmented: Path, tmp_path: Path) -> None:
    (voc_of(augmented) / "ImageSets" / "Segmentation" / "train_aug.txt").write_bytes(lines(A, B, C, D))
    for image_id in (B, E):
        (voc_of(augmented) / "SegmentationClassAug" / f"{image_id}.png").unlink()
    index = prepared(augmented, tmp_path / "data").index
    assert [index[one].mask for one in (A, B, E)] == [
        f"dataset/SegmentationClassAug/{A}.png",
        "",
        f"dataset/SegmentationClass/{E}.png",
    ]


def test_a_devkit_as_it_is_published_has_vocs_masks(bare: Path, sources: Path, tmp_path: Path) -> None:
    dataset = prepared(bare, tmp_path / "data", VOCS_LISTS)
    assert (dataset.ids("train"), dataset.ids("val")) == ([A, C], [E])
    for image_id in (A, C, E):
        expected = read_labels(sources / "plain" / "SegmentationClassAug" / f"{image_id}.png")
        np.testing.assert_array_equal(dataset.truth(image_id), expected)
    with pytest.raises(WsssError, match=r"has no list train_aug, .*put SegmentationClassAug into .*benchmark\.tgz"):
        prepared(bare, tmp_path / "refused")


def test_a_table_of_labels_comes_before_the_annotations(augmented: Path, tmp_path: Path) -> None:
    own, theirs = tmp_path / "lists", voc_of(augmented)
    own.mkdir()
    rows = [",".join(["image_id", *VOC_CLASSES]), *(f"{one},{','.join(['1'] + ['0'] * 19)}" for one in MADE)]
    (theirs / "image_labels.csv").write_text("\n".join(rows) + "\n")
    assert list(prepared(augmented, tmp_path / "one").present(B)) == [0]
    (own / "image_labels.csv").write_text("\n".join(rows).replace("1,0", "0,1") + "\n")
    shutil.rmtree(theirs / "Annotations")
    assert list(prepared(augmented, tmp_path / "two", own_lists=own).present(B)) == [1]


def test_without_annotations_labels_are_asked_for(augmented: Path, tmp_path: Path) -> None:
    for image_id in (D, B):
        (voc_of(augmented) / "Annotations" / f"{image_id}.xml").unlink()
    told = rf"missing annotation: .*{B}\.xml \(2 of 5 are missing\): .*locations\.lists to .* image_labels\.csv"
    with pytest.raises(WsssError, match=told):
        prepared(augmented, tmp_path / "data")


def test_labels_are_those_of_the_chosen_classes(beside_sbd: Path, tmp_path: Path) -> None:
    """Their order in a config does not count."""
    chosen = {"person": 15, "cat": 8, "tvmonitor": 20}
    ignored = {name: value for name, value in VOC_VALUES.items() if name not in chosen}
    listing = list_voc12(beside_sbd, chosen, ignored, LISTS, tmp_path / "masks", lengths=LENGTHS)
    assert list(listing.classes) == ["cat", "person", "tvmonitor"]
    assert {one: row.tolist() for one, row in listing.labels.items()} == {
        one: [float(value in values) for value in (8, 15, 20)] for one, (_, _, values) in MADE.items()
    }


@pytest.mark.parametrize(
    ("case", "lists", "told"),
    [
        ("augmented", LISTS, r"SegmentationClassAug without the list val names 4 images, .* train_aug .* has 10,582"),
        ("beside_sbd", LISTS, r"the union of the lists of .* names 4 images, and the list train_aug .* has 10,582"),
        ("bare", VOCS_LISTS, r"train\.txt names 2 images, and the list train of this dataset has 1,464"),
    ],
)
def test_some_images_are_not_taken_for_all_of_a_published_list(
    case: str, lists: dict[str, str], told: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with pytest.raises(WsssError, match=told):
        list_voc12(request.getfixturevalue(case), VOC_VALUES, {}, lists, tmp_path / "masks")


def test_lists_of_ones_own_take_a_part(beside_sbd: Path, tmp_path: Path) -> None:
    """Masks are merged for these images alone, and lists of any length are taken."""
    own = tmp_path / "lists"
    own.mkdir()
    (own / "few.txt").write_bytes(lines(D, A))
    (own / "held_out.txt").write_bytes(lines(B))
    lists = {"train": "few.txt", "train_scored": "few.txt", "val": "held_out.txt"}
    dataset = prepared(beside_sbd, tmp_path / "data", lists, own_lists=own)
    assert (dataset.ids("train"), dataset.ids("val")) == ([D, A], [B])
    assert {path.stem for path in (dataset.root / "masks").iterdir()} == {A, B, D}


def test_masks_of_sbd_that_are_missing_or_damaged_are_named(beside_sbd: Path, tmp_path: Path) -> None:
    file = beside_sbd / "benchmark_RELEASE" / "dataset" / "cls" / f"{B}.mat"
    size = MADE[B][:2]
    for content, told in (
        (b"no MATLAB file", rf"damaged label file: .*{B}\.mat"),
        (mat(np.full(size, 21, np.uint8)), rf"{B}\.mat holds a label that is neither 0\.\.20 nor 255"),
        (mat(np.zeros((3, 3), np.uint8)), rf"{B}\.mat has shape \(3, 3\), its image \(25, 25\)"),
    ):
        file.write_bytes(content)
        with pytest.raises(WsssError, match=told):
            prepared(beside_sbd, tmp_path / "data")
    file.unlink()
    with pytest.raises(WsssError, match=rf"missing label file: .*{B}\.mat: .*take it out of the lists"):
        prepared(beside_sbd, tmp_path / "data")


def test_a_damaged_photograph_is_left_out_if_so_chosen(beside_sbd: Path, tmp_path: Path) -> None:
    (voc_of(beside_sbd) / "JPEGImages" / f"{C}.jpg").write_bytes(b"no photograph")
    with pytest.raises(WsssError, match=rf"{C}\.jpg"):
        prepared(beside_sbd, tmp_path / "data")
    assert prepared(beside_sbd, tmp_path / "data", skip=True).ids("train") == [A, B, D]


def test_a_folder_without_photographs_is_no_devkit(tmp_path: Path) -> None:
    (tmp_path / "VOCdevkit" / "VOC2012").mkdir(parents=True)
    with pytest.raises(WsssError, match=r"no VOC 2012 at .*: set locations\.dataset to the folder VOC2012, "):
        prepared(tmp_path, tmp_path / "data")


def test_test_images_have_neither_labels_nor_masks(sources: Path, beside_sbd: Path, tmp_path: Path) -> None:
    devkit_of(beside_sbd, archives(sources, "test"))
    first, second = TEST_SIZES
    # A mask of a test image, as others may have made it, is not taken.
    (voc_of(beside_sbd) / "SegmentationClass" / f"{first}.png").write_bytes(png(np.full((2, 2), 99, np.uint8)))
    for root, lists in ((tmp_path / "merged", WITH_TEST), (tmp_path / "vocs", VOCS_LISTS | {"test": "test"})):
        dataset = prepared(beside_sbd, root, lists)
        assert (root / "lists" / "test.txt").read_bytes() == lines(first, second)
        assert {one: dataset.sizes[one] for one in TEST_SIZES} == TEST_SIZES
        assert [dataset.index[one].mask for one in TEST_SIZES] == ["", ""]
        assert not dataset.image_labels.keys() & TEST_SIZES.keys()
        # The second time there is no SBD.
        shutil.rmtree(beside_sbd / "benchmark_RELEASE", ignore_errors=True)


def test_test_images_are_not_trained_on(sources: Path, beside_sbd: Path, tmp_path: Path) -> None:
    own = tmp_path / "lists"
    own.mkdir()
    (own / "mine.txt").write_bytes(lines(E, D))
    lists = LISTS | {"test": "mine.txt"}
    with pytest.raises(WsssError, match=rf"{D} is in the lists of train and of test, as are 0 others"):
        prepared(beside_sbd, tmp_path / "data", lists, own_lists=own)
    with pytest.raises(WsssError, match=rf"{D} is in the lists of train and of test"):
        from_archives(sources, tmp_path / "archives", lists, own)
    # An image of val may be segmented without looking at its mask.
    (own / "mine.txt").write_bytes(lines(E))
    assert prepared(beside_sbd, tmp_path / "data", lists, own_lists=own).ids("test") == [E]


def test_a_devkit_without_test_images_says_where_they_go(bare: Path, tmp_path: Path) -> None:
    told = r"missing image list: .*ImageSets/Segmentation/test\.txt: unpack VOC2012test\.tar into the same folder"
    with pytest.raises(WsssError, match=told):
        prepared(bare, tmp_path / "data", VOCS_LISTS | {"test": "test"})


def test_only_listed_test_images_are_unpacked(sources: Path, tmp_path: Path) -> None:
    own = tmp_path / "lists"
    own.mkdir()
    _, second = TEST_SIZES
    (own / "one.txt").write_bytes(lines(second))
    dataset = from_archives(sources, tmp_path / "data", LISTS | {"test": "one.txt"}, own)
    assert dataset.ids("test") == [second]
    there = {path.stem for path in (dataset.root / "dataset" / "JPEGImages").iterdir()}
    assert there == {*MADE, second}
    assert {path.name for path in (dataset.root / "dataset").iterdir()} == {
        "Annotations",
        "ImageSets",
        "JPEGImages",
        "SegmentationClass",
        "SegmentationClassAug",
        "image_labels.csv",
    }


def test_archives_without_the_one_of_test_images_are_enough_for_vocs_own(sources: Path, tmp_path: Path) -> None:
    voc, sbd = archives(sources, "voc", "sbd")
    elsewhere = tmp_path / "VOC2012test.tar"
    for archive in (elsewhere, None):
        with pytest.raises(
            WsssError, match=r"^data\.lists\.test: test needs .* as .*VOC2012test\.tar, or set loc[^\n]*$"
        ):
            build_voc12(voc, sbd, tmp_path / "out", WITH_TEST, None, 2, archive, LENGTHS)
    (tmp_path / "mine.txt").write_bytes(lines(B))
    lists = VOCS_LISTS | {"test": "mine.txt"}
    build_voc12(voc, sbd, tmp_path / "out", lists, tmp_path, 2, elsewhere, LENGTHS)
    listing = list_folder(tmp_path / "out", VOC_VALUES, {}, lists, tmp_path)
    assert listing.splits["test"] == [B]
    assert B not in listing.labels | listing.masks
    assert not (tmp_path / "out" / "Annotations" / f"{B}.xml").exists()


def test_a_wrong_archive_of_test_images_leaves_nothing(sources: Path, tmp_path: Path) -> None:
    voc, sbd, _ = archives(sources, "voc", "sbd", "test")
    few = archive_of_test_images({"2008_000006": (3, 4)}, tmp_path)
    with pytest.raises(WsssError, match=r"VOC2012test\.tar gives 1 images for test, not 2"):
        build_voc12(voc, sbd, tmp_path / "out", WITH_TEST, None, 2, few, LENGTHS)
    with pytest.raises(WsssError, match=r"holds no VOCdevkit/VOC2012/ImageSets/Segmentation/test\.txt"):
        build_voc12(voc, sbd, tmp_path / "out", WITH_TEST, None, 2, sbd, LENGTHS)
    few.write_bytes(jpeg(3, 4))
    with pytest.raises(WsssError, match=r"VOC2012test\.tar is truncated or damaged"):
        build_voc12(voc, sbd, tmp_path / "out", WITH_TEST, None, 2, few, LENGTHS)
    assert not (tmp_path / "out").exists()

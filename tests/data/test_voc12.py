"""Small archives in the official formats of VOC 2012 and SBD, merged pixel by pixel."""

import io
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from tests.data.archives import Files, annotation, jpeg, lines, mat, pack, png
from wsss.data.dataset import Dataset
from wsss.data.images import read_labels, voc_palette
from wsss.data.preparation import prepare
from wsss.data.sources.folder import list_folder
from wsss.data.sources.voc12 import (
    SBD_ARCHIVE,
    SBD_FOLDER,
    VOC_ARCHIVE,
    VOC_FOLDER,
    build_voc12,
)
from wsss.data.sources.voc_annotations import merge_lists, object_names, read_sbd_labels
from wsss.data.sources.voc_layout import VOC12_LENGTHS
from wsss.errors import WsssError
from wsss.settings.data import VOC_CLASSES, Voc12Settings

Lists = dict[str, str]
VOC12: Lists = Voc12Settings(kind="voc12").lists.by_split()
UNLISTED = "2012_004331"
# Odd sizes, height x width; a list's members are not in order and overlap as the real ones do.
SIZES = {
    "2007_000032": (37, 50),
    "2007_000033": (36, 51),
    "2008_000002": (25, 31),
    "2008_000008": (1, 1),
    "2009_000005": (53, 17),
    "2011_003276": (33, 32),
    UNLISTED: (20, 20),  # in no list of VOC's
}
VOC_TRAIN = ["2007_000032", "2011_003276"]
VOC_VAL = ["2007_000033"]
SBD_TRAIN = ["2009_000005", "2007_000033", "2008_000002"]
SBD_VAL = ["2008_000008", "2007_000032"]
TRAIN_AUG = ["2007_000032", "2008_000002", "2008_000008", "2009_000005", "2011_003276"]
LISTED = ["2007_000032", "2007_000033", "2008_000002", "2008_000008", "2009_000005", "2011_003276"]
OBJECTS = {
    "2007_000032": [("aeroplane", 0), ("person", 1), ("person", 0)],
    "2007_000033": [("tvmonitor", 1)],
    "2008_000002": [("cat", 0), ("hat", 0)],  # not one of the 20
    "2008_000008": [("dog", 0)],
    "2009_000005": [("sofa", 0), ("bottle", 0), ("chair", 1)],
    "2011_003276": [("horse", 0)],
    "2012_004331": [("bus", 0)],
}


def mask(source: str, image_id: str, values: tuple[int, ...]) -> np.ndarray:
    draw = np.random.default_rng(zlib.crc32(f"{source} {image_id}".encode()))
    return draw.choice(np.array(values, np.uint8), size=SIZES[image_id])


def voc_mask(image_id: str) -> np.ndarray:
    return mask("voc", image_id, (0, 1, 15, 20, 255))


def sbd_mask(image_id: str) -> np.ndarray:
    return mask("sbd", image_id, (0, 8, 12, 20))


def xml(image_id: str) -> bytes:
    return annotation(SIZES[image_id], OBJECTS[image_id])


def voc_files() -> Files:
    files = {}
    for image_id, size in SIZES.items():
        files[f"JPEGImages/{image_id}.jpg"] = jpeg(*size)
        files[f"Annotations/{image_id}.xml"] = xml(image_id)
    for image_id in VOC_TRAIN + VOC_VAL:
        files[f"SegmentationClass/{image_id}.png"] = png(voc_mask(image_id))
        files[f"SegmentationObject/{image_id}.png"] = png(voc_mask(image_id))
    for name, ids in (("train", VOC_TRAIN), ("val", VOC_VAL), ("trainval", sorted(VOC_TRAIN + VOC_VAL))):
        files[f"ImageSets/Segmentation/{name}.txt"] = lines(*ids)
    files["ImageSets/Main/train.txt"] = lines("2012_004331")
    return files


def sbd_files() -> Files:
    files = {"train.txt": lines(*SBD_TRAIN), "val.txt": lines(*SBD_VAL)}
    for number, image_id in enumerate(SBD_TRAIN + SBD_VAL):
        files[f"img/{image_id}.jpg"] = jpeg(*SIZES[image_id])
        files[f"cls/{image_id}.mat"] = mat(sbd_mask(image_id), compressed=number % 2 == 0)
    return files


def build(
    out: Path, voc: Files, sbd: Files, workers: int = 2, images: int = len(TRAIN_AUG), lists: Lists = VOC12
) -> Path:
    out.parent.mkdir(parents=True, exist_ok=True)
    voc_archive = pack(out.with_name(VOC_ARCHIVE.name), "w", VOC_FOLDER, voc)
    sbd_archive = pack(out.with_name(SBD_ARCHIVE.name), "w:gz", SBD_FOLDER, sbd)
    build_voc12(voc_archive, sbd_archive, out, lists, out.parent, workers, lengths={"train_aug": images})
    return out


def contents(folder: Path) -> Files:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("voc") / "voc12", voc_files(), sbd_files())


def test_masks_are_voc_where_there_is_one_and_sbd_elsewhere(built: Path) -> None:
    found = {path.stem for path in (built / "SegmentationClassAug").iterdir()}
    assert found == set(LISTED)
    for image_id in LISTED:
        path = built / "SegmentationClassAug" / f"{image_id}.png"
        expected = voc_mask(image_id) if image_id in VOC_TRAIN + VOC_VAL else sbd_mask(image_id)
        np.testing.assert_array_equal(read_labels(path), expected)
        with Image.open(path) as image:
            assert image.mode == "P"
            assert image.getpalette() == voc_palette().ravel().tolist()
    assert (read_labels(built / "SegmentationClassAug" / "2007_000032.png") == 255).any()


def test_what_voc_holds_is_kept_as_it_is(built: Path) -> None:
    kept = {
        name: content
        for name, content in voc_files().items()
        if not name.startswith(("SegmentationObj", "ImageSets/Main")) and UNLISTED not in name
    }
    made = {f"SegmentationClassAug/{image_id}.png" for image_id in LISTED}
    made |= {"ImageSets/Segmentation/train_aug.txt", "image_labels.csv"}
    found = contents(built)
    assert set(found) == set(kept) | made
    assert {name: found[name] for name in kept} == kept
    assert {path.name for path in built.parent.iterdir()} == {"voc12", VOC_ARCHIVE.name, SBD_ARCHIVE.name}


def test_train_aug_is_the_union_without_val_in_order(built: Path) -> None:
    assert (built / "ImageSets/Segmentation/train_aug.txt").read_bytes() == lines(*TRAIN_AUG)
    assert merge_lists(["b"], ["a", "d"], ["d", "c", "b"]) == ["b", "c"]


def test_image_level_labels_name_difficult_objects_but_no_parts(built: Path) -> None:
    header, *rows = (built / "image_labels.csv").read_text().splitlines()
    names = header.split(",")
    assert names == ["image_id", *VOC_CLASSES]
    found = {row.split(",")[0]: {n for n, v in zip(names, row.split(","), strict=True) if v == "1"} for row in rows}
    assert found == {
        "2007_000032": {"aeroplane", "person"},
        "2007_000033": {"tvmonitor"},
        "2008_000002": {"cat"},
        "2008_000008": {"dog"},
        "2009_000005": {"sofa", "bottle", "chair"},
        "2011_003276": {"horse"},
    }


def test_the_workflow_accepts_the_result(built: Path, tmp_path: Path) -> None:
    settings = Voc12Settings(kind="voc12")
    prepare(list_folder(built, settings.classes, {}, settings.lists.by_split()), tmp_path)
    dataset = Dataset(tmp_path)
    assert dataset.ids("train") == TRAIN_AUG
    assert dataset.ids("train_scored") == VOC_TRAIN
    assert dataset.ids("val") == VOC_VAL
    assert [dataset.classes[number] for number in dataset.present("2009_000005")] == ["bottle", "chair", "sofa"]
    np.testing.assert_array_equal(dataset.truth("2008_000002"), sbd_mask("2008_000002"))
    np.testing.assert_array_equal(dataset.truth("2007_000033"), voc_mask("2007_000033"))


def test_any_number_of_workers_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "voc12", voc_files(), sbd_files(), workers=1)
    assert contents(again) == contents(built)


def test_only_what_is_on_the_lists_is_made(tmp_path: Path) -> None:
    """VOC's lists and the user's own may stand side by side; an image of none of VOC's lists has no mask to be made."""
    few = ["2009_000005", "2011_003276"]
    (tmp_path / "few.txt").write_bytes(lines(*few))
    lists = {"train": "few.txt", "train_scored": "few.txt", "val": "val"}
    made = build(tmp_path / "voc12", voc_files(), sbd_files(), lists=lists)
    listed = sorted([*few, *VOC_VAL])
    assert sorted(path.stem for path in (made / "JPEGImages").iterdir()) == listed
    assert sorted(path.stem for path in (made / "Annotations").iterdir()) == listed
    assert sorted(path.stem for path in (made / "SegmentationClassAug").iterdir()) == listed
    assert sorted(path.stem for path in (made / "SegmentationClass").iterdir()) == ["2007_000033", "2011_003276"]
    assert [row.split(",")[0] for row in (made / "image_labels.csv").read_text().splitlines()[1:]] == listed
    whole = contents(build(tmp_path / "whole" / "voc12", voc_files(), sbd_files()))
    part = contents(made)
    assert {name: part[name] for name in part if name != "image_labels.csv"}.items() <= whole.items()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lines("2009_000005", "2013_000001"), r"the list few\.txt names 2013_000001, .* \(1 of 2 are missing\)"),
        # No id leads out of the folder of the photographs.
        (lines("../JPEGImages/2009_000005"), r"line 1: '\.\./JPEGImages/2009_000005' is no id of an image"),
        (lines(UNLISTED), rf"missing label file: .*{UNLISTED}\.mat"),
        (b"", r"image list .*few\.txt is empty"),
        (None, r"missing image list: .*few\.txt"),
    ],
)
def test_own_lists_that_do_not_fit_leave_nothing(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "few.txt").write_bytes(content)
    with pytest.raises(WsssError, match=message):
        build(tmp_path / "voc12", voc_files(), sbd_files(), lists=VOC12 | {"train": "few.txt"})
    assert {path.name for path in tmp_path.iterdir()} <= {VOC_ARCHIVE.name, SBD_ARCHIVE.name, "few.txt"}


def test_an_earlier_build_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "voc12" / "JPEGImages").mkdir(parents=True)
    (tmp_path / "voc12" / "JPEGImages" / "stale.jpg").touch()
    build(tmp_path / "voc12", voc_files(), sbd_files())
    assert not (tmp_path / "voc12" / "JPEGImages" / "stale.jpg").exists()


def without(name: str) -> Callable[[Files], object]:
    return lambda files: files.pop(name)


def changed(name: str, content: bytes) -> Callable[[Files], object]:
    return lambda files: files.update({name: content})


def nothing(files: Files) -> None:
    pass


@pytest.mark.parametrize(
    ("voc", "sbd", "message"),
    [
        (without("JPEGImages/2009_000005.jpg"), nothing, r"missing image: .*2009_000005\.jpg"),
        (without("Annotations/2009_000005.xml"), nothing, r"missing annotation: .*2009_000005\.xml"),
        (nothing, without("cls/2009_000005.mat"), r"missing label file: .*2009_000005\.mat"),
        (
            nothing,
            changed("cls/2009_000005.mat", mat(np.zeros((3, 3), np.uint8))),
            r"2009_000005\.mat has shape \(3, 3\)",
        ),
        (changed("SegmentationClass/2007_000033.png", png(np.zeros((3, 3), np.uint8))), nothing, "33.png has shape"),
        (
            nothing,
            changed("cls/2008_000008.mat", mat(np.full((1, 1), 21, np.uint8))),
            r"2008_000008\.mat holds a label",
        ),
        (changed("JPEGImages/2008_000002.jpg", b"no photograph"), nothing, r"damaged image: .*2008_000002\.jpg"),
        (without("ImageSets/Segmentation/val.txt"), nothing, r"VOCtrainval.*tar holds no .*/val\.txt"),
        (nothing, without("train.txt"), r"benchmark\.tgz holds no .*/train\.txt"),
        (nothing, changed("val.txt", lines("2007_000032")), r"give 4 images for train_aug, not 5"),
    ],
)
def test_archives_that_do_not_fit_leave_nothing(
    tmp_path: Path, voc: Callable[[Files], object], sbd: Callable[[Files], object], message: str
) -> None:
    voc_content, sbd_content = voc_files(), sbd_files()
    voc(voc_content)
    sbd(sbd_content)
    with pytest.raises(WsssError, match=message):
        build(tmp_path / "voc12", voc_content, sbd_content)
    assert {path.name for path in tmp_path.iterdir()} == {VOC_ARCHIVE.name, SBD_ARCHIVE.name}


def test_unless_told_otherwise_the_real_count_is_demanded(tmp_path: Path) -> None:
    voc_archive = pack(tmp_path / "voc.tar", "w", VOC_FOLDER, voc_files())
    sbd_archive = pack(tmp_path / "sbd.tgz", "w:gz", SBD_FOLDER, sbd_files())
    with pytest.raises(WsssError, match=r"voc\.tar and .*sbd\.tgz give 5 images for train_aug, not 10582"):
        build_voc12(voc_archive, sbd_archive, tmp_path / "voc12", VOC12)
    assert VOC12_LENGTHS["train_aug"] == 10_582


def test_a_label_file_of_sbd(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    labels = np.array([[0, 1, 20], [5, 0, 0]], np.uint8)
    path.write_bytes(mat(labels))
    found = read_sbd_labels(path)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, labels)
    path.write_bytes(mat(np.array([[7]], np.uint8)))
    assert read_sbd_labels(path).shape == (1, 1)
    path.write_bytes(mat(labels.astype(np.float64)))
    with pytest.raises(WsssError, match=r"a\.mat .*is no image of 8 bits"):
        read_sbd_labels(path)


def test_a_damaged_label_file_of_sbd(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    whole = mat(np.random.default_rng(0).integers(0, 21, (40, 40)).astype(np.uint8))
    other = io.BytesIO()
    savemat(other, {"GTinst": {"Segmentation": np.zeros((2, 2), np.uint8)}})
    for content in (b"", b"no MATLAB file", whole[: len(whole) // 2], whole[:200], other.getvalue()):
        path.write_bytes(content)
        with pytest.raises(WsssError, match=r"damaged label file: .*a\.mat"):
            read_sbd_labels(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE a [<!ENTITY x "dog">]>',
        '<!DOCTYPE a SYSTEM "file:///etc/hostname">',
        '<!DOCTYPE a [<!ENTITY % x "y">]>',
    ],
)
def test_annotations_with_a_document_type_are_refused(tmp_path: Path, declaration: str, encoding: str) -> None:
    path = tmp_path / "a.xml"
    text = f'<?xml version="1.0" encoding="{encoding}"?>{declaration}<a><object><name>dog</name></object></a>'
    path.write_bytes(text.encode(encoding))
    with pytest.raises(WsssError, match=r"a\.xml"):
        object_names(path)
    path.write_bytes(text.replace(declaration, "").replace("utf-16", "utf-8").encode())
    assert object_names(path) == {"dog"}


def test_a_damaged_annotation_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    for content in (b"", b"<annotation><object>", b"\xff\xfe\x00"):
        path.write_bytes(content)
        with pytest.raises(WsssError, match=r"damaged annotation: .*a\.xml"):
            object_names(path)


def test_an_annotation_far_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.xml").open("wb") as file:
        file.truncate(2**21)
    with pytest.raises(WsssError, match=r"a\.xml is larger than 1 MiB"):
        object_names(tmp_path / "a.xml")


def test_addresses_and_sums_are_those_that_torchvision_publishes() -> None:
    from torchvision.datasets import SBDataset
    from torchvision.datasets.voc import DATASET_YEAR_DICT

    voc = DATASET_YEAR_DICT["2012"]
    assert VOC_ARCHIVE.url == voc["url"]
    assert (VOC_ARCHIVE.name, VOC_ARCHIVE.md5) == (voc["filename"], voc["md5"])
    assert voc["base_dir"] == VOC_FOLDER
    assert (SBD_ARCHIVE.url, SBD_ARCHIVE.name, SBD_ARCHIVE.md5) == (SBDataset.url, SBDataset.filename, SBDataset.md5)

"""The official layout of COCO 2014, made small: from zip archives, and from a folder."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.data.archives import jpeg
from wsss.data.images import read_labels
from wsss.data.listing import Listing
from wsss.data.sources.coco14 import COCO14_ARCHIVES, COCO14_LENGTHS, COCO14_PARTS, list_coco14, unpack_coco14
from wsss.errors import WsssError
from wsss.settings.coco import COCO_CLASSES, Coco14Settings

LENGTHS = {"leave_out": {"train": 2, "val": 1}, "keep": {"train": 3, "val": 1}}
BOX = [1, 1, 9, 1, 9, 8, 1, 8]


def instances(split: str, annotated: Mapping[int, int], empty: tuple[int, ...] = ()) -> bytes:
    """Images of 12 x 16 pixels, each with one object of the given category."""
    images = [
        {"id": own, "file_name": f"COCO_{split}2014_{own:012d}.jpg", "height": 12, "width": 16}
        for own in (*annotated, *empty)
    ]
    annotations = [
        {"id": 10 * own, "image_id": own, "category_id": category, "iscrowd": 0, "segmentation": [BOX]}
        for own, category in annotated.items()
    ]
    categories = [{"id": own, "name": name} for name, own in COCO_CLASSES.items()]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories}).encode()


def files() -> dict[str, dict[str, bytes]]:
    """The files of each archive."""
    train = {f"train2014/COCO_train2014_{own:012d}.jpg": jpeg(12, 16) for own in (9, 25, 30)}
    return {
        "train2014.zip": train,
        "val2014.zip": {"val2014/COCO_val2014_000000000042.jpg": jpeg(12, 16)},
        "annotations_trainval2014.zip": {
            "annotations/instances_train2014.json": instances("train", {25: 90, 9: 1}, empty=(30,)),
            "annotations/instances_val2014.json": instances("val", {42: 44}),
            "annotations/captions_val2014.json": b"{}",
        },
    }


def pack(folder: Path, archives: Mapping[str, Mapping[str, bytes]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in archives.items():
        with zipfile.ZipFile(folder / name, "w") as packed:
            for path, text in content.items():
                packed.writestr(path, text)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    unpack_coco14(pack(tmp_path / "archives", files()), tmp_path / "coco")
    return tmp_path / "coco"


def listed(folder: Path, **changes: object) -> Listing:
    settings = Coco14Settings.read("data", {"kind": "coco14", **changes})
    return list_coco14(settings, folder, folder.parent / "out", lengths=LENGTHS)


def test_what_is_used_of_the_archives_is_unpacked(folder: Path) -> None:
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    wanted = {name: text for content in files().values() for name, text in content.items()}
    wanted.pop("annotations/captions_val2014.json")
    assert found == wanted


def test_the_official_splits_are_listed(folder: Path) -> None:
    listing = listed(folder)
    one, two, three = "COCO_train2014_000000000009", "COCO_train2014_000000000025", "COCO_val2014_000000000042"
    assert listing.splits == {"train": [one, two], "train_scored": [one, two], "val": [three], "test": []}
    assert dict(listing.classes) == COCO_CLASSES
    assert listing.photographs[three] == f"val2014/{three}.jpg"
    names = list(COCO_CLASSES)
    present = {own: [names[i] for i in np.flatnonzero(labels)] for own, labels in listing.labels.items()}
    assert present == {one: ["person"], two: ["toothbrush"], three: ["bottle"]}
    masks = {own: read_labels(folder.parent / "out" / "masks" / path) for own, path in listing.masks.items()}
    values = {own: set(np.unique(labels).tolist()) for own, labels in masks.items()}
    assert values == {one: {0, 1}, two: {0, 90}, three: {0, 44}}


def test_a_part_of_the_classes_and_images_without_annotations(folder: Path) -> None:
    listing = listed(folder, classes={"bottle": 44}, unannotated="keep")
    assert len(listing.splits["train"]) == 3
    assert len(listing.ignored_classes) == 79
    assert [labels.tolist() for labels in listing.labels.values()] == [[0], [0], [0], [1]]


def test_archives_unpacked_in_place_need_no_link(tmp_path: Path) -> None:
    """The folder of the prepared dataset may hold the dataset itself."""
    unpack_coco14(pack(tmp_path / "archives", files()), tmp_path / "out" / "dataset")
    listing = listed(tmp_path / "out" / "dataset")
    assert not (tmp_path / "out" / "dataset").is_symlink()
    assert all((listing.folder / path).is_file() for path in listing.photographs.values())
    assert all((tmp_path / "out" / "out" / "masks" / path).is_file() for path in listing.masks.values())


def test_another_number_of_images_is_refused_before_masks_are_painted(folder: Path) -> None:
    with pytest.raises(WsssError, match=r"gives 2 images for train, and COCO 2014 has 82,081: .* data\.kind coco"):
        list_coco14(Coco14Settings(kind="coco14"), folder, folder.parent / "out")
    assert not (folder.parent / "out").exists()
    assert COCO14_LENGTHS["keep"] == {"train": 82_783, "val": 40_504}


def test_other_categories_are_refused(folder: Path) -> None:
    for split in ("train", "val"):
        path = folder / f"annotations/instances_{split}2014.json"
        path.write_bytes(path.read_bytes().replace(b"toothbrush", b"toothpaste"))
    with pytest.raises(WsssError, match=r"instances_train2014\.json has not the 80 categories of COCO 2014"):
        listed(folder)


@pytest.mark.parametrize(("archive", "part"), [(name, part) for name, parts in COCO14_PARTS.items() for part in parts])
def test_archives_of_something_else_leave_nothing(tmp_path: Path, archive: str, part: str) -> None:
    content = files()
    content[archive] = {name: text for name, text in content[archive].items() if not name.startswith(part)}
    archives = pack(tmp_path / "archives", content)
    with pytest.raises(WsssError, match=rf"{archive} holds no {part}: it is not the official archive"):
        unpack_coco14(archives, tmp_path / "coco")
    assert [path.name for path in tmp_path.iterdir()] == ["archives"]
    (archives / archive).unlink()
    with pytest.raises(WsssError, match=f"missing archive: .*{archive}"):
        unpack_coco14(archives, tmp_path / "coco")


def test_the_archives_have_addresses_and_sums() -> None:
    assert [archive.name for archive in COCO14_ARCHIVES] == list(COCO14_PARTS)
    for archive in COCO14_ARCHIVES:
        assert archive.url.startswith("http://images.cocodataset.org/")
        assert archive.url.endswith(f"/{archive.name}")
        assert len(bytes.fromhex(archive.md5)) == 16

"""A part of VOC 2012 from the official archives and from a folder: equal images, labels, lists and masks."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import PROJECT
from tests.data.archives import Files, annotation, jpeg, lines, mat, pack, png
from wsss.data.dataset import Dataset
from wsss.data.images import read_labels
from wsss.data.preparation import by_value, check_lengths, prepare
from wsss.data.voc12 import SBD_FOLDER, VOC_FOLDER, build_voc12
from wsss.describe import read_config_file
from wsss.errors import WsssError
from wsss.files import sha256_of
from wsss.settings.data import VOC_CLASSES, Voc12Settings

ANIMALS = PROJECT / "configs" / "voc-animals.yaml"
LISTS = PROJECT / "configs" / "lists" / "voc-animals"
# Height, width and mask values of made images, by their id.
MADE = {
    "2007_000063": (30, 41, (0, 12, 9, 255)),
    "2008_000054": (25, 25, (0, 8, 255)),
    "2009_000418": (40, 31, (0, 15, 17, 5)),
    "2010_001012": (33, 47, (0, 13)),
    "2011_000006": (28, 52, (0, 15, 20, 255)),
}


def animals() -> Voc12Settings:
    data = read_config_file(ANIMALS).runs["default"].data
    assert isinstance(data, Voc12Settings)
    return data


def folder_of(root: Path) -> Path:
    """A folder in VOC layout of made images: labels of all twenty classes, masks in the palette, no lists."""
    draw = np.random.default_rng(0)
    for name in ("JPEGImages", "SegmentationClassAug"):
        (root / name).mkdir(parents=True)
    rows = [",".join(["image_id", *VOC_CLASSES])]
    for image_id, (height, width, values) in MADE.items():
        mask = draw.choice(np.array(values, np.uint8), size=(height, width))
        (root / "JPEGImages" / f"{image_id}.jpg").write_bytes(jpeg(height, width))
        (root / "SegmentationClassAug" / f"{image_id}.png").write_bytes(png(mask))
        rows.append(",".join([image_id, *(str(int(value in values)) for value in range(1, 21))]))
    (root / "image_labels.csv").write_text("\n".join(rows) + "\n")
    return root


def archives_of(folder: Path, ids: Iterable[str], out: Path) -> tuple[Path, Path]:
    """The same images as the official archives would hold them, every other mask as one of SBD."""
    header, *rows = (line.split(",") for line in (folder / "image_labels.csv").read_text().splitlines())
    objects = {row[0]: [(name, 1) for name, value in zip(header, row, strict=True) if value == "1"] for row in rows}
    voc: Files = {}
    sbd: Files = {}
    for number, image_id in enumerate(sorted(ids)):
        photograph = folder / "JPEGImages" / f"{image_id}.jpg"
        mask = read_labels(folder / "SegmentationClassAug" / f"{image_id}.png")
        voc[f"JPEGImages/{image_id}.jpg"] = photograph.read_bytes()
        voc[f"Annotations/{image_id}.xml"] = annotation(Image.open(photograph).size[::-1], objects[image_id])
        if number % 2:
            sbd[f"cls/{image_id}.mat"] = mat(mask)
        else:
            voc[f"SegmentationClass/{image_id}.png"] = png(mask)
    with_mask, of_sbd = (
        sorted(Path(name).stem for name in files if name.startswith(part))
        for files, part in ((voc, "SegmentationClass"), (sbd, "cls"))
    )
    for name, members in (("train", with_mask[:-1]), ("val", with_mask[-1:]), ("trainval", with_mask)):
        voc[f"ImageSets/Segmentation/{name}.txt"] = lines(*members)
    sbd |= {"train.txt": lines(*of_sbd[:1]), "val.txt": lines(*of_sbd[1:])}
    out.mkdir()
    return pack(out / "voc.tar", "w", VOC_FOLDER, voc), pack(out / "sbd.tgz", "w:gz", SBD_FOLDER, sbd)


def assert_equal_both_ways(folder: Path, ids: list[str], train: list[str], val: list[str], tmp_path: Path) -> None:
    """`ids` are in the archives, of which `train` and `val` are on the lists."""
    own_lists = tmp_path / "lists"
    own_lists.mkdir()
    (own_lists / "train.txt").write_bytes(lines(*train))
    (own_lists / "val.txt").write_bytes(lines(*val))
    voc, sbd = archives_of(folder, ids, tmp_path / "archives")
    settings, lists = animals(), animals().lists.model_dump()
    from_archives, from_folder = tmp_path / "from_archives", tmp_path / "from_folder"
    # The archives' train_aug has all images but the one of VOC's val.
    build_voc12(voc, sbd, from_archives / "dataset", lists, own_lists, workers=2, train_aug_images=len(ids) - 1)
    for source, root in ((from_archives / "dataset", from_archives), (folder, from_folder)):
        prepare(source, root, by_value(settings.classes), settings.ignored_classes, lists, 2, own_lists)
    for name in ["images.tsv", "image_labels.csv", "dataset.json", *(f"lists/{name}.txt" for name in lists)]:
        assert (from_archives / name).read_bytes() == (from_folder / name).read_bytes(), name
    one, other = Dataset(from_archives), Dataset(from_folder)
    assert (one.ids("train"), one.ids("train_scored"), one.ids("val")) == (train, train, val)
    for image_id in [*train, *val]:
        assert one.image_path(image_id).read_bytes() == other.image_path(image_id).read_bytes()
        np.testing.assert_array_equal(one.truth(image_id), other.truth(image_id))
    assert sorted(path.stem for path in (from_archives / "dataset" / "JPEGImages").iterdir()) == sorted([*train, *val])


def test_a_made_part_of_voc_is_the_same_both_ways(tmp_path: Path) -> None:
    first, second, third, fourth, left_out = MADE
    assert_equal_both_ways(folder_of(tmp_path / "folder"), list(MADE), [third, first], [fourth, second], tmp_path)
    made = Dataset(tmp_path / "from_archives")
    # A dog; the chair beside it is no class of this part.
    assert [made.classes[number] for number in made.present(first)] == ["dog"]
    assert set(np.unique(made.truth(first))) == {0, 1 + made.classes.index("dog"), 255}
    assert left_out not in (made.root / "image_labels.csv").read_text()


@pytest.mark.photographs
def test_photographs_of_voc_animals_are_the_same_both_ways(photographs: Path, tmp_path: Path) -> None:
    train, val = ((LISTS / f"{name}.txt").read_text().split() for name in ("train", "val"))
    chosen, held_out, others = train[::60], val[::30], train[1:120:60]
    assert (len(chosen), len(held_out), len(others)) == (6, 3, 2)
    assert_equal_both_ways(photographs, [*chosen, *held_out, *others], chosen, held_out, tmp_path)


def test_the_lists_of_voc_animals_hold_each_image_once() -> None:
    train, val = ((LISTS / f"{name}.txt").read_text().splitlines() for name in ("train", "val"))
    assert (len(train), len(val), len({*train, *val})) == (320, 80, 400)


@pytest.mark.photographs
def test_the_committed_lists_are_the_folders(photographs: Path) -> None:
    for name in ("train", "val"):
        theirs = photographs / "ImageSets" / "Segmentation" / f"{name}.txt"
        assert (LISTS / f"{name}.txt").read_bytes() == theirs.read_bytes()


@pytest.mark.photographs
def test_all_of_voc_animals_is_what_its_figures_were_measured_on(photographs: Path, tmp_path: Path) -> None:
    """Sums of the index, the labels, the classes and the lists, as they were when the figures were published."""
    settings, lists = animals(), animals().lists.model_dump()
    prepare(photographs, tmp_path, by_value(settings.classes), settings.ignored_classes, lists, 2, LISTS)
    published = {
        "images.tsv": "f18a6824cf633d642b142837a14c2aa1304927a3a37a2ae604afbd794ac15311",
        "image_labels.csv": "d814cee62432a7dd5a9838075d902c943258d328f94477e79612c5acdd89fa08",
        "dataset.json": "3fedd3bf6486776a6cfa06a84db1abee82b0b929a2a10db094e9c7f8158f1c9d",
        "lists/train.txt": "47e4020058c19940ac58066e118e5531aa8be02cd8735e05ee7b5a133fea7a3b",
        "lists/train_scored.txt": "47e4020058c19940ac58066e118e5531aa8be02cd8735e05ee7b5a133fea7a3b",
        "lists/val.txt": "ea10aef61d79ae6a5f6a800c460bd87f0e7cbd5cd8693d7a85b0fe5957971656",
    }
    assert {name: sha256_of(tmp_path / name) for name in published} == published


def test_a_folder_takes_the_place_of_what_was_unpacked_and_gives_it_back(tmp_path: Path) -> None:
    """Going from archives to a folder and back leaves the folder as it was."""
    folder, ids = folder_of(tmp_path / "folder"), list(MADE)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert_equal_both_ways(folder, ids, ids[:3], ids[3:4], tmp_path)
    root, own_lists, settings = tmp_path / "from_archives", tmp_path / "lists", animals()
    lists = settings.lists.model_dump()
    prepare(folder, root, settings.classes, settings.ignored_classes, lists, 1, own_lists)
    assert (root / "dataset").resolve() == folder.resolve()
    voc, sbd = (tmp_path / "archives" / name for name in ("voc.tar", "sbd.tgz"))
    for _ in range(2):
        build_voc12(voc, sbd, root / "dataset", lists, own_lists, 1, len(ids) - 1)
        assert not (root / "dataset").is_symlink()
    assert [path.name for path in root.iterdir() if path.name.startswith(".")] == []
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_folder_of_some_images_is_not_taken_for_all_of_a_published_list(tmp_path: Path) -> None:
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_bytes(lines("a", "b"))
    check_lengths(tmp_path, {"train": "train", "val": "mine"}, {"train": 2, "val": 9})
    with pytest.raises(WsssError, match=r"train\.txt names 2 images, and the list train of this dataset has 1,464"):
        check_lengths(tmp_path, {"train": "train"}, {"train": 1464})

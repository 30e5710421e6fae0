"""A part of VOC 2012 from the official archives and from a folder: equal images, labels, lists and masks."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import PROJECT
from tests.data.archives import MADE, archives_of, folder_of, lines
from wsss.commands.describe import read_config_file
from wsss.data.dataset import Dataset
from wsss.data.preparation import prepare
from wsss.data.sources.folder import list_folder
from wsss.data.sources.voc12 import SBD_ARCHIVE, VOC_ARCHIVE, build_voc12
from wsss.files import sha256_of
from wsss.settings.data import Voc12Settings

ANIMALS = PROJECT / "configs" / "voc-animals.yaml"
LISTS = PROJECT / "configs" / "lists" / "voc-animals"


def animals() -> Voc12Settings:
    data = read_config_file(ANIMALS).runs["default"].data
    assert isinstance(data, Voc12Settings)
    return data


def assert_equal_both_ways(folder: Path, ids: list[str], train: list[str], val: list[str], tmp_path: Path) -> None:
    """`ids` are in the archives, of which `train` and `val` are on the lists."""
    own_lists = tmp_path / "lists"
    own_lists.mkdir()
    (own_lists / "train.txt").write_bytes(lines(*train))
    (own_lists / "val.txt").write_bytes(lines(*val))
    voc, sbd = archives_of(folder, ids, tmp_path / "archives")
    settings, lists = animals(), animals().lists.by_split()
    from_archives, from_folder = tmp_path / "from_archives", tmp_path / "from_folder"
    # The archives' train_aug has all images but the one of VOC's val.
    build_voc12(voc, sbd, from_archives / "dataset", lists, own_lists, workers=2, lengths={"train_aug": len(ids) - 1})
    for source, root in ((from_archives / "dataset", from_archives), (folder, from_folder)):
        prepare(list_folder(source, settings.classes, settings.ignored_classes, lists, own_lists), root, 2)
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
    settings, lists = animals(), animals().lists.by_split()
    prepare(list_folder(photographs, settings.classes, settings.ignored_classes, lists, LISTS), tmp_path, 2)
    published = {
        "image_labels.csv": "d814cee62432a7dd5a9838075d902c943258d328f94477e79612c5acdd89fa08",
        "lists/train.txt": "47e4020058c19940ac58066e118e5531aa8be02cd8735e05ee7b5a133fea7a3b",
        "lists/train_scored.txt": "47e4020058c19940ac58066e118e5531aa8be02cd8735e05ee7b5a133fea7a3b",
        "lists/val.txt": "ea10aef61d79ae6a5f6a800c460bd87f0e7cbd5cd8693d7a85b0fe5957971656",
    }
    assert {name: sha256_of(tmp_path / name) for name in published} == published
    index = Dataset(tmp_path).index.values()
    photographs_then = "".join(f"{row.id}\t{row.height}\t{row.width}\t{row.sha256}\n" for row in index)
    assert hashlib.sha256(f"id\theight\twidth\tsha256\n{photographs_then}".encode()).hexdigest() == (
        "f18a6824cf633d642b142837a14c2aa1304927a3a37a2ae604afbd794ac15311"
    )
    assert Dataset(tmp_path).values.classes == settings.classes


def test_a_folder_takes_the_place_of_what_was_unpacked_and_gives_it_back(tmp_path: Path) -> None:
    """Going from archives to a folder and back leaves the folder as it was."""
    folder, ids = folder_of(tmp_path / "folder"), list(MADE)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert_equal_both_ways(folder, ids, ids[:3], ids[3:4], tmp_path)
    root, own_lists, settings = tmp_path / "from_archives", tmp_path / "lists", animals()
    lists = settings.lists.by_split()
    prepare(list_folder(folder, settings.classes, settings.ignored_classes, lists, own_lists), root)
    assert (root / "dataset").resolve() == folder.resolve()
    voc, sbd = (tmp_path / "archives" / archive.name for archive in (VOC_ARCHIVE, SBD_ARCHIVE))
    for _ in range(2):
        build_voc12(voc, sbd, root / "dataset", lists, own_lists, 1, lengths={"train_aug": len(ids) - 1})
        assert not (root / "dataset").is_symlink()
    assert [path.name for path in root.iterdir() if path.name.startswith(".")] == [".sums"]
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_labels_beside_own_lists_take_the_place_of_the_datasets(tmp_path: Path) -> None:
    folder, own = folder_of(tmp_path / "folder"), tmp_path / "lists"
    first, second, *_ = MADE
    table = (folder / "image_labels.csv").read_text().splitlines()
    own.mkdir()
    (own / "image_labels.csv").write_text(
        "\n".join([table[0], *(f"{one},{','.join(['1'] * 20)}" for one in MADE)]) + "\n"
    )
    (own / "train.txt").write_bytes(lines(first))
    (own / "val.txt").write_bytes(lines(second))
    settings = animals()
    listing = list_folder(folder, settings.classes, settings.ignored_classes, settings.lists.by_split(), own)
    prepare(listing, tmp_path)
    assert list(Dataset(tmp_path).present(first)) == list(range(6))


def test_the_committed_table_is_that_of_the_photographs(photographs: Path) -> None:
    assert (LISTS / "image_labels.csv").read_bytes() == (photographs / "image_labels.csv").read_bytes()

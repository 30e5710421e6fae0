"""Datasets: which classes are ignored, and which settings mean the same data."""

from wsss.settings.data import VOC_CLASSES, FolderSettings, Voc12Settings, is_own_list
from wsss.settings.run import read_settings

ANIMALS = {"cat": 8, "cow": 10, "dog": 12}


def test_classes_of_voc_that_are_left_out_are_ignored() -> None:
    part = Voc12Settings(kind="voc12", classes=ANIMALS)
    assert {**part.classes, **part.ignored_classes} == {name: i for i, name in enumerate(VOC_CLASSES, 1)}
    assert not part.classes.keys() & part.ignored_classes.keys()
    assert Voc12Settings(kind="voc12").ignored_classes == {}


def test_the_order_of_classes_moves_nothing() -> None:
    turned = dict(reversed(ANIMALS.items()))
    assert Voc12Settings(kind="voc12", classes=turned).key() == Voc12Settings(kind="voc12", classes=ANIMALS).key()


def test_a_list_of_ones_own_has_an_ending() -> None:
    assert is_own_list("few.txt")
    assert not is_own_list("train_aug")
    own, vocs = (Voc12Settings.read("data", {"kind": "voc12", "lists": {"train": name}}) for name in ("a.txt", "a"))
    assert own.key() != vocs.key()
    assert (own.lists.train_scored, own.lists.val) == ("train", "val")


def test_a_list_of_test_moves_nothing_until_it_is_set() -> None:
    plain, tested = (Voc12Settings.read("data", {"kind": "voc12", "lists": lists}) for lists in ({}, {"test": "test"}))
    assert plain.key() == Voc12Settings(kind="voc12").key() != tested.key()
    assert list(plain.lists.by_split()) == ["train", "train_scored", "val"]
    assert tested.lists.by_split() == {**plain.lists.by_split(), "test": "test"}


def test_settings_of_photographs_come_back_as_they_were() -> None:
    voc12 = Voc12Settings(kind="voc12", classes=ANIMALS)
    folder = FolderSettings(kind="folder", name="mine", classes={"a": 1}, ignored_classes={"b": 2})
    assert [read_settings("data", own.key()) for own in (voc12, folder)] == [voc12, folder]

"""Settings of a folder of photographs: what they mean, and one line for each mistake."""

from typing import Any

import pytest

from wsss.errors import WsssError
from wsss.settings.own_images import ImagesSettings


def settings(**values: Any) -> ImagesSettings:
    return ImagesSettings.read("data", {"kind": "images", "name": "farm", **values})


def test_a_list_of_names_numbers_the_classes_and_none_leaves_them_open() -> None:
    assert settings().class_values is None
    assert settings(classes=["dog", "cat"]).class_values == {"dog": 1, "cat": 2}
    assert list(settings(classes={"dog": 9, "cat": 2}).class_values or {}) == ["cat", "dog"]
    assert settings(classes={"floor": 0, "wall": 1}, background="none").class_values == {"floor": 0, "wall": 1}


def test_settings_come_back_from_their_key() -> None:
    given = settings(classes=["dog", "cat"], lists={"train": "a.txt"}, holdout=0, masks="m/n", ignored_classes={"x": 7})
    assert ImagesSettings.model_validate_json(given.key()) == given
    named = settings(classes={"dog": 1, "cat": 2}, holdout=0.2, seed=3)
    assert ImagesSettings.model_validate_json(named.key()) == named
    assert settings().key() == '{"kind": "images", "name": "farm"}'


def test_own_files_are_the_table_and_the_lists() -> None:
    assert settings(labels="a.csv", lists={"train": "t.txt", "val": "t.txt"}).own_files == ("a.csv", "t.txt")
    assert settings(labels="folders").own_files == settings().own_files == ()
    assert settings(lists={"val": "sub/v.txt"}).lists.by_split() == {"val": "sub/v.txt"}
    assert settings().label == "farm"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "a b"}, "data.name = 'a b'"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"labels": "../labels.csv"}, "data.labels: '../labels.csv' is no path below a folder"),
        ({"labels": "/labels.csv"}, "data.labels: '/labels.csv' is no path below a folder"),
        ({"labels": "labels.xlsx"}, "data.labels: 'labels.xlsx': a file of labels ends in .csv, .tsv, .txt, .npy; for"),
        ({"masks": "."}, "data.masks: '.' is no path below a folder"),
        ({"masks": "C:\\masks"}, "data.masks: 'C:\\\\masks' is no path below a folder"),
        ({"lists": {"train": ".."}}, "data.lists.train: '..' is no path below a folder"),
        ({"lists": {"test2": "a"}}, "unknown key data.lists.test2; allowed here: train, val, test"),
        (
            {"classes": {"cat": 255}},
            "data.classes: cat = 255: the value of a class in masks is a whole number of 1",
        ),
        ({"classes": {"cat": True}}, "data.classes: cat = True: the value"),
        ({"classes": {"cat": 0}}, "a class has the mask value 0, which is the background; without one set background"),
        ({"classes": {"cat": 1, "dog": 1}}, "the mask value 1 occurs twice"),
        ({"classes": ["cat", "cat"]}, "data.classes: a class is named twice"),
        ({"classes": ["cat"], "ignored_classes": {"cat": 2}}, "cat is in classes and in ignored_classes"),
        ({"classes": ["cat"], "ignored_classes": {"dog": 1}}, "the mask value 1 occurs twice"),
        ({"classes": []}, "at least one class is needed"),
        ({"classes": "cat"}, "data.classes: 'cat' is no list of names and no table"),
        ({"classes": [True]}, "data.classes: True is no name of a class: write it in quotes"),
        ({"classes": {1: 2}}, "data.classes: 1 is no name of a class: write it in quotes"),
        (
            {"classes": ["a\nb"]},
            "'a\\nb' cannot be the name of a class of classes: it holds a line break",
        ),
        ({"classes": ["Background"]}, "'Background' cannot be the name of a class of classes: the background is where"),
        ({"classes": [" cat"]}, "it is empty, or begins or ends with a space"),
        ({"classes": [f"c{number}" for number in range(254)]}, "254 classes; at most 253 can be told apart"),
        ({"ignored_classes": ["cat"]}, "data.ignored_classes: ['cat'] is no"),
        ({"holdout": 1}, "data.holdout = 1"),
        ({"holdout": -0.1}, "data.holdout = -0.1"),
        ({"holdout": 0.2, "lists": {"val": "v.txt"}}, "lists.val and holdout both say which images are val"),
        ({"holdout": 0.2, "split_column": "set"}, "split_column and holdout both say"),
        ({"lists": {"val": "v.txt"}, "split_column": "set"}, "split_column and lists both say"),
        ({"labels": "folders", "split_column": "set"}, "split_column needs a table, and labels is folders"),
        ({"background": "last"}, "data.background = 'last'"),
        ({"seed": -1}, "data.seed = -1"),
    ],
)
def test_mistakes_get_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(WsssError) as error:
        settings(**values)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_253_classes_are_allowed() -> None:
    assert len(settings(classes=[f"c{number}" for number in range(253)]).class_values or {}) == 253

"""Settings of COCO: what is refused before anything is read."""

from typing import Any

import pytest

from wsss.errors import WsssError
from wsss.settings.coco import COCO_CLASSES, Coco14Settings, CocoSettings

OWN: dict[str, Any] = {"kind": "coco", "name": "own", "train": "a.json"}


def test_the_classes_are_cocos_eighty_with_gaps() -> None:
    assert len(COCO_CLASSES) == 80
    assert {*range(1, 91)} - {*COCO_CLASSES.values()} == {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
    assert [*COCO_CLASSES.values()] == sorted(COCO_CLASSES.values())


def test_classes_that_are_left_out_are_ignored() -> None:
    part = Coco14Settings(kind="coco14", classes={"dog": 18, "cat": 17})
    assert len(part.ignored_classes) == 78
    assert not part.ignored_classes.keys() & {"dog", "cat"}
    assert Coco14Settings(kind="coco14").ignored_classes == {}
    assert (part.label, CocoSettings(**OWN).label) == ("coco14", "own")


def test_defaults_are_in_no_key() -> None:
    assert Coco14Settings(kind="coco14").key() == '{"kind": "coco14"}'
    assert CocoSettings(**OWN).key() == '{"kind": "coco", "name": "own", "train": "a.json"}'


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"unicorn": 3}, "COCO 2014 has no class 'unicorn'"),
        ({"cat": 18}, "cat has the id 17 in COCO 2014, not 18"),
        ({}, "at least one class"),
        ({"cat": 0}, "data.classes"),
    ],
)
def test_classes_that_coco_has_not(classes: dict[str, int], message: str) -> None:
    with pytest.raises(WsssError, match=message):
        Coco14Settings.read("data", {"kind": "coco14", "classes": classes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"val": "b.json", "holdout": 0.1}, "val and holdout cannot both be set"),
        ({"val_images": "b"}, "val_images is set, but val is not"),
        ({"holdout": 1.0}, "data.holdout = 1.0"),
        ({"holdout": 0.0}, "data.holdout = 0.0"),
        ({"train": "../a.json"}, "data.train = '../a.json'|below locations.dataset"),
        ({"train": "/a.json"}, "below locations.dataset"),
        ({"train_images": "x/../../y"}, "below locations.dataset"),
        ({"train": ""}, "below locations.dataset"),
        ({"classes": {}}, "at least one class"),
        ({"classes": {"a": 1, "b": 1}}, "two classes have the same id"),
        ({"classes": {"a": 255}}, "data.classes"),
        ({"crowd": "paint"}, "data.crowd = 'paint'"),
    ],
)
def test_what_cannot_be(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(WsssError, match=message):
        CocoSettings.read("data", OWN | changes)

"""Settings of pseudo labels from files: what names their path, and one message for each mistake."""

from typing import Any

import pytest

from wsss.errors import WsssError
from wsss.settings.label_files import LabelFileSettings


def settings_of(**values: Any) -> LabelFileSettings:
    return LabelFileSettings.read("pseudo_labels", {"method": "files", "name": "ReCAM"} | values)


def test_name_and_values_are_in_the_path() -> None:
    assert settings_of().label == "files_ReCAM"
    assert settings_of().key() == '{"method": "files", "name": "ReCAM"}'
    assert settings_of(values="config").key() == settings_of().key()
    table = settings_of(values={"dog": 5, "cow": 3})
    assert table.key() == '{"method": "files", "name": "ReCAM", "values": {"cow": 3, "dog": 5}}'
    assert table.key() == settings_of(values={"cow": 3, "dog": 5}).key()
    assert settings_of().needs == ()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("vocs", r"'vocs' is none of config, numbers, voc, palette, and no table from classes to values such as"),
        (3, r"3 is none of config, numbers, voc, palette, and no table"),
        (["cow", "dog"], r"\['cow', 'dog'\] is none of"),
        (None, r"None is none of"),
        ({}, r"the table names no class: name each class of the dataset with its value"),
        ({"cow": 255}, r"cow = 255: the value of a class is a whole number of 1\.\.254"),
        ({"cow": -1}, r"cow = -1: the value of a class"),
        ({"cow": "3"}, r"cow = '3': the value of a class"),
        ({"cow": 3.0}, r"cow = 3\.0: the value of a class"),
        ({"cow": True}, r"cow = True: the value of a class"),
        ({False: 1}, r"False is no name of a class: write it in quotes"),
        ({"cow": 3, "dog": 5, "cat": 3}, r"two classes have the value 3: give each its own"),
    ],
)
def test_a_mistake_in_values_has_one_message(values: Any, message: str) -> None:
    with pytest.raises(WsssError, match=rf"^config: pseudo_labels\.values: {message}") as error:
        settings_of(values=values)
    assert "\n" not in str(error.value)


def test_a_name_is_needed() -> None:
    with pytest.raises(WsssError, match=r"^config: pseudo_labels\.name is missing$"):
        LabelFileSettings.read("pseudo_labels", {"method": "files"})
    with pytest.raises(WsssError, match=r"^config: pseudo_labels\.name = 'Re/CAM': "):
        settings_of(name="Re/CAM")

"""Values of classes in files, and their numbers in computations."""

from pathlib import Path

import numpy as np
import pytest

from wsss.data.images import voc_palette, write_labels
from wsss.data.label_values import LabelValues
from wsss.errors import WsssError
from wsss.settings.values import MOST_CLASSES


def test_numbers_and_values_are_each_others_inverse(tmp_path: Path) -> None:
    values = LabelValues({"cat": 8, "cow": 10, "person": 254}, {"dog": 12})
    numbers = np.array([[0, 1, 2, 3, 255]], np.uint8)
    assert values.values[numbers].tolist() == [[0, 8, 10, 254, 255]]
    write_labels(tmp_path / "a.png", values.values[numbers])
    assert values.read(tmp_path / "a.png").tolist() == numbers.tolist()
    write_labels(tmp_path / "b.png", np.array([[12, 8]]))
    assert values.read(tmp_path / "b.png").tolist() == [[255, 1]]


def test_as_many_classes_as_eight_bits_hold(tmp_path: Path) -> None:
    values = LabelValues({f"class {value}": value for value in range(1, MOST_CLASSES + 1)}, {})
    numbers = np.arange(MOST_CLASSES + 1, dtype=np.uint8)[None]
    write_labels(tmp_path / "a.png", values.values[numbers])
    assert values.read(tmp_path / "a.png").tolist() == numbers.tolist()
    assert len(values.legend()) == MOST_CLASSES + 2


@pytest.mark.parametrize("value", [1, 7, 253])
def test_a_value_without_a_meaning_is_named_with_its_file(tmp_path: Path, value: int) -> None:
    write_labels(tmp_path / "a.png", np.array([[0, 8, value, value]]))
    message = rf"a\.png holds the value {value} \(2 pixels\), which is neither 0 \(background\), a class, an ignored"
    with pytest.raises(WsssError, match=message):
        LabelValues({"cat": 8}, {"dog": 12}).read(tmp_path / "a.png")


def test_without_a_background_the_value_0_may_be_a_class_or_has_no_meaning(tmp_path: Path) -> None:
    write_labels(tmp_path / "a.png", np.array([[0, 1]]))
    tissue = LabelValues({"stroma": 0, "tumour": 1}, {}, has_background=False)
    assert tissue.read(tmp_path / "a.png").tolist() == [[1, 2]]
    assert tissue.values[[1, 2]].tolist() == [0, 1]
    with pytest.raises(WsssError, match=r"holds the value 0 \(1 pixels\), which is neither a class"):
        LabelValues({"stroma": 1, "tumour": 2}, {}, has_background=False).read(tmp_path / "a.png")


def test_the_legend_names_every_value_once_with_its_colour() -> None:
    legend = LabelValues({"cow": 10, "cat": 8}, {"dog": 12}).legend()
    assert {value: entry["name"] for value, entry in legend.items()} == {
        "0": "background",
        "8": "cat",
        "10": "cow",
        "255": "ignored",
    }
    assert [entry["colour"] for entry in legend.values()] == voc_palette()[[0, 8, 10, 255]].tolist()

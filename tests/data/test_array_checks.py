"""Checks of arrays that users give: what passes, and what each message says."""

import numpy as np
import pytest
import torch
from PIL import Image

from wsss.data.array_checks import check_array, check_labels
from wsss.errors import WsssError


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_of_any_size_pass(dtype: type) -> None:
    check_array("maps", np.zeros((2, 3, 4), dtype), "numpy", "float", ("n", 3, "w"))


def test_tensors_pass_too() -> None:
    check_array("maps", torch.zeros(2, 3, dtype=torch.bfloat16), "torch", "float", ("h", 3))
    check_array("maps", torch.nn.Parameter(torch.zeros(2, 3)), "torch", "float", ("h", 3))


def test_only_n_may_be_nothing() -> None:
    check_array("maps", np.zeros((0, 3)), "numpy", "float", ("n", "w"))
    with pytest.raises(WsssError, match=r"maps .* is float64 \(3, 0\)"):
        check_array("maps", np.zeros((3, 0)), "numpy", "float", ("n", "w"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (np.zeros((4, 5, 3)), "float64 (4, 5, 3)"),
        (np.zeros((4, 5), np.uint8), "uint8 (4, 5)"),
        (np.zeros((4, 5, 4), np.uint8), "uint8 (4, 5, 4)"),
        (np.zeros((4, 5, 3), np.int64), "int64 (4, 5, 3)"),
        (torch.zeros(4, 5, 3, dtype=torch.uint8), "a torch tensor: numpy.asarray converts it"),
        (Image.new("RGB", (5, 4)), "a PIL.Image: numpy.asarray converts it"),
        ([[1, 2]], "a list"),
        (None, "a NoneType"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(given: object, told: str) -> None:
    with pytest.raises(WsssError) as caught:
        check_array("image", given, "numpy", "uint8", ("H", "W", 3))
    assert str(caught.value) == f"image must be a numpy array, uint8 (H, W, 3), and is {told}"


def test_an_array_in_place_of_a_tensor_is_told() -> None:
    with pytest.raises(WsssError, match=r"must be a torch tensor.* is a numpy array: torch\.from_numpy converts it"):
        check_array("edge", np.zeros((4, 5)), "torch", "float", (4, 5))


@pytest.mark.parametrize("value", [-1, 2])
def test_a_label_that_is_none_is_named(value: int) -> None:
    labels = np.array([[0, 1], [1, 0]])
    check_labels(labels, (2, 2), 2)
    labels[1, 1] = value
    with pytest.raises(WsssError, match=f"labels must be 0..1, and {value} is among them"):
        check_labels(labels, (2, 2), 2)

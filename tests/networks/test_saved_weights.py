"""Files of weights that are not what they should be."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from wsss.errors import WsssError
from wsss.networks.saved_weights import load_weights, read_weights, take_weights


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "classifier.safetensors"
    save_file(nn.Linear(3, 2).state_dict(), path)
    return path


def test_weights_come_back(file: Path) -> None:
    network = nn.Linear(3, 2)
    state = read_weights(file)
    load_weights(network, state, file)
    torch.testing.assert_close(network.weight, state["weight"], rtol=0, atol=0)


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(file.read_bytes()[:-4]),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"no weights at all"),
    ],
)
def test_a_damaged_file_is_named(file: Path, damage: Callable[[Path], object]) -> None:
    damage(file)
    with pytest.raises(WsssError, match=r"classifier\.safetensors is damaged .*delete it and run the workflow again"):
        read_weights(file)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "edges.safetensors")
    with pytest.raises(WsssError, match=r"missing weights: .*edges\.safetensors"):
        read_weights(tmp_path / "edges.safetensors")


def test_names_in_a_file_cannot_break_a_line(tmp_path: Path) -> None:
    save_file({"a\nb": torch.ones(2)}, tmp_path / "own.safetensors")
    with pytest.raises(WsssError, match=r"unknown a\\nb") as error:
        take_weights(tmp_path / "own.safetensors", nn.Linear(3, 2), tmp_path / "out.safetensors")
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"missing weights: .*edges\.safetensors"):
        read_weights(tmp_path / "edges.safetensors")


@pytest.mark.parametrize(
    ("network", "strange"),
    [
        (nn.Linear(3, 4), "weight and 1 more"),
        (nn.Linear(3, 2, bias=False), r"bias\)"),
        (nn.Sequential(nn.Linear(3, 2)), "0.weight and 3 more"),
    ],
)
def test_weights_of_another_network_are_told_by_name(file: Path, network: nn.Module, strange: str) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(WsssError, match=f"is of another network .*{strange}.*run the workflow again"):
        load_weights(network, read_weights(file), file)
    torch.testing.assert_close(dict(network.state_dict()), before, rtol=0, atol=0)


def test_brought_weights_are_taken_as_they_are(file: Path, tmp_path: Path) -> None:
    take_weights(file, nn.Linear(3, 2), tmp_path / "stage" / "taken.safetensors")
    assert (tmp_path / "stage" / "taken.safetensors").read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (nn.Linear(3, 4), "weight is 2 x 3, not 4 x 3 and 1 more"),
        (nn.Linear(3, 2, bias=False), "unknown bias"),
        (nn.Sequential(nn.Linear(3, 2)), "missing 0.weight and 1 more; unknown bias and 1 more"),
    ],
)
def test_brought_weights_of_another_network_are_refused(file: Path, network: nn.Module, told: str) -> None:
    out = file.with_name("taken.safetensors")
    with pytest.raises(WsssError, match=f"is not the network of these settings: {told}: correct backbone, words or"):
        take_weights(file, network, out)
    assert not out.exists()


def test_a_trunk_may_be_missing_in_brought_weights(tmp_path: Path) -> None:
    """Of IRNet only the branches are trained and saved. Released files have the trunk and another branch too."""
    network = nn.ModuleDict({"backbone": nn.Linear(3, 2), "edges": nn.Linear(2, 1)})
    whole = network.state_dict()
    branches = {name: value for name, value in whole.items() if name.startswith("edges.")}
    for number, state in enumerate((branches, whole, whole | {"displacements.bias": torch.zeros(1)})):
        save_file(state, tmp_path / f"{number}.safetensors")
        take_weights(tmp_path / f"{number}.safetensors", network, tmp_path / "out.safetensors", "backbone.")
    save_file({"backbone.weight": whole["backbone.weight"]}, tmp_path / "trunk.safetensors")
    with pytest.raises(WsssError, match=r"missing edges\.\w+ and 1 more"):
        take_weights(tmp_path / "trunk.safetensors", network, tmp_path / "out.safetensors", "backbone.")


def test_brought_weights_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    with pytest.raises(WsssError, match=r"no weights at .*gone\.pth: correct the path in locations"):
        take_weights(tmp_path / "gone.pth", nn.Linear(3, 2), out)
    torch.save(nn.Linear(3, 2).state_dict(), tmp_path / "theirs.pth")
    with pytest.raises(WsssError, match=r"theirs\.pth cannot be read as safetensors .*`wsss import-weights` makes"):
        take_weights(tmp_path / "theirs.pth", nn.Linear(3, 2), out)


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    """When they are read, and when a user brings them. The tensor and the place in it are named."""
    network = nn.Linear(2, 1)
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state["weight"][0, 1] = value
    path = tmp_path / "own.safetensors"
    save_file(state, path)
    told = rf"^not finite: {path}, weight: {value} at \[0, 1\]; "
    with pytest.raises(WsssError, match=told):
        read_weights(path)
    with pytest.raises(WsssError, match=told):
        take_weights(path, network, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()

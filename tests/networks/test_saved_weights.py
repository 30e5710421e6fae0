"""Files of weights that are not what they should be."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from wsss.errors import WsssError
from wsss.networks.saved_weights import load_weights, read_weights


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

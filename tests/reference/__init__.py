"""What the released networks compute, as figures, and the weights and inputs they were computed from.

Weights and inputs follow from names alone: each array is drawn from numpy's legacy generator, seeded by the CRC-32 of
its name, and scaled by what the last part of the name says it is.
"""

import json
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from wsss.commands.import_weights import import_weights
from wsss.networks.released_names import NAMES, Released

FOLDER = Path(__file__).parent


def figures(name: str) -> dict[str, np.ndarray]:
    """Arrays of `<name>.npz`: what a released network computed."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def generator(tag: str) -> np.random.RandomState:
    return np.random.RandomState(zlib.crc32(tag.encode()))


def noise(tag: str, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal float32 values."""
    return generator(tag).standard_normal(shape).astype(np.float32)


def blobs(tag: str, height: int, width: int, count: int) -> np.ndarray:
    """Smooth float32 maps of shape (count, height, width) with maximum 1, one Gaussian bump each."""
    draws = generator(tag).uniform(size=(count, 5))
    rows, columns = np.arange(height)[:, None] / height, np.arange(width)[None, :] / width
    maps = []
    for down, right, tall, wide, _ in draws:
        y = (rows - 0.2 - 0.6 * down) / (0.1 + 0.2 * tall)
        x = (columns - 0.2 - 0.6 * right) / (0.1 + 0.2 * wide)
        bump = np.exp(-(y**2 + x**2))
        maps.append(bump / bump.max())
    return np.stack(maps).astype(np.float32)


def label_map(tag: str, height: int, width: int) -> np.ndarray:
    """uint8 labels of shape (height, width) in blocks of 16 x 16."""
    blocks = generator(tag).choice((0, 0, 0, 3, 7, 12, 255), size=(-(-height // 16), -(-width // 16)))
    return blocks.repeat(16, 0).repeat(16, 1)[:height, :width].astype(np.uint8)


def released_weights(network: str) -> dict[str, torch.Tensor]:
    """State dict of a released network (vwe, vwl_l, irnet, deeplab) under its own names."""
    shapes = json.loads((FOLDER / "shapes.json").read_text())[network]
    return {name: torch.from_numpy(_weight(name, tuple(shape))) for name, shape in shapes.items()}


def imported_weights(network: str) -> dict[str, torch.Tensor]:
    """What the import makes of a released state dict: our names."""
    with TemporaryDirectory() as folder:
        source, out = Path(folder, "released.pth"), Path(folder, "ours.safetensors")
        torch.save(released_weights(network), source)
        import_weights(Released(network), source, out)
        return dict(load_file(out))


def _weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    kind = name.rpartition(".")[2]
    if kind == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    values = noise(name, shape)
    if kind == "running_var":
        return 0.5 + np.abs(values)
    if kind in ("running_mean", "bias"):
        return 0.1 * values
    if len(shape) == 1:
        return 0.6 + 0.1 * values
    if kind == "centroid":
        return 0.0128 * values
    return values * np.float32(np.sqrt(2.0 / np.prod(shape[1:])))


def assert_near(ours: np.ndarray | torch.Tensor, released: np.ndarray, tolerance: float = 1e-4) -> None:
    """Equal within `tolerance` of the released array's largest magnitude."""
    ours = ours.detach().numpy() if isinstance(ours, torch.Tensor) else ours
    assert ours.shape == released.shape
    largest = np.abs(released).max()
    np.testing.assert_allclose(ours, released, rtol=0, atol=tolerance * largest)


def assert_gradients(network: nn.Module, kind: Released, takers: int) -> None:
    """Every parameter's gradient has the released norm and sum, and is None where no gradient arrives there.

    `takers`: how many parameters take one. For networks in float64: in float32, sums in another order, as other
    processors take them, let a ReLU near 0 or a tied maximum fall the other way.
    """
    released = json.loads((FOLDER / "gradients.json").read_text())[kind.value]
    ours = {NAMES[kind].released(name): parameter for name, parameter in network.named_parameters()}
    assert set(ours) == set(released)
    assert sum(figure is not None for figure in released.values()) == takers
    for name, parameter in ours.items():
        if released[name] is None:
            assert parameter.grad is None
            continue
        assert parameter.grad is not None
        norm, total = released[name]
        gradient = parameter.grad
        assert gradient.dtype == torch.float64
        assert float(gradient.norm()) == pytest.approx(norm, rel=1e-6), name
        # A sum of n values is the product with n ones, and as exact as their norms allow.
        assert float(gradient.sum()) == pytest.approx(total, abs=1e-6 * norm * gradient.numel() ** 0.5), name

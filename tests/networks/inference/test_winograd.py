"""Winograd's convolution against a loop over pixels, and where it takes another's place."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.reference import noise
from wsss.networks.inference.winograd import (
    LEAST_CHANNELS,
    RowWinogradConvolution,
    accelerate,
    convolve,
    transformed_kernels,
)


def looped(images: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The definition: at each pixel the kernel over its 3x3 neighbours, 0 outside the image."""
    batch, _, height, width = images.shape
    out = np.zeros((batch, len(weight), height, width)) + bias[:, None, None]
    for y in range(height):
        for x in range(width):
            for dy in range(3):
                for dx in range(3):
                    if 0 <= y + dy - 1 < height and 0 <= x + dx - 1 < width:
                        out[:, :, y, x] += images[:, :, y + dy - 1, x + dx - 1] @ weight[:, :, dy, dx].T
    return out


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (4, 4), (5, 3), (9, 14)])
@pytest.mark.parametrize(("dtype", "allowed"), [(torch.float64, 1e-13), (torch.float32, 1e-6)])
def test_equals_the_definition(size: tuple[int, int], dtype: torch.dtype, allowed: float) -> None:
    images, weight, bias = noise("wino/x", (2, 5, *size)), noise("wino/w", (4, 5, 3, 3)), noise("wino/b", (4,))
    tensors = [torch.from_numpy(array).to(dtype) for array in (images, weight, bias)]
    found = convolve(tensors[0], transformed_kernels(tensors[1]), tensors[2])
    expected = looped(*(tensor.double().numpy() for tensor in tensors))
    assert found.dtype == dtype
    assert np.abs(found.double().numpy() - expected).max() <= allowed * np.abs(expected).max()


def wide(**changed: object) -> nn.Conv2d:
    """A convolution that gains, but for what is changed."""
    torch.manual_seed(0)
    options = {"in_channels": LEAST_CHANNELS, "out_channels": LEAST_CHANNELS, "kernel_size": 3, "padding": 1} | changed
    return nn.Conv2d(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("dtype", "times"), [(torch.float32, 1), (torch.bfloat16, 4)])
def test_takes_the_place_of_a_wide_convolution(dtype: torch.dtype, times: float) -> None:
    """Its error is held to that of the convolution whose place it takes."""
    plain, replaced = wide(), wide()
    accelerate(replaced)
    assert isinstance(replaced, RowWinogradConvolution)
    assert replaced.state_dict().keys() == plain.state_dict().keys()
    images = torch.from_numpy(noise("wino/wide", (2, LEAST_CHANNELS, 7, 9)))
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        exact = wide().double()(images.double())
        direct, found = plain.to(dtype)(images.to(dtype)), replaced.to(dtype)(images.to(dtype))
    assert found.dtype == dtype
    assert (found - exact).abs().max() <= times * (direct - exact).abs().max()


@pytest.mark.parametrize(
    "changed",
    [
        {"stride": 2},
        {"dilation": 2, "padding": 2},
        {"padding": 0},
        {"groups": 2},
        {"kernel_size": 1, "padding": 0},
        {"out_channels": LEAST_CHANNELS - 1},
    ],
)
def test_leaves_others_alone(changed: dict[str, object]) -> None:
    convolution = wide(**changed)
    accelerate(convolution)
    assert type(convolution) is nn.Conv2d

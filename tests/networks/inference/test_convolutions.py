"""A folded convolution against a loop over pixels in float64, with and without a sum, a shortcut and ReLU."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.reference import noise
from wsss.networks.efficientnet_lite import SamePadded
from wsss.networks.inference.blocks import ActivatedConvolution
from wsss.networks.inference.convolutions import FoldedConvolution
from wsss.networks.structure import NormedConvolution

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def drawn(name: str, *shape: int) -> Tensor:
    return torch.from_numpy(noise(f"folded/{name}", shape))


def pair(name: str, convolution: nn.Conv2d, bias: bool = False) -> NormedConvolution:
    """A convolution with drawn weights, and a BatchNorm that does something."""
    convolution.weight.data = drawn(f"{name}/weight", *convolution.weight.shape)
    if bias:
        convolution.bias = nn.Parameter(drawn(f"{name}/bias", convolution.out_channels))
    norm = nn.BatchNorm2d(convolution.out_channels, eps=1e-2).eval()
    draws = drawn(f"{name}/norm", 4, convolution.out_channels)
    norm.weight.data, norm.bias.data = 1 + 0.2 * draws[0], draws[1]
    norm.running_mean, norm.running_var = draws[2], 0.5 + draws[3].abs()
    return NormedConvolution(convolution, norm)


def looped(part: NormedConvolution, images: np.ndarray) -> np.ndarray:
    """The definition, in float64: at each place the kernel over what it covers, 0 outside, then the BatchNorm."""
    convolution, norm = part.convolution, part.norm
    weight = convolution.weight.detach().double().numpy()
    side, stride, dilation = weight.shape[2], convolution.stride[0], convolution.dilation[0]
    reach = dilation * (side - 1) + 1
    sizes, starts = [], []
    for length in images.shape[2:]:
        if isinstance(convolution, SamePadded):
            size = -(-length // stride)
            starts.append(max((size - 1) * stride + reach - length, 0) // 2)
        else:
            starts.append(int(convolution.padding[0]))
            size = (length + 2 * starts[-1] - reach) // stride + 1
        sizes.append(size)
    inputs, outputs = weight.shape[1], len(weight) // convolution.groups
    out = np.zeros((len(images), len(weight), *sizes))
    for channel, y, x, dy, dx in np.ndindex(len(weight), *sizes, side, side):
        row, column = y * stride - starts[0] + dy * dilation, x * stride - starts[1] + dx * dilation
        if 0 <= row < images.shape[2] and 0 <= column < images.shape[3]:
            first = channel // outputs * inputs
            out[:, channel, y, x] += images[:, first : first + inputs, row, column] @ weight[channel, :, dy, dx]
    assert norm.running_mean is not None
    assert norm.running_var is not None
    bias = 0 if convolution.bias is None else convolution.bias.detach().double().numpy()[:, None, None]
    mean, variance, scale, shift = (
        one.detach().double().numpy()[:, None, None]
        for one in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    normed: np.ndarray = (out + bias - mean) / np.sqrt(variance + norm.eps) * scale + shift
    return normed


KINDS: dict[str, Callable[[], nn.Conv2d]] = {
    "1x1": lambda: nn.Conv2d(6, 8, 1, bias=False),
    "1x1, stride 2": lambda: nn.Conv2d(6, 8, 1, stride=2, bias=False),
    "3x3": lambda: nn.Conv2d(6, 8, 3, padding=1, bias=False),
    "3x3, dilated": lambda: nn.Conv2d(6, 8, 3, padding=2, dilation=2, bias=False),
    "7x7, stride 2": lambda: nn.Conv2d(6, 8, 7, stride=2, padding=3, bias=False),
    "depthwise": lambda: nn.Conv2d(6, 6, 5, padding=2, groups=6, bias=False),
    "as TensorFlow pads": lambda: SamePadded(6, 6, 5, 2, groups=6, bias=False),
}


def near(found: Tensor, wanted: np.ndarray, allowed: float) -> None:
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found.double().cpu().numpy(), wanted, rtol=0, atol=allowed * np.abs(wanted).max())


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("dtype", "allowed"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_a_folded_convolution_is_the_convolution_and_its_norm(
    kind: str, bias: bool, dtype: torch.dtype, allowed: float
) -> None:
    part = pair(kind, KINDS[kind](), bias)
    images = drawn("x", 2, 6, 9, 12)
    wanted = looped(part, images.double().numpy())
    part.convolution.to(dtype)
    part.norm.to(dtype)
    for grad in (False, True):
        with torch.set_grad_enabled(grad):
            near(FoldedConvolution(part)(images.to(dtype)), wanted, allowed)
            near(ActivatedConvolution(part)(images.to(dtype)), np.maximum(wanted, 0), allowed)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("dtype", "grad", "autocast", "allowed"),
    [
        (torch.float32, False, False, 1e-5),
        (torch.float32, True, False, 1e-5),
        (torch.float32, False, True, 0.03),
        (torch.bfloat16, False, False, 0.03),
    ],
)
def test_sums_and_shortcuts_go_along(
    dtype: torch.dtype, grad: bool, autocast: bool, allowed: float, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    last, side = pair("3x3", KINDS["3x3"](), True), pair("side", nn.Conv2d(4, 8, 1, stride=2, bias=False))
    features, inputs, added = drawn("x", 2, 6, 9, 12), drawn("y", 2, 4, 17, 23), drawn("z", 2, 8, 9, 12)
    alone, before = looped(last, features.double().numpy()), looped(side, inputs.double().numpy())
    convolution, shortcut = (FoldedConvolution(one).to(device, dtype) for one in (last, side))
    features, inputs, added = (
        one.to(device, dtype).contiguous(memory_format=torch.channels_last) for one in (features, inputs, added)
    )
    with torch.set_grad_enabled(grad), torch.autocast(device, torch.bfloat16, enabled=autocast):
        with_sum, with_shortcut = (
            convolution.activated(features, added),
            convolution.activated_with_shortcut(features, shortcut, inputs),
        )
    near(with_sum, np.maximum(alone + drawn("z", 2, 8, 9, 12).double().numpy(), 0), allowed)
    near(with_shortcut, np.maximum(alone + before, 0), allowed)


def test_gradients_reach_the_input() -> None:
    """CAM methods ask for them; weights have none."""
    convolution = ActivatedConvolution(pair("3x3", KINDS["3x3"]()))
    images = drawn("x", 1, 6, 9, 12).requires_grad_()
    convolution(images).sum().backward()
    assert images.grad is not None
    assert float(images.grad.abs().max()) > 0
    assert not any(parameter.requires_grad for parameter in convolution.parameters())

"""EfficientNet-Lite0 up to its last features, with timm's names for its weights.

This is EfficientNet (Tan and Le, ICML 2019) without squeeze-and-excitation, with ReLU6, and with an unscaled stem and
head. It is written out here because timm takes as long to import as torch, in every step of the workflow.
"""

import math
from collections.abc import Iterator, Sequence

from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, relu6

from wsss.networks.structure import NormedConvolution

STEM, HEAD, EXPANSION = 32, 1280, 6
# For each stage: number of blocks, side of the kernel, stride of the first block, channels.
STAGES = ((1, 3, 1, 16), (2, 3, 2, 24), (2, 5, 2, 40), (3, 3, 2, 80), (3, 5, 1, 112), (4, 5, 2, 192), (1, 3, 1, 320))


class EfficientNetLite0(nn.Module):
    """Stem, seven stages of blocks, and head. `wsss.networks.backbones` runs it part by part."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = convolution(3, STEM, 3, 2), norm(STEM)
        self.blocks = nn.Sequential(*stages())
        self.conv_head, self.bn2 = convolution(STAGES[-1][3], HEAD, 1), norm(HEAD)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.weight[:, 0].numel() // module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))

    def parts(self) -> Iterator[NormedConvolution]:
        """Every convolution with its BatchNorm."""
        yield NormedConvolution(self.conv_stem, self.bn1)
        for module in self.blocks.modules():
            if isinstance(module, DepthwiseSeparable | InvertedResidual):
                yield from module.parts()
        yield NormedConvolution(self.conv_head, self.bn2)


class DepthwiseSeparable(nn.Module):
    """A depthwise convolution, then a pointwise convolution without activation."""

    def __init__(self, channels: int, out: int, side: int) -> None:
        super().__init__()
        self.conv_dw, self.bn1 = convolution(channels, channels, side, 1, channels), norm(channels)
        self.conv_pw, self.bn2 = convolution(channels, out, 1), norm(out)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, out, height, width)."""
        activated = relu6(self.bn1(self.conv_dw(features)), inplace=True)
        projected: Tensor = self.bn2(self.conv_pw(activated))
        return projected

    def parts(self) -> Iterator[NormedConvolution]:
        """Both convolutions with their BatchNorms."""
        yield NormedConvolution(self.conv_dw, self.bn1)
        yield NormedConvolution(self.conv_pw, self.bn2)


class InvertedResidual(nn.Module):
    """A pointwise convolution that expands, then as `DepthwiseSeparable`. The input is added if shapes are equal."""

    def __init__(self, channels: int, out: int, side: int, stride: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        self.conv_pw, self.bn1 = convolution(channels, wide, 1), norm(wide)
        self.conv_dw, self.bn2 = convolution(wide, wide, side, stride, wide), norm(wide)
        self.conv_pwl, self.bn3 = convolution(wide, out, 1), norm(out)
        self.adds = stride == 1 and channels == out

    def forward(self, features: Tensor) -> Tensor:
        """(batch, out, ceil(height / stride), ceil(width / stride))."""
        expanded = relu6(self.bn1(self.conv_pw(features)), inplace=True)
        filtered = relu6(self.bn2(self.conv_dw(expanded)), inplace=True)
        projected: Tensor = self.bn3(self.conv_pwl(filtered))
        return projected + features if self.adds else projected

    def parts(self) -> Iterator[NormedConvolution]:
        """The three convolutions with their BatchNorms."""
        yield NormedConvolution(self.conv_pw, self.bn1)
        yield NormedConvolution(self.conv_dw, self.bn2)
        yield NormedConvolution(self.conv_pwl, self.bn3)


class SamePadded(nn.Conv2d):
    """A convolution with TensorFlow's padding, which depends on the input's size. An odd pixel is added at the end."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, out, ceil(height / stride), ceil(width / stride))."""
        padded = same_padded(input, self.weight.shape[2:], self.stride, self.dilation)
        return conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def same_padded(images: Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Tensor:
    """Images with the zeros that TensorFlow adds for such a convolution. `kernel`, `stride`, `dilation`: (h, w)."""
    margins = []
    for axis in (1, 0):
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        length, step = images.shape[2 + axis], stride[axis]
        missing = max((math.ceil(length / step) - 1) * step + reach - length, 0)
        margins += [missing // 2, missing - missing // 2]
    return pad(images, margins) if any(margins) else images


def stages() -> Iterator[nn.Sequential]:
    """The seven stages of blocks."""
    channels = STEM
    for number, (count, side, stride, out) in enumerate(STAGES):
        blocks: list[nn.Module] = []
        for block in range(count):
            if number == 0:
                blocks.append(DepthwiseSeparable(channels, out, side))
            else:
                blocks.append(InvertedResidual(channels, out, side, stride if block == 0 else 1))
            channels = out
        yield nn.Sequential(*blocks)


def convolution(channels: int, out: int, side: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution without bias. At stride 1, TensorFlow's padding is equal on both sides."""
    if stride == 1:
        return nn.Conv2d(channels, out, side, padding=side // 2, groups=groups, bias=False)
    return SamePadded(channels, out, side, stride, groups=groups, bias=False)


def norm(channels: int) -> nn.BatchNorm2d:
    """A BatchNorm with TensorFlow's epsilon."""
    return nn.BatchNorm2d(channels, eps=1e-3)

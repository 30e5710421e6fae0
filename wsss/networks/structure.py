"""How a backbone declares its layers: which BatchNorm follows which convolution.

`wsss.networks.inference` builds a faster network from this. A backbone that declares nothing is used unchanged.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import nn


class NormedConvolution(NamedTuple):
    """A convolution, the BatchNorm right after it, and the ReLU after both, if the ReLU is used by them alone."""

    convolution: nn.Conv2d
    norm: nn.BatchNorm2d
    activation: nn.ReLU | None = None


class ResidualBlock(NamedTuple):
    """A block of a ResNet: convolutions with ReLU between them, the sum with the input, and ReLU.

    `shortcut`: the layers that the input goes through before the sum; None if there are none.
    """

    block: nn.Module
    convolutions: tuple[NormedConvolution, ...]
    shortcut: NormedConvolution | None


Part = NormedConvolution | ResidualBlock


def resnet_parts(network: Any) -> Iterator[Part]:
    """The stem and the blocks of a ResNet of torchvision."""
    yield NormedConvolution(network.conv1, network.bn1, network.relu)
    for layer in (network.layer1, network.layer2, network.layer3, network.layer4):
        for block in layer:
            yield _residual_block(block)


def _residual_block(block: Any) -> ResidualBlock:
    """A `BasicBlock` of torchvision, or a `Bottleneck`, which has a third convolution."""
    convolutions = [NormedConvolution(block.conv1, block.bn1), NormedConvolution(block.conv2, block.bn2)]
    if hasattr(block, "conv3"):
        convolutions.append(NormedConvolution(block.conv3, block.bn3))
    shortcut = None if block.downsample is None else NormedConvolution(block.downsample[0], block.downsample[1])
    return ResidualBlock(block, tuple(convolutions), shortcut)

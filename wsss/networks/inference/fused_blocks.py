"""ResNet blocks at inference: a convolution with bias, sum and ReLU in one pass over its output, not in two to four.

oneDNN does it on CPUs and cuDNN on GPUs, once BatchNorm is folded into the convolutions
(`wsss.networks.inference.folding`). In training, under autocast and in float64, blocks work as they are.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d
from torchvision.models.resnet import BasicBlock, Bottleneck

from wsss.networks.inference.folding import FoldedNorm
from wsss.networks.inference.precision import onednn_takes_bfloat16
from wsss.networks.inference.winograd import RowWinogradConvolution


def fuse_blocks(network: nn.Module) -> None:
    """Make every block of a torchvision ResNet one of those below, in place; weights keep their names."""
    for module in network.modules():
        for plain, fused in ((BasicBlock, FusedBasicBlock), (Bottleneck, FusedBottleneck)):
            if type(module) is plain:
                module.__class__ = fused


class FusedBasicBlock(BasicBlock):  # type: ignore[misc]
    """Two convolutions and a shortcut."""

    def forward(self, x: Tensor) -> Tensor:
        """What torchvision's block gives, to rounding."""
        if not fusible(x, self.bn1):
            plain: Tensor = super().forward(x)
            return plain
        return end(self, self.conv2, with_relu(self.conv1, x), x)


class FusedBottleneck(Bottleneck):  # type: ignore[misc]
    """Three convolutions and a shortcut."""

    def forward(self, x: Tensor) -> Tensor:
        """What torchvision's block gives, to rounding."""
        if not fusible(x, self.bn1):
            plain: Tensor = super().forward(x)
            return plain
        return end(self, self.conv3, with_relu(self.conv2, with_relu(self.conv1, x)), x)


class Stem(nn.Module):
    """The first convolution, its BatchNorm and ReLU."""

    def __init__(self, convolution: nn.Conv2d, norm: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.convolution, self.norm, self.activation = convolution, norm, activation

    def forward(self, images: Tensor) -> Tensor:
        """What the three give one after the other, to rounding."""
        if not fusible(images, self.norm):
            plain: Tensor = self.activation(self.norm(self.convolution(images)))
            return plain
        return with_relu(self.convolution, images)


def fusible(features: Tensor, norm: nn.Module) -> bool:
    """Whether the libraries' fused convolutions take these features, and nothing else is asked of their outputs."""
    libraries = {"cpu": torch.backends.mkldnn, "cuda": torch.backends.cudnn}
    device = features.device.type
    if device not in libraries or not isinstance(norm, FoldedNorm) or torch.is_grad_enabled():
        return False
    if torch.is_autocast_enabled(device) or not libraries[device].is_available():
        return False
    if features.dtype == torch.bfloat16:
        return device == "cuda" or onednn_takes_bfloat16()
    return features.dtype == torch.float32


def end(block: nn.Module, last: nn.Conv2d, features: Tensor, inputs: Tensor) -> Tensor:
    """The last convolution of a block and its shortcut, summed, after ReLU."""
    if block.downsample is None:
        return with_relu(last, features, inputs)
    assert isinstance(block.downsample, nn.Sequential)
    side = block.downsample[0]
    assert isinstance(side, nn.Conv2d)
    if not inputs.is_cuda:
        return with_relu(last, features, side(inputs))
    # On a GPU a bias costs a pass of its own, so that the last convolution brings along the side's.
    assert side.bias is not None
    added = conv2d(inputs, side.weight, None, side.stride, side.padding, side.dilation, side.groups)
    return with_relu(last, features, added, side.bias)


def with_relu(
    convolution: nn.Conv2d, features: Tensor, added: Tensor | None = None, more_bias: Tensor | None = None
) -> Tensor:
    """ReLU of the convolution, plus `added` (batch, out, height, width) and `more_bias` (out) where they are given."""
    weight, bias = convolution.weight, convolution.bias
    assert bias is not None
    if more_bias is not None:
        bias = bias + more_bias
    stride, dilation, groups = convolution.stride, convolution.dilation, convolution.groups
    assert isinstance(convolution.padding, tuple)
    if features.is_cuda:
        where = (stride, convolution.padding, dilation, groups)
        if added is None:
            return torch.cudnn_convolution_relu(features, weight, bias, *where)
        return torch.cudnn_convolution_add_relu(features, weight, added, 1.0, bias, *where)
    if isinstance(convolution, RowWinogradConvolution) and convolution.gains(features):
        sums: Tensor = convolution(features)
        return (sums if added is None else sums.add_(added)).relu_()
    onednn, where = torch.ops.mkldnn._convolution_pointwise, (convolution.padding, stride, dilation, groups)
    if added is None:
        activated: Tensor = onednn(features, weight, bias, *where, "relu", [], "")
    else:
        # Here oneDNN wants the bias in the features' precision.
        activated = onednn.binary(features, added, weight, bias.to(weight.dtype), *where, "add", 1.0, "relu", [], "")
    return activated

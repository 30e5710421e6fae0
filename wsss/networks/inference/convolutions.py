"""A convolution joined with the BatchNorm after it: one pass over the features instead of two.

Where possible, bias, sum and ReLU are computed within the convolution, by oneDNN on CPUs and by cuDNN on GPUs. torch's
operators for this are private. Only this module calls them.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d
from torch.nn.utils.fusion import fuse_conv_bn_weights

from wsss.networks.efficientnet_lite import SamePadded, same_padded
from wsss.networks.structure import NormedConvolution


class FoldedConvolution(nn.Module):
    """A convolution whose weight and bias include a BatchNorm with its running statistics. It cannot be trained."""

    def __init__(self, pair: NormedConvolution) -> None:
        super().__init__()
        convolution, norm = pair.convolution, pair.norm
        assert norm.running_mean is not None
        assert norm.running_var is not None
        weight, bias = fuse_conv_bn_weights(
            convolution.weight,
            convolution.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        self.weight, self.bias = (nn.Parameter(one.detach(), requires_grad=False) for one in (weight, bias))
        self.stride, self.dilation, self.groups = convolution.stride, convolution.dilation, convolution.groups
        # Some convolutions of EfficientNet-Lite0 have a padding that depends on the size of the input.
        self.padding = None if isinstance(convolution, SamePadded) else convolution.padding

    def forward(self, features: Tensor) -> Tensor:
        """The output of the convolution and its BatchNorm, (batch, out, height, width), up to rounding."""
        images, padding = self._padded(features)
        if torch_is_slow(images, self.weight):
            return onednn_convolution(images, self.weight, self.bias, padding, self.stride, self.dilation, self.groups)
        return conv2d(images, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def activated(self, features: Tensor, added: Tensor | None = None) -> Tensor:
        """ReLU of the sum of `forward` and `added` (batch, out, height, width), if that is given."""
        if not takes_fused(features):
            sums: Tensor = self(features)
            return (sums if added is None else sums + added).relu()
        return self._fused(features, added, self.bias)

    def activated_with_shortcut(self, features: Tensor, shortcut: "FoldedConvolution", inputs: Tensor) -> Tensor:
        """ReLU of the sum of `forward` and the `shortcut` of `inputs`."""
        if not features.is_cuda or not takes_fused(features):
            return self.activated(features, shortcut(inputs))
        # On a GPU a bias costs a pass of its own, so this convolution adds the bias of the shortcut too.
        images, padding = shortcut._padded(inputs)
        added = conv2d(images, shortcut.weight, None, shortcut.stride, padding, shortcut.dilation, shortcut.groups)
        return self._fused(features, added, self.bias + shortcut.bias)

    def _padded(self, features: Tensor) -> tuple[Tensor, tuple[int, ...]]:
        """The features, padded if needed, and the padding that remains for the convolution itself."""
        if self.padding is None:
            return same_padded(features, self.weight.shape[2:], self.stride, self.dilation), (0, 0)
        assert isinstance(self.padding, tuple)
        return features, self.padding

    def _fused(self, features: Tensor, added: Tensor | None, bias: Tensor) -> Tensor:
        images, padding = self._padded(features)
        if images.is_cuda:
            geometry = (self.stride, padding, self.dilation, self.groups)
            if added is None:
                return torch.cudnn_convolution_relu(images, self.weight, bias, *geometry)
            return torch.cudnn_convolution_add_relu(images, self.weight, added, 1.0, bias, *geometry)
        operator, geometry = torch.ops.mkldnn._convolution_pointwise, (padding, self.stride, self.dilation, self.groups)
        if added is None:
            activated: Tensor = operator(images, self.weight, bias, *geometry, "relu", [], "")
        else:
            activated = operator.binary(images, added, self.weight, bias, *geometry, "add", 1.0, "relu", [], "")
        return activated


def takes_fused(features: Tensor) -> bool:
    """Whether the fused convolutions of oneDNN or cuDNN can be used for these features."""
    libraries = {"cpu": torch.backends.mkldnn, "cuda": torch.backends.cudnn}
    device = features.device.type
    if device not in libraries or torch.is_grad_enabled():
        return False
    if torch.is_autocast_enabled(device) or not libraries[device].is_available():
        return False
    if features.dtype == torch.bfloat16:
        return device == "cuda" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return features.dtype == torch.float32


def torch_is_slow(images: Tensor, weight: Tensor) -> bool:
    """Whether torch would not use oneDNN although it is faster: for 1x1 convolutions on one thread."""
    if images.device.type != "cpu" or weight.shape[2:] != (1, 1) or torch.get_num_threads() > 1:
        return False
    if torch.is_grad_enabled() or torch.is_autocast_enabled("cpu") or images.dtype != torch.float32:
        return False
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return available


def onednn_convolution(
    images: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    padding: tuple[int, ...] = (0, 0),
    stride: tuple[int, ...] = (1, 1),
    dilation: tuple[int, ...] = (1, 1),
    groups: int = 1,
) -> Tensor:
    """A convolution by oneDNN, also where torch would choose another library."""
    return torch.mkldnn_convolution(images, weight, bias, padding, stride, dilation, groups)

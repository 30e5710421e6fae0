"""Backbones whose graph is recorded once and then holds for images of any size.

torch records shapes of whole numbers as parts of the graph, if they are computed by plain arithmetic of numbers that
are not negative. Some layers compute their padding in other ways, so they are replaced here. The results are the same.
"""

from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from wsss.networks.backbones import Backbone, WholeBackbone
from wsss.networks.efficientnet_lite import SamePadded


def traceable(backbone: Backbone) -> nn.Module:
    """A backbone for recording, which shares the weights of the one that is given and takes its place.

    Parameters
    ----------
    backbone : Backbone
        The backbone. It is changed.

    Returns
    -------
    nn.Module
        From normalised images, float (batch, 3, height, width), to a list whose last entry is the last stage's
        features.
    """
    if isinstance(backbone, WholeBackbone):
        return _TracedTimm(backbone)
    padded = [module for module in backbone.modules() if isinstance(module, SamePadded)]
    backbone.replace({one: _TracedSamePadded(one) for one in padded})
    return backbone


class _TracedSamePadded(nn.Module):
    """`SamePadded`, whose padding is computed without rounding up and without `max`."""

    def __init__(self, layer: SamePadded) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, images: Tensor) -> Tensor:
        own, margins = self.layer, []
        for axis in (1, 0):
            reach = own.dilation[axis] * (own.kernel_size[axis] - 1) + 1
            # Sides of kernels are at least the strides, so nothing here is below 0.
            missing = reach - 1 - (images.shape[2 + axis] - 1) % own.stride[axis]
            margins += [missing // 2, missing - missing // 2]
        return conv2d(pad(images, margins), own.weight, own.bias, own.stride, 0, own.dilation, own.groups)


class _TracedTimm(nn.Module):
    """The last stage of a network of timm; see `TimmNetwork.features`."""

    def __init__(self, backbone: WholeBackbone) -> None:
        super().__init__()
        self.network, self.whole = backbone.network, backbone.whole

    def forward(self, images: Tensor) -> list[Tensor]:
        height, width = images.shape[2:]
        unit, stride = max(self.whole.strides), self.whole.strides[-1]
        padded = pad(images, (0, (unit - width % unit) % unit, 0, (unit - height % unit) % unit))
        features: Tensor = self.network(padded)[self.whole.outputs[-1]]
        if self.whole.channels_at_end:
            features = features.permute(0, 3, 1, 2)
        return [features[:, :, : (height + stride - 1) // stride, : (width + stride - 1) // stride]]

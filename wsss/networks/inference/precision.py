"""Networks that no longer train, in bfloat16: what rounding their weights does to the features is kept small.

bfloat16 keeps eight bits of a weight. Rounded one by one, a filter's weights no longer add up to what they did, and
features that are alike side by side are all shifted one way; of CAMs' error that was the larger part, and most of the
rest that biases were rounded.
"""

from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d


class FoldedConvolution(nn.Conv2d):
    """A convolution that has taken over a BatchNorm."""

    def forward(self, input: Tensor) -> Tensor:
        """What the convolution gives, to rounding."""
        assert isinstance(self.padding, tuple)
        where = (self.padding, self.stride, self.dilation, self.groups)
        return convolved(input, self.weight, self.bias, *where)


def convolved(
    images: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    padding: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Tensor:
    """torch's convolution, which refuses a bias of another precision, or oneDNN's own where that is better."""
    if bias is not None and (bias.dtype != images.dtype == weight.dtype or _torch_picks_slow(images, weight)):
        return torch.mkldnn_convolution(images, weight, bias, padding, stride, dilation, groups)
    return conv2d(images, weight, bias, stride, padding, dilation, groups)


def _torch_picks_slow(images: Tensor, weight: Tensor) -> bool:
    """For 1x1 convolutions torch goes through oneDNN on several threads only."""
    if images.device.type != "cpu" or weight.shape[2:] != (1, 1) or torch.get_num_threads() > 1:
        return False
    return images.dtype == torch.float32 and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def to_precision(network: nn.Module, precision: torch.dtype) -> None:
    """Cast a network, float32 and its BatchNorms folded (`wsss.networks.inference.folding`), in place.

    One that is not `foldable` is cast as it is.

    In bfloat16 each filter keeps the sum of its weights (`rounded_filters`), and on CPUs biases stay in float32 where
    oneDNN can add them so.
    """
    if precision == torch.float32:
        return
    if not getattr(network, "foldable", True):
        network.to(precision)
        return
    for tensor in chain(network.parameters(), network.buffers()):
        # Of one weight alone, casting keeps as much.
        if tensor.ndim == 4 and tensor.shape[2:] != (1, 1):
            tensor.data.copy_(rounded_filters(tensor.data))
    convolutions = (module for module in network.modules() if isinstance(module, nn.Conv2d))
    biases = {module: module.bias.data for module in convolutions if module.bias is not None}
    network.to(precision)
    for module, bias in biases.items():
        if bias.device.type == "cpu" and onednn_takes_bfloat16():
            module.bias = nn.Parameter(bias, requires_grad=False)


def onednn_takes_bfloat16() -> bool:
    """Whether oneDNN's own convolutions, apart from torch's, have the processor's instructions for bfloat16."""
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return available and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def rounded_filters(weights: Tensor) -> Tensor:
    """Weights (out, in, height, width), float32, rounded to what bfloat16 holds, each filter's sum kept.

    From a filter's largest weight to its smallest, each takes over what the one before lost: what is lost in the end is
    what rounding a small weight loses.
    """
    filters = weights.flatten(2)
    order = filters.abs().argsort(dim=2, descending=True)
    ordered = filters.gather(2, order)
    lost = torch.zeros_like(ordered[..., 0])
    for place in range(ordered.shape[2]):
        wanted = ordered[..., place] + lost
        ordered[..., place] = wanted.bfloat16()
        lost = wanted - ordered[..., place]
    return torch.empty_like(filters).scatter_(2, order, ordered).view(weights.shape)

"""3x3 convolutions in two thirds of the products, on CPUs: Winograd's F(2, 3) along rows alone.

Two rows of outputs follow from four rows of inputs d and the three rows of the kernel g by four convolutions of 1x3,
m0 = (d0 - d2) * g0, m1 = (d1 + d2) * (g0 + g1 + g2) / 2, m2 = (d2 - d1) * (g0 - g1 + g2) / 2, m3 = (d1 - d3) * g2,
as m0 + m1 + m2 and m1 - m2 - m3 (Lavin and Gray, CVPR 2016, section 4.1). In float32 the result is as close to the
exact one as a direct sum. Tiles in both directions would save more products; their sums cost it again on a CPU.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from wsss.networks.inference.precision import FoldedConvolution

KERNEL_TRANSFORM = torch.tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], dtype=torch.float64)
# With fewer channels the sums of rows, which grow with channels alone, cost what the products save.
LEAST_CHANNELS = 128


class RowWinogradConvolution(FoldedConvolution):
    """A convolution that is computed so where that gains, and elsewhere as any other. Made by `accelerate`."""

    transformed: Tensor

    def forward(self, input: Tensor) -> Tensor:
        """(batch, out, height, width), channels last, for (batch, in, height, width)."""
        if not self.gains(input):
            return super().forward(input)
        assert self.bias is not None
        return convolve(input, self.transformed, self.bias)

    @staticmethod
    def gains(features: Tensor) -> bool:
        """Not on GPUs, nor where the processor multiplies bfloat16 matrices by tiles (AMX): there sums cost more."""
        tiles = features.dtype == torch.bfloat16 and torch.cpu._is_amx_tile_supported()
        return features.device.type == "cpu" and not tiles


def accelerate(convolution: nn.Conv2d) -> None:
    """Make it a `RowWinogradConvolution`, in place, where that gains: 3x3, dense, wide, without stride or dilation.

    Its weights must be loaded, and train no more; it needs a bias.
    """
    shape = (convolution.kernel_size, convolution.padding, convolution.stride, convolution.dilation)
    wide = min(convolution.in_channels, convolution.out_channels) >= LEAST_CHANNELS
    dense = type(convolution) is nn.Conv2d and convolution.groups == 1
    if dense and wide and shape == ((3, 3), (1, 1), (1, 1), (1, 1)):
        convolution.__class__ = RowWinogradConvolution
        convolution.register_buffer("transformed", transformed_kernels(convolution.weight.detach()), persistent=False)


def transformed_kernels(weight: Tensor) -> Tensor:
    """The four kernels of a weight (out, in, 3, 3), one after the other, (4 out, in, 1, 3); computed in float64."""
    kernels = torch.einsum("ky,oiyx->koix", KERNEL_TRANSFORM.to(weight.device), weight.double()).flatten(0, 1)[
        :, :, None
    ]
    return kernels.to(weight.dtype).contiguous(memory_format=torch.channels_last)


def convolve(images: Tensor, kernels: Tensor, bias: Tensor) -> Tensor:
    """Convolution with padding 1 of (batch, in, height, width) with `transformed_kernels`: as many rows and columns."""
    height = images.shape[2]
    padded = pad(images, (0, 0, 1, 1 + height % 2))
    even, odd = padded[:, :, 0::2], padded[:, :, 1::2]
    d0, d1, d2, d3 = even[:, :, :-1], odd[:, :, :-1], even[:, :, 1:], odd[:, :, 1:]
    inputs = (d0 - d2, d1 + d2, d2 - d1, d1 - d3)
    m0, m1, m2, m3 = (conv2d(*pair, padding=(0, 1)) for pair in zip(inputs, kernels.chunk(4), strict=True))
    m1 += bias.to(m1.dtype)[:, None, None]
    outputs = torch.empty_like(padded[:, :1, 1:-1].expand(-1, len(bias), -1, -1), memory_format=torch.channels_last)
    torch.add(m0.add_(m1), m2, out=outputs[:, :, 0::2])
    torch.sub(m1.sub_(m2), m3, out=outputs[:, :, 1::2])
    return outputs[:, :, :height]

"""3x3 convolutions in a quarter of the products: F(4x4, 3x3) of Lavin and Gray (CVPR 2016), by matrix products alone.

Every tile of 4x4 outputs is A^T [(G g G^T) . (B^T d B)] A, summed over channels, of the 6x6 inputs d below it and the
kernel g. The sums over channels are 36 matrix products, one for each place of a tile.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

OUT, IN = 4, 6
# B^T, G and A^T of the reference, for the points 0, 1, -1, 2, -2 and infinity.
INPUT_TRANSFORM = torch.tensor(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    dtype=torch.float64,
)
KERNEL_TRANSFORM = torch.tensor(
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], dtype=torch.float64
).div_(24)
OUTPUT_TRANSFORM = torch.tensor(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], dtype=torch.float64
)
# With fewer channels the transforms, which grow with tiles and channels alone, cost more than the products save.
LEAST_CHANNELS = 256


class WinogradConvolution(nn.Conv2d):
    """A convolution that is computed so on CPUs in float32 and float64; elsewhere as any other.

    Within some 5e-6 of the largest output in float32, where a direct sum is within 1e-6. Made by `accelerate`.
    """

    transformed: Tensor

    def forward(self, input: Tensor) -> Tensor:
        """(batch, out, height, width), channels last, for (batch, in, height, width)."""
        if input.device.type != "cpu" or input.dtype not in (torch.float32, torch.float64):
            return super().forward(input)
        assert self.bias is not None
        return convolve(input, self.transformed, self.bias)


def accelerate(convolution: nn.Conv2d) -> None:
    """Make it a `WinogradConvolution`, in place, where that gains: 3x3, dense, without stride or dilation, and wide.

    Its weights must be loaded, and train no more; it needs a bias.
    """
    fits = (convolution.kernel_size, convolution.stride, convolution.padding, convolution.dilation) == (
        (3, 3),
        (1, 1),
        (1, 1),
        (1, 1),
    )
    wide = min(convolution.in_channels, convolution.out_channels) >= LEAST_CHANNELS
    if type(convolution) is nn.Conv2d and fits and wide and convolution.groups == 1:
        convolution.__class__ = WinogradConvolution
        convolution.register_buffer("transformed", transformed_kernels(convolution.weight.detach()), persistent=False)


def transformed_kernels(weight: Tensor) -> Tensor:
    """G g G^T of every kernel: (36, in, out) for a weight (out, in, 3, 3), computed in float64, of the same dtype."""
    placed = torch.einsum("iy,ocyx,jx->ijco", KERNEL_TRANSFORM, weight.double(), KERNEL_TRANSFORM)
    return placed.flatten(0, 1).to(weight.dtype).contiguous()


def convolve(images: Tensor, kernels: Tensor, bias: Tensor) -> Tensor:
    """Convolution with padding 1 of (batch, in, height, width) with `transformed_kernels`: as many rows and columns."""
    batch, channels, height, width = images.shape
    rows, columns = -(-height // OUT), -(-width // OUT)
    padding = (0, 0, 1, OUT * columns - width + 1, 1, OUT * rows - height + 1)
    tiles = pad(images.permute(0, 2, 3, 1), padding).unfold(1, IN, OUT).unfold(2, IN, OUT)
    placed = tiles.permute(4, 5, 0, 1, 2, 3).reshape(IN**2, -1)
    inputs = _both_ways(INPUT_TRANSFORM, images.dtype) @ placed
    products = torch.bmm(inputs.view(IN**2, -1, channels), kernels)
    outputs = _both_ways(OUTPUT_TRANSFORM, images.dtype) @ products.flatten(1)
    tiled = outputs.view(OUT, OUT, batch, rows, columns, -1).permute(2, 3, 0, 4, 1, 5)
    whole = tiled.reshape(batch, OUT * rows, OUT * columns, -1)[:, :height, :width]
    return (whole + bias).permute(0, 3, 1, 2)


def _both_ways(transform: Tensor, dtype: torch.dtype) -> Tensor:
    """The transform along rows and columns, as one matrix over a tile's places read row by row."""
    return torch.kron(transform, transform).to(dtype)

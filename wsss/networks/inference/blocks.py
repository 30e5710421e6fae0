"""Blocks of a ResNet that pass over their features once per convolution, not two to four times as often."""

from torch import Tensor, nn

from wsss.networks.inference.convolutions import FoldedConvolution
from wsss.networks.structure import NormedConvolution, ResidualBlock


class ActivatedConvolution(nn.Module):
    """A convolution, its BatchNorm and its ReLU in one."""

    def __init__(self, part: NormedConvolution) -> None:
        super().__init__()
        self.convolution = FoldedConvolution(part)

    def forward(self, features: Tensor) -> Tensor:
        """The output of the three, one after the other, up to rounding."""
        return self.convolution.activated(features)


class FusedBlock(nn.Module):
    """The convolutions and the shortcut of a residual block, each with its BatchNorm folded into it."""

    def __init__(self, part: ResidualBlock) -> None:
        super().__init__()
        *first, last = map(FoldedConvolution, part.convolutions)
        self.first, self.last = nn.ModuleList(first), last
        self.shortcut = None if part.shortcut is None else FoldedConvolution(part.shortcut)

    def forward(self, inputs: Tensor) -> Tensor:
        """The output of the block, up to rounding."""
        features = inputs
        for convolution in self.first:
            assert isinstance(convolution, FoldedConvolution)
            features = convolution.activated(features)
        if self.shortcut is None:
            return self.last.activated(features, inputs)
        return self.last.activated_with_shortcut(features, self.shortcut, inputs)

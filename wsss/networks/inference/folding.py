"""BatchNorm folded into convolutions, for networks that no longer train: one pass over the features instead of two."""

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from wsss.networks.inference.precision import FoldedConvolution
from wsss.networks.inference.winograd import accelerate


class FoldedNorm(nn.BatchNorm2d):
    """A BatchNorm that its convolution has taken over."""

    def forward(self, features: Tensor) -> Tensor:
        """The features as they are."""
        return features


def fold_norms(network: nn.Module) -> None:
    """Fold every BatchNorm of `network`, with its running statistics, into the convolution before it, in place.

    Outputs stay the same up to rounding. Weights must be loaded before, and are no longer those to save. A BatchNorm
    must be registered right after the convolution that it follows, as in all networks of `wsss.networks.backbones`;
    raises ValueError where it is not. Of these convolutions, wide ones of 3x3 become `RowWinogradConvolution`, and
    torch's others `FoldedConvolution`. A network with a backbone that is not `foldable` stays as it is.
    """
    if not all(getattr(module, "foldable", True) for module in network.modules()):
        return
    convolution: nn.Conv2d | None = None
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            convolution = module
        elif isinstance(module, nn.BatchNorm2d):
            if convolution is None or convolution.out_channels != module.num_features:
                raise ValueError(f"{name} follows no convolution that could take it over")
            assert module.running_mean is not None
            assert module.running_var is not None
            convolution.weight, convolution.bias = fuse_conv_bn_weights(
                convolution.weight,
                convolution.bias,
                module.running_mean,
                module.running_var,
                module.eps,
                module.weight,
                module.bias,
            )
            # Kept as modules of their places, which containers and references still name.
            module.__class__ = FoldedNorm
            accelerate(convolution)
            if type(convolution) is nn.Conv2d:
                convolution.__class__ = FoldedConvolution
            convolution = None

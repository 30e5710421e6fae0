"""DeepLabV2 (Chen et al., TPAMI 2018): dilated features, parallel dilated convolutions, maximum over input scales."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from wsss.networks.backbones import Backbone
from wsss.networks.bilinear import resize_maps
from wsss.settings.segmentation import SegmentationSettings


class DeepLabV2(nn.Module):
    """DeepLabV2: an atrous spatial pyramid on the last features of a backbone.

    The pyramid is the sum of 3x3 convolutions, one for each dilation. Weights and biases of all BatchNorms, also in the
    backbone, are not trained.

    Parameters
    ----------
    backbone : Backbone
        The network that gives the features.
    outputs : int
        The number of classes with the background.
    rates : Sequence[int]
        The dilations, at least 1.

    References
    ----------
    Chen, Papandreou, Kokkinos, Murphy, Yuille: "DeepLab: Semantic Image Segmentation with Deep Convolutional Nets,
    Atrous Convolution, and Fully Connected CRFs", TPAMI 2018.
    """

    def __init__(self, backbone: Backbone, outputs: int, rates: Sequence[int]) -> None:
        super().__init__()
        self.backbone = backbone
        channels = backbone.channels[-1]
        self.aspp = nn.ModuleList(nn.Conv2d(channels, outputs, 3, padding=rate, dilation=rate) for rate in rates)
        for name, parameter in self.aspp.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            else:
                nn.init.normal_(parameter, std=0.01)
        for module in backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits at the backbone's output stride.

        Parameters
        ----------
        images : Tensor
            Normalised images, float (N, 3, H, W).

        Returns
        -------
        Tensor
            Logits, (N, outputs, h, w), of any sign.
        """
        features = self.backbone(images)[-1]
        return torch.stack([branch(features) for branch in self.aspp]).sum(0)


def fused_logits(network: nn.Module, images: Tensor, scales: Sequence[float]) -> tuple[list[Tensor], Tensor]:
    """Logits of each input scale, and their pixel-wise maximum.

    Parameters
    ----------
    network : nn.Module
        From normalised images (N, 3, H, W) to logits (N, n, h, w).
    images : Tensor
        Normalised images, float (N, 3, H, W).
    scales : Sequence[float]
        Factors of the images' size, above 0.

    Returns
    -------
    tuple[list[Tensor], Tensor]
        Logits of each scale at their own resolution, and their maximum on the grid of the largest scale, (N, n, h, w).
        All are float32, whatever the precision of the network.
    """
    # float32 also under autocast: maxima, losses and stored scores need full precision.
    per_scale = [network(_scaled(images, scale)).float() for scale in scales]
    largest = per_scale[max(range(len(scales)), key=lambda number: scales[number])]
    size = (largest.shape[2], largest.shape[3])
    return per_scale, torch.stack([resize_maps(logits, size) for logits in per_scale]).amax(0)


def _scaled(images: Tensor, scale: float) -> Tensor:
    """Images (N, 3, H, W) resized to floor(scale * H) by floor(scale * W), at least one pixel each, bilinear.

    Sampling uses the given scale, not the ratio of the rounded sizes, as in the widespread re-implementation.
    """
    if scale == 1:
        return images
    height, width = images.shape[2:]
    if scale * min(height, width) < 1:
        return resize_maps(images, (max(int(scale * height), 1), max(int(scale * width), 1)))
    return interpolate(images, scale_factor=scale, mode="bilinear", align_corners=False, recompute_scale_factor=False)


def parameter_groups(network: DeepLabV2, settings: SegmentationSettings) -> list[dict[str, Any]]:
    """SGD's groups: the trunk, the pyramid's weights, and its biases, each with its own rate. Biases do not decay."""
    decay = settings.optimiser.weight_decay
    trunk = [parameter for parameter in network.backbone.parameters() if parameter.requires_grad]
    branches = [branch for branch in network.aspp if isinstance(branch, nn.Conv2d)]
    return [
        {"params": trunk, "lr": settings.lr, "weight_decay": decay},
        {"params": [branch.weight for branch in branches], "lr": settings.lr_head_weights, "weight_decay": decay},
        {"params": [branch.bias for branch in branches], "lr": settings.lr_head_biases, "weight_decay": 0.0},
    ]

"""IRNet's boundary network (Ahn et al., CVPR 2019): an edge branch on the frozen stages of a backbone.

Its displacement branch shares no weight with the edge branch and matters to instances only; it is not built.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from wsss.backbone import Backbone

CHANNELS, GROUPS = 32, 4
STRIDE = 4
SIZE_MULTIPLE = 16


class EdgeBranch(nn.Module):
    """From the features of five stages to edge logits at stride 4.

    Each of `blocks` holds a 1x1 convolution (0) and a GroupNorm (1); `head` is the last 1x1 convolution. They are the
    released fc_edge1..5 and fc_edge6.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_block(*stage) for stage in zip(channels, strides, strict=True))
        self.head = nn.Conv2d(CHANNELS * len(channels), 1, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Edge logits (batch, 1, h, w), (h, w) being the size of the second stage's features."""
        height, width = features[1].shape[2:]
        raised = [block(stage)[:, :, :height, :width] for block, stage in zip(self.blocks, features, strict=True)]
        logits: Tensor = self.head(torch.cat(raised, dim=1))
        return logits


def _block(channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, CHANNELS, 1, bias=False), nn.GroupNorm(GROUPS, CHANNELS), _to_stride_4(stride), nn.ReLU()
    )


def _to_stride_4(stride: int) -> nn.Module:
    """Bilinear upsampling; from stride 2 (EfficientNet-Lite0's first stage) means of 2x2, fewer where a side is odd."""
    if stride < STRIDE:
        return nn.AvgPool2d(STRIDE // stride, ceil_mode=True)
    if stride == STRIDE:
        return nn.Identity()
    return nn.Upsample(scale_factor=stride / STRIDE, mode="bilinear", align_corners=False)


class EdgeNetwork(nn.Module):
    """A backbone, frozen and without autograd, and the edge branch, all that is trained and worth saving."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False)
        self.edge_branch = EdgeBranch(backbone.channels, backbone.strides)

    def forward(self, images: Tensor) -> Tensor:
        """Edge logits (batch, 1, h, w) at stride 4 for normalised images (batch, 3, H, W)."""
        logits: Tensor = self.edge_branch(self.backbone(images, frozen=5))
        return logits

    def trained_parameters(self) -> list[nn.Parameter]:
        """The parameters of the edge branch."""
        return list(self.edge_branch.parameters())


@torch.inference_mode()
def edges_of_image(network: EdgeNetwork, image: Tensor, pad_to: int) -> np.ndarray:
    """Edge strengths in 0..1, float32 ((H-1)//4+1, (W-1)//4+1), of a normalised image (3, H, W).

    The sigmoid of the mean of the image's logits and its mirror's, mirrored back. Both are padded with zeros on the
    right and at the bottom to `pad_to`, a longer side to the next multiple of 16, as the sizes enter GroupNorm.
    """
    height, width = image.shape[1:]
    missing = [max(pad_to, -(-side // SIZE_MULTIPLE) * SIZE_MULTIPLE) - side for side in (height, width)]
    pair = pad(torch.stack([image, image.flip(2)]), (0, missing[1], 0, missing[0]))
    logits = network(pair)[:, 0, : (height - 1) // STRIDE + 1, : (width - 1) // STRIDE + 1].float()
    edges: np.ndarray = torch.sigmoid((logits[0] + logits[1].flip(1)) / 2).cpu().numpy()
    return edges

"""IRNet's boundary network (Ahn et al., CVPR 2019): branches on the frozen stages of a backbone.

Pseudo labels need only the edge branch. The displacement branch is for instance segmentation. It shares no weights with
the edge branch and is built only on request.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from wsss.errors import WsssError
from wsss.networks.backbones import Backbone
from wsss.networks.bilinear import resize_maps
from wsss.networks.saved_weights import load_weights, read_weights

STRIDE = 4
SIZE_MULTIPLE = 16
EDGE_CHANNELS, EDGE_GROUPS = 32, 4
# Sizes of the displacement branch, for each stage. The deep stages are joined at stride 8 before they go to stride 4.
DISPLACEMENT_CHANNELS, DISPLACEMENT_GROUPS = (64, 128, 256, 256, 256), (8, 16, 16, 16, 16)
DEEP_STRIDE, JOINED_CHANNELS, JOINED_GROUPS = 8, 256, 16


class EdgeBranch(nn.Module):
    """From the features of five stages to edge logits at stride 4.

    Each of `blocks` holds a 1x1 convolution (0) and a GroupNorm (1); `head` is the last 1x1 convolution. They are the
    released fc_edge1..5 and fc_edge6.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        stages = zip(channels, strides, strict=True)
        self.blocks = nn.ModuleList(_block(count, EDGE_CHANNELS, EDGE_GROUPS, at, STRIDE) for count, at in stages)
        self.head = nn.Conv2d(EDGE_CHANNELS * len(channels), 1, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Edge logits (batch, 1, h, w). (h, w) is the smallest size of a stage at stride 4.

        For a ResNet or EfficientNet-Lite0, it is the size of the second stage, whose stride is 4. If no stage has
        stride 4, the last cells may be outside the image.
        """
        raised = [block(stage) for block, stage in zip(self.blocks, features, strict=True)]
        logits: Tensor = self.head(_joined(raised))
        return logits


class DisplacementBranch(nn.Module):
    """From the features of five stages to displacements (dy, dx) at stride 4, in cells.

    `blocks`, `deep` and `joined` are the released fc_dp1..5, fc_dp6 and fc_dp7 with its convolutions 0 and 3. `mean` is
    the released mean_shift. `displacements_of_image` subtracts it from the displacements.
    """

    mean: Tensor

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        targets = (STRIDE, STRIDE, DEEP_STRIDE, DEEP_STRIDE, DEEP_STRIDE)
        stages = zip(channels, DISPLACEMENT_CHANNELS, DISPLACEMENT_GROUPS, strides, targets, strict=True)
        self.blocks = nn.ModuleList(_block(*stage) for stage in stages)
        early, late = sum(DISPLACEMENT_CHANNELS[:2]), sum(DISPLACEMENT_CHANNELS[2:])
        self.deep = _block(late, JOINED_CHANNELS, JOINED_GROUPS, DEEP_STRIDE, STRIDE)
        self.joined = nn.Sequential(
            nn.Conv2d(early + JOINED_CHANNELS, JOINED_CHANNELS, 1, bias=False),
            GroupNorm(JOINED_GROUPS, JOINED_CHANNELS),
            nn.ReLU(),
            nn.Conv2d(JOINED_CHANNELS, 2, 1, bias=False),
        )
        self.register_buffer("mean", torch.zeros(2))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Displacements (batch, 2, h, w), without subtraction of `mean`. (h, w) is as for edges."""
        raised = [block(stage) for block, stage in zip(self.blocks, features, strict=True)]
        deep = self.deep(_joined(raised[2:]))
        displacements: Tensor = self.joined(_joined([*raised[:2], deep]))
        return displacements


def _block(channels: int, out: int, groups: int, stride: int, target: int) -> nn.Sequential:
    """A 1x1 convolution, a GroupNorm, resizing from `stride` to `target`, and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, out, 1, bias=False), GroupNorm(groups, out), _to_stride(stride, target), nn.ReLU()
    )


def _to_stride(stride: int, target: int) -> nn.Module:
    """Bilinear resizing. From stride 2 (EfficientNet-Lite0's first stage): means of 2x2 cells, fewer at odd borders."""
    if stride == target:
        return nn.Identity()
    if target % stride == 0:
        return nn.AvgPool2d(target // stride, ceil_mode=True)
    return Upsampled(Fraction(stride, target))


class Upsampled(nn.Module):
    """Bilinear resizing of maps (batch, n, h, w) to `factor` times their size, rounded up."""

    def __init__(self, factor: Fraction) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, maps: Tensor) -> Tensor:
        return resize_maps(maps, (ceil(self.factor * maps.shape[2]), ceil(self.factor * maps.shape[3])))


class GroupNorm(nn.GroupNorm):
    """GroupNorm on maps in channels-first layout. In channels-last layout, sums on CPUs lose two digits."""

    def forward(self, input: Tensor) -> Tensor:
        normalised = super().forward(input.contiguous())
        return normalised.contiguous(memory_format=torch.channels_last)


def _joined(maps: Sequence[Tensor]) -> Tensor:
    """Maps joined along their channels. Larger maps are cropped on the right and at the bottom."""
    height, width = (min(one.shape[side] for one in maps) for side in (2, 3))
    return torch.cat([one[:, :, :height, :width] for one in maps], dim=1)


class EdgeNetwork(nn.Module):
    """IRNet's boundary network: a frozen backbone without autograd, and on it the edge branch.

    The displacement branch is built on request.

    Parameters
    ----------
    backbone : Backbone
        The network that gives the features of five stages. It is frozen here.
    displacement : bool
        Whether to build the branch of displacements too.

    References
    ----------
    Ahn, Cho, Kwak: "Weakly Supervised Learning of Instance Segmentation with Inter-pixel Relations", CVPR 2019.
    """

    def __init__(self, backbone: Backbone, displacement: bool = False) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False)
        self.edge_branch = EdgeBranch(backbone.channels, backbone.strides)
        self.displacement_branch = DisplacementBranch(backbone.channels, backbone.strides) if displacement else None

    def forward(self, images: Tensor) -> Tensor:
        """Edge logits at stride 4.

        Parameters
        ----------
        images : Tensor
            Normalised images, float (batch, 3, H, W).

        Returns
        -------
        Tensor
            Logits, (batch, 1, h, w), of any sign.
        """
        logits: Tensor = self.edge_branch(self.features(images))
        return logits

    def features(self, images: Tensor) -> list[Tensor]:
        """The input of the branches: the features of the five stages.

        Parameters
        ----------
        images : Tensor
            Normalised images, float (batch, 3, H, W).

        Returns
        -------
        list[Tensor]
            Features of the five stages, each (batch, channels, h, w).
        """
        features: list[Tensor] = self.backbone(images, frozen=5)
        return features

    @property
    def branches(self) -> nn.ModuleDict:
        """The branches, which are all that is trained and saved. Names are those in the whole network."""
        branches: dict[str, nn.Module] = {"edge_branch": self.edge_branch}
        if self.displacement_branch is not None:
            branches["displacement_branch"] = self.displacement_branch
        return nn.ModuleDict(branches)


def load_branches(network: EdgeNetwork, path: Path) -> None:
    """Load the branches of `network` from a file, and the trunk too if the file has one.

    The file may have a branch that the network does not have. Raises WsssError if it lacks a branch of the network.
    """
    wanted = network.state_dict()
    state = {name: value for name, value in read_weights(path).items() if name in wanted}
    missing = [name for name in network.branches.state_dict() if name not in state]
    if missing:
        raise WsssError(f"{path} lacks {missing[0]} ({len(missing)} such entries): train IRNet with these settings")
    load_weights(network, wanted | state, path)


@torch.inference_mode()
def edges_of_image(network: EdgeNetwork, image: Tensor, pad_to: int) -> np.ndarray:
    """Edge strengths of an image at stride 4.

    Parameters
    ----------
    network : EdgeNetwork
        A trained network.
    image : Tensor
        A normalised image, float (3, H, W).
    pad_to : int
        The side of the square that the image is padded to, in pixels. Longer sides are padded to a multiple of 16.

    Returns
    -------
    np.ndarray
        Edges in 0..1, float32 ((H-1)//4+1, (W-1)//4+1).

    Notes
    -----
    The image and its mirror are padded (see `_padded`). The logits of the mirror are mirrored back. The result is the
    sigmoid of the mean of both logits.
    """
    pair = _padded(torch.stack([image, image.flip(2)]), pad_to)
    logits = _of_image(network(pair), image)[:, 0]
    edges: np.ndarray = torch.sigmoid((logits[0] + logits[1].flip(1)) / 2).cpu().numpy()
    return edges


@torch.inference_mode()
def displacements_of_image(network: EdgeNetwork, image: Tensor, pad_to: int) -> np.ndarray:
    """Displacements (dy, dx) in cells of a normalised image (3, H, W): float32 (2, (H-1)//4+1, (W-1)//4+1).

    The mean of trained displacements is subtracted. The image is padded (see `_padded`). Its mirror is not used.
    """
    branch = network.displacement_branch
    assert branch is not None
    displacements = _of_image(branch(network.features(_padded(image[None], pad_to))), image)[0]
    centred: np.ndarray = (displacements - branch.mean[:, None, None]).cpu().numpy()
    return centred


def _padded(images: Tensor, pad_to: int) -> Tensor:
    """Images padded with zeros on the right and at the bottom to squares of `pad_to` pixels.

    A longer side is padded to the next multiple of 16. The size matters, because GroupNorm averages over it.
    """
    missing = [max(pad_to, -(-side // SIZE_MULTIPLE) * SIZE_MULTIPLE) - side for side in images.shape[2:]]
    return pad(images, (0, missing[1], 0, missing[0]))


def _of_image(maps: Tensor, image: Tensor) -> Tensor:
    """The part of maps (batch, n, h, w) of padded images that belongs to the image (3, H, W), in float32."""
    height, width = image.shape[1:]
    return maps[:, :, : (height - 1) // STRIDE + 1, : (width - 1) // STRIDE + 1].float()

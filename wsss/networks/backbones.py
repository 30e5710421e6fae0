"""Networks that give five stages of features, with one interface: every backbone can be used for every network.

| network            | channels of the five stages | strides (output stride 16) |
|--------------------|-----------------------------|----------------------------|
| resnet18, 34       | 64, 64, 128, 256, 512       | 4, 4, 8, 16, 16            |
| resnet50, 101      | 64, 256, 512, 1024, 2048    | 4, 4, 8, 16, 16            |
| efficientnet_lite0 | 16, 24, 40, 112, 1280       | 2, 4, 8, 16, 16            |

Any timm network can be used too, under the name `timm/<its name>` (`wsss.networks.timm_networks`).
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

import torch
from torch import Tensor, nn

from wsss.data.augmentation import Normalisation
from wsss.networks.efficientnet_lite import EfficientNetLite0
from wsss.networks.structure import Part, resnet_parts
from wsss.settings.backbone import TIMM, BackboneSettings

if TYPE_CHECKING:
    from wsss.networks.timm_networks import TimmNetwork

# In the last stages, strides beyond the output stride become 1. If `dilated`, dilations replace them.
# `native`: no stride is changed; the networks of the table then have 32.
OutputStride = Literal[8, 16, "native"]
# USUAL_STRIDE: the output stride of classifiers and IRNet, unless another is given.
USUAL_STRIDE, NATIVE_STRIDE = 16, 32
TORCHVISION_INPUT = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
LITE0_INPUT = Normalisation((127 / 255,) * 3, (128 / 255,) * 3)
# Values in 0..255 minus (122.675, 116.669, 104.008) in RGB. They are not divided by a deviation.
CAFFE_INPUT = Normalisation((122.675 / 255, 116.669 / 255, 104.008 / 255), (1 / 255,) * 3, bgr=True)


class Backbone(nn.Module):
    """A network cut into five stages. BatchNorm always uses its running statistics.

    Parameters
    ----------
    network : nn.Module
        The whole network. Parameters keep the names that they have in it.
    stages : Iterable[Iterable[nn.Module]]
        The modules of each of the five stages, in the order in which they run.
    channels : tuple[int, ...]
        Channels of the five stages' outputs.
    strides : tuple[int, ...]
        Strides of the five stages' outputs, in pixels of the input.
    normalisation : Normalisation
        How the network expects its input.
    parts : Iterable[Part]
        The convolutions and BatchNorms of `network` that inference may join: all of them, or none.
    """

    def __init__(
        self,
        network: nn.Module,
        stages: Iterable[Iterable[nn.Module]],
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        normalisation: Normalisation,
        parts: Iterable[Part] = (),
    ) -> None:
        super().__init__()
        self.network = network
        # In tuples, so that torch does not register them: each parameter has one name, that of the original network.
        self._stages = tuple(tuple(stage) for stage in stages)
        self.channels, self.strides, self.normalisation = channels, strides, normalisation
        self.parts = tuple(parts)
        self.train(self.training)

    def stage(self, number: int, features: Tensor) -> Tensor:
        """Run one stage on the output of the one before.

        Parameters
        ----------
        number : int
            The stage, 1..5.
        features : Tensor
            The output of the stage before, (batch, c, h, w); images for stage 1.

        Returns
        -------
        Tensor
            The stage's output, (batch, channels, h', w').
        """
        for module in self._stages[number - 1]:
            features = module(features)
        return features

    def forward(self, images: Tensor, frozen: int = 0) -> list[Tensor]:
        """Features of the five stages.

        Parameters
        ----------
        images : Tensor
            Normalised images, float (batch, 3, height, width).
        frozen : int
            How many of the first stages run without autograd, 0..5.

        Returns
        -------
        list[Tensor]
            The outputs of the five stages, each (batch, channels, h, w). Each side is about that of the images divided
            by the stage's stride.
        """
        outputs = []
        # Channels last is the faster layout on CPUs and GPUs. Callers use the same layout for the weights.
        features = images.contiguous(memory_format=torch.channels_last)
        for number in range(1, 6):
            with torch.set_grad_enabled(torch.is_grad_enabled() and number > frozen):
                features = self.stage(number, features)
            outputs.append(features)
        return outputs

    def stage_parameters(self, number: int) -> Iterable[nn.Parameter]:
        """Parameters of one stage.

        Parameters
        ----------
        number : int
            The stage, 1..5.

        Returns
        -------
        Iterable[nn.Parameter]
            The parameters, module by module.
        """
        for module in self._stages[number - 1]:
            yield from module.parameters()

    def replace(self, replacements: Mapping[nn.Module, nn.Module]) -> None:
        """Replace modules in the network and in its stages. Afterwards the backbone declares no parts.

        Parameters
        ----------
        replacements : Mapping[nn.Module, nn.Module]
            The new modules by the old ones.
        """
        for parent in list(self.network.modules()):
            for name, child in list(parent.named_children()):
                if child in replacements:
                    setattr(parent, name, replacements[child])
        self._stages = tuple(tuple(replacements.get(one, one) for one in stage) for stage in self._stages)
        self.parts = ()

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


class WholeBackbone(Backbone):
    """A network that can only run as a whole, as those of timm. Dropout and drop path stay off, in training too.

    It declares no parts for inference, because a BatchNorm of such a network may not follow a convolution.
    """

    def __init__(self, network: "TimmNetwork") -> None:
        super().__init__(network.network, (), network.channels, network.strides, network.normalisation)
        # Parameters that no stage depends on would have no gradient.
        staged = {name for stage in network.parameters for name in stage}
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(parameter.requires_grad and name in staged)
        self.whole = network

    def stage(self, number: int, features: Tensor) -> Tensor:
        """Not available: such a network has no stage that can run by itself."""
        raise NotImplementedError("this network runs as a whole")

    def forward(self, images: Tensor, frozen: int = 0) -> list[Tensor]:
        """Features of the five stages; see `TimmNetwork.features`."""
        return self.whole.features(images, frozen)

    def stage_parameters(self, number: int) -> Iterable[nn.Parameter]:
        for name in self.whole.parameters[number - 1]:
            yield self.network.get_parameter(name)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.network.eval()
        return self


def backbone_of(
    settings: BackboneSettings, output_stride: OutputStride | None = None, dilated: bool = False
) -> Backbone:
    """The untrained backbone of some settings, with the input that its weights expect; see `build_backbone`.

    Parameters
    ----------
    settings : BackboneSettings
        The network's name and variant.
    output_stride : {8, 16, "native"} or None
        Stride of the last stage. None: 16, or the network's own stride if that cannot be changed.
    dilated : bool
        Whether dilations replace the strides that are removed.

    Returns
    -------
    Backbone
        The backbone. Its weights follow torch's seed. The state of torch's generator is not changed.
    """
    backbone = build_backbone(settings.name, output_stride, dilated, settings.caffe_style)
    if settings.input == "caffe":
        backbone.normalisation = CAFFE_INPUT
    return backbone


def build_backbone(
    name: str, output_stride: OutputStride | None = None, dilated: bool = False, caffe_style: bool = False
) -> Backbone:
    """An untrained backbone; weights are loaded into `.network`.

    `output_stride`: None means 16, or the network's own stride if that cannot be changed.
    `dilated`: dilations replace the strides that are removed to reach the output stride, in every block of the stage,
    the first one included (DeepLab). Otherwise features are not dilated (IRNet, VWE, VWL).
    `caffe_style`, for bottleneck ResNets only: the stride is on the first 1x1 convolution, and the stem's pooling
    rounds sizes up. Raises ValueError for other networks.

    The weights follow torch's seed. The state of torch's generator is not changed, so that later draws, such as a
    head's weights, depend on the seed alone.
    """
    if caffe_style and name not in ("resnet50", "resnet101"):
        raise ValueError(f"caffe_style needs bottleneck blocks, which {name} has not: use resnet50 or resnet101")
    with torch.random.fork_rng(devices=[]):
        if name.startswith(TIMM):
            return _timm(name.removeprefix(TIMM), output_stride, dilated)
        stride = NATIVE_STRIDE if output_stride == "native" else output_stride or USUAL_STRIDE
        if name == "efficientnet_lite0":
            return _efficientnet_lite0(stride, dilated)
        return _resnet(name, stride, dilated, caffe_style)


def _timm(name: str, output_stride: OutputStride | None, dilated: bool) -> Backbone:
    from wsss.networks.timm_networks import build_timm_network

    stride = None if output_stride == "native" else output_stride or USUAL_STRIDE
    return WholeBackbone(build_timm_network(name, stride, required=output_stride is not None, dilated=dilated))


def _resnet(name: str, output_stride: int, dilated: bool, caffe_style: bool) -> Backbone:
    from torchvision import models

    network: Any = models.get_model(name, weights=None)
    network.fc, network.avgpool = nn.Identity(), nn.Identity()
    if caffe_style:
        network.maxpool.ceil_mode = True
        for layer in (network.layer2, network.layer3, network.layer4):
            layer[0].conv1.stride, layer[0].conv2.stride = layer[0].conv2.stride, (1, 1)
    stride, dilation = 4, 1
    for layer in (network.layer2, network.layer3, network.layer4):
        if stride < output_stride:
            stride *= 2
        else:
            dilation *= 2
            _remove_stride(layer, dilation if dilated else 1)
    stem = (network.conv1, network.bn1, network.relu, network.maxpool)
    wide = 512 * network.layer4[0].expansion
    return Backbone(
        network,
        (stem, (network.layer1,), (network.layer2,), (network.layer3,), (network.layer4,)),
        (64, wide // 8, wide // 4, wide // 2, wide),
        (4, 4, 8, min(16, output_stride), output_stride),
        TORCHVISION_INPUT,
        resnet_parts(network),
    )


def _efficientnet_lite0(output_stride: int, dilated: bool) -> Backbone:
    network = EfficientNetLite0()
    blocks, activation = network.blocks, nn.ReLU6(inplace=True)
    stem = (network.conv_stem, network.bn1, activation, blocks[0])
    head = (blocks[5], blocks[6], network.conv_head, network.bn2, activation)
    # Block 3 has the stride from 8 to 16, block 5 that from 16 to 32. Blocks 4 and 6 follow them.
    kept_small = {8: ((3, 4), (5, 6)), 16: ((5, 6),)}.get(output_stride, ())
    for power, pair in enumerate(kept_small, 1):
        for block in pair:
            _remove_stride(blocks[block], 2**power if dilated else 1)
    return Backbone(
        network,
        (stem, (blocks[1],), (blocks[2],), (blocks[3], blocks[4]), head),
        (16, 24, 40, 112, 1280),
        (2, 4, 8, min(16, output_stride), output_stride),
        LITE0_INPUT,
        network.parts(),
    )


def _remove_stride(stage: nn.Module, dilation: int) -> None:
    """Give every convolution of `stage` stride 1, and spatial ones this dilation. Padding keeps the size of maps."""
    for module in stage.modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
            side = module.kernel_size[0]
            if side > 1:
                module.dilation = (dilation, dilation)
                module.padding = (dilation * (side - 1) // 2,) * 2

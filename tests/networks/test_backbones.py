"""Stages of the backbones against torchvision's and timm's own networks, and what every backbone must hold to."""

from typing import Any, get_args

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models
from torchvision.models.feature_extraction import create_feature_extractor

from tests.reference import noise
from wsss.data.augmentation import to_tensor
from wsss.networks.backbones import Backbone, OutputStride, backbone_of, build_backbone
from wsss.settings.backbone import BackboneName, BackboneSettings

NAMES = get_args(BackboneName)
STRIDES: tuple[OutputStride, ...] = (8, 16)


def images(height: int, width: int, count: int = 2) -> Tensor:
    return torch.from_numpy(noise("backbone/x", (count, 3, height, width)))


def shake(network: nn.Module) -> None:
    """Statistics, scales and shifts of BatchNorm away from 0 and 1, so that leaving one out shows."""
    torch.manual_seed(7)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.uniform_(module.bias, -0.2, 0.2)


def seeded(name: BackboneName, output_stride: OutputStride = 16, dilated: bool = False) -> Backbone:
    torch.manual_seed(3)
    backbone = build_backbone(name, output_stride, dilated)
    shake(backbone)
    return backbone


def near(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert float(theirs.abs().max()) > 1e-3
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5 * float(theirs.abs().max()))


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
@torch.no_grad()
def test_resnet_stages_are_torchvisions(name: BackboneName) -> None:
    backbone = seeded(name)
    original: Any = models.get_model(name, weights=None)
    missing, unexpected = original.load_state_dict(backbone.network.state_dict(), strict=False)
    assert missing == ["fc.weight", "fc.bias"]
    assert unexpected == []
    # Stride 16 is torchvision's network with the stride of layer4 taken away by hand.
    for module in original.layer4[0].modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
    nodes = ["maxpool", "layer1", "layer2", "layer3", "layer4"]
    extractor = create_feature_extractor(original.eval(), return_nodes={node: node for node in nodes})
    theirs = extractor(images(65, 47))
    for node, ours in zip(nodes, backbone(images(65, 47)), strict=True):
        near(ours, theirs[node])


@torch.no_grad()
def test_lite0_stages_are_timms() -> None:
    backbone = seeded("efficientnet_lite0")
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False, features_only=True, out_indices=(0, 1, 2, 3))
    missing, _ = theirs.load_state_dict(backbone.network.state_dict(), strict=False)
    assert missing == []
    outputs = backbone(images(65, 47))
    for ours, wanted in zip(outputs[:4], theirs.eval()(images(65, 47)), strict=True):
        near(ours, wanted)
    original: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    original.load_state_dict(backbone.network.state_dict(), strict=False)
    for block in (original.blocks[5], original.blocks[6]):
        for module in block.modules():
            if isinstance(module, nn.Conv2d):
                module.stride = (1, 1)
    near(outputs[4], original.forward_features(images(65, 47)))


@pytest.mark.parametrize("output_stride", STRIDES)
@pytest.mark.parametrize("name", NAMES)
def test_sizes_and_channels_are_as_described(name: BackboneName, output_stride: OutputStride) -> None:
    with torch.device("meta"):
        # With dilation at stride 8, without at 16.
        backbone = build_backbone(name, output_stride, dilated=output_stride == 8)
        assert backbone.strides[-1] == output_stride
        for height, width in ((1, 2), (33, 47), (131, 66)):
            outputs = backbone(torch.empty(1, 3, height, width))
            sizes = [tuple(output.shape[1:]) for output in outputs]
            described = zip(backbone.channels, backbone.strides, strict=True)
            assert sizes == [(channels, -(-height // s), -(-width // s)) for channels, s in described]


def spatial(stage: nn.Module) -> list[nn.Conv2d]:
    return [m for m in stage.modules() if isinstance(m, nn.Conv2d) and m.kernel_size[0] > 1]


def test_what_is_drawn_after_a_backbone_hangs_on_the_seed_alone() -> None:
    draws = []
    for name in (None, "resnet18", "resnet18", "efficientnet_lite0"):
        torch.manual_seed(3)
        state = {} if name is None else build_backbone(name).network.state_dict()  # type: ignore[arg-type]
        draws.append((torch.rand(3), state.get("conv1.weight", torch.empty(0))))
    assert all(torch.equal(after, draws[0][0]) for after, _ in draws)
    assert torch.equal(draws[1][1], draws[2][1])
    assert not torch.equal(build_backbone("resnet18").network.conv1.weight, draws[1][1])  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize("name", ["resnet18", "resnet101", "efficientnet_lite0"])
@pytest.mark.parametrize("output_stride", STRIDES)
def test_every_block_of_a_stage_without_stride_is_dilated(name: BackboneName, output_stride: OutputStride) -> None:
    wanted = {8: (1, 1, 1, 2, 4), 16: (1, 1, 1, 1, 2)}[output_stride]
    with torch.device("meta"):
        plain, dilated = build_backbone(name, output_stride), build_backbone(name, output_stride, dilated=True)
    for stage, dilation in zip(dilated._stages, wanted, strict=True):
        convolutions = [layer for module in stage for layer in spatial(module)]
        assert convolutions
        assert {layer.dilation for layer in convolutions} == {(dilation, dilation)}
    assert {layer.dilation for layer in spatial(plain.network)} == {(1, 1)}
    sizes = [{n: p.shape for n, p in backbone.named_parameters()} for backbone in (plain, dilated)]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0"])
@torch.no_grad()
def test_dilation_is_a_kernel_with_holes(name: BackboneName) -> None:
    plain, dilated = seeded(name), seeded(name, dilated=True)
    dilated.load_state_dict(plain.state_dict())
    wanted = dilated(images(65, 97))[4]
    assert not torch.allclose(plain(images(65, 97))[4], wanted)
    for module in plain._stages[4]:
        for layer in spatial(module):
            side = 2 * layer.kernel_size[0] - 1
            kernel = layer.weight.new_zeros((*layer.weight.shape[:2], side, side))
            kernel[:, :, ::2, ::2] = layer.weight
            layer.weight, layer.kernel_size, layer.padding = nn.Parameter(kernel), (side, side), (side // 2,) * 2
    near(plain(images(65, 97))[4], wanted)


def test_caffe_style_moves_the_strides_and_rounds_the_stem_up() -> None:
    with torch.device("meta"):
        network: Any = build_backbone("resnet50", 16, caffe_style=True).network
        # conv1 leaves 66 of 132 pixels; the pooling then gives 33 rounded down and 34 rounded up.
        sizes = [
            stage.shape[2] for stage in build_backbone("resnet50", 16, caffe_style=True)(torch.empty(1, 3, 132, 9))
        ]
    assert sizes == [34, 34, 17, 9, 9]
    strides = [(layer[0].conv1.stride[0], layer[0].conv2.stride[0]) for layer in (network.layer2, network.layer3)]
    assert strides == [(2, 1), (2, 1)]
    assert network.layer4[0].conv1.stride == network.layer4[0].conv2.stride == (1, 1)


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "efficientnet_lite0"])
def test_caffe_style_needs_bottlenecks(name: BackboneName) -> None:
    with pytest.raises(ValueError, match=f"{name} has not: use resnet50"):
        build_backbone(name, caffe_style=True)


def shown(settings: BackboneSettings, pixels: np.ndarray) -> np.ndarray:
    """What a network sees of an image, as float64 (height, width, 3)."""
    with torch.device("meta"):
        normalisation = backbone_of(settings).normalisation
    return to_tensor(Image.fromarray(pixels), normalisation).permute(1, 2, 0).double().numpy()


def test_an_image_goes_in_as_the_settings_say() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    native = shown(BackboneSettings(name="resnet50", weights="imagenet"), pixels)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(native, (pixels / 255 - mean) / deviation, atol=1e-5)
    caffe = shown(BackboneSettings(name="resnet50", weights="scratch", input="caffe"), pixels)
    blue_green_red = np.stack([pixels[:, :, 2] - 104.008, pixels[:, :, 1] - 116.669, pixels[:, :, 0] - 122.675], axis=2)
    np.testing.assert_allclose(caffe, blue_green_red, atol=1e-4)


@torch.no_grad()
def test_settings_choose_the_variant() -> None:
    settings = BackboneSettings(name="resnet50", weights="scratch", caffe_style=True)
    with torch.device("meta"):
        backbone = backbone_of(settings, 8, dilated=True)
        assert [stage.shape[2] for stage in backbone(torch.empty(1, 3, 132, 9))] == [34, 34, 17, 17, 17]
        assert backbone.normalisation == build_backbone("resnet50").normalisation
        plain = backbone_of(settings.model_copy(update={"caffe_style": False}), 8, dilated=True)
    blocks = (backbone.network.layer2[0], plain.network.layer2[0])
    assert [block.conv1.stride for block in blocks] == [(2, 2), (1, 1)]  # type: ignore[union-attr, index]
    assert {layer.dilation for layer in spatial(backbone.network.layer4)} == {(4, 4)}  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0"])
def test_batchnorm_keeps_its_statistics_in_training(name: BackboneName) -> None:
    backbone = seeded(name)
    before = {name: value.clone() for name, value in backbone.named_buffers()}
    nn.Sequential(backbone).train()
    assert backbone.training
    norms = [m for m in backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert not any(m.training for m in norms)
    trained = backbone(images(33, 47))[-1]
    assert all(torch.equal(value, before[name]) for name, value in backbone.named_buffers())
    assert torch.equal(trained, backbone.eval()(images(33, 47))[-1])


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0"])
@pytest.mark.parametrize("frozen", [0, 1, 3, 5])
def test_frozen_stages_take_no_gradient(name: BackboneName, frozen: int) -> None:
    backbone = seeded(name)
    outputs = backbone(images(33, 47), frozen)
    assert [output.requires_grad for output in outputs] == [number > frozen for number in range(1, 6)]
    if frozen < 5:
        outputs[-1].sum().backward()
    for number in range(1, 6):
        gradients = [parameter.grad for parameter in backbone.stage_parameters(number)]
        assert gradients
        assert all((gradient is None) == (number <= frozen) for gradient in gradients)
    assert torch.equal(outputs[-1], backbone(images(33, 47))[-1])


@pytest.mark.parametrize("name", NAMES)
def test_stages_hold_every_parameter_once(name: BackboneName) -> None:
    with torch.device("meta"):
        backbone = build_backbone(name)
    staged = [id(parameter) for number in range(1, 6) for parameter in backbone.stage_parameters(number)]
    assert len(staged) == len(set(staged))
    assert set(staged) == {id(parameter) for parameter in backbone.parameters()}
    assert all(key.startswith("network.") for key in backbone.state_dict())


def test_no_gradient_is_kept_where_the_caller_wants_none() -> None:
    backbone = seeded("resnet18")
    with torch.no_grad():
        assert not any(output.requires_grad for output in backbone(images(9, 9)))

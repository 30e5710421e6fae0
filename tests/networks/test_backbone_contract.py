"""What every backbone holds to, in every place where one is used: one of each kind, those of timm included."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import Tensor

from tests.reference import noise
from wsss.cams.plain import class_maps
from wsss.classification.classifier import build_classifier, load_classifier
from wsss.files import write_bytes
from wsss.networks.backbones import Backbone, backbone_of
from wsss.networks.initial_weights import load_initial_weights, write_initial_weights
from wsss.refinement.irnet.network import EdgeNetwork, displacements_of_image, edges_of_image
from wsss.refinement.irnet.training import irnet_losses
from wsss.segmentation.training import build_segmenter
from wsss.settings.backbone import BackboneSettings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.segmentation import SegmentationSettings

NAMES = ["resnet18", "efficientnet_lite0", "timm/resnet10t", "timm/test_vit"]
SIZES = [(33, 47), (64, 96)]
pytestmark = pytest.mark.parametrize("name", NAMES)


def scratch(name: str) -> BackboneSettings:
    return BackboneSettings(name=name, weights="scratch")


def seeded(name: str) -> Backbone:
    torch.manual_seed(3)
    return backbone_of(scratch(name))


def images(height: int, width: int, count: int = 2) -> Tensor:
    return torch.from_numpy(noise("backbone/x", (count, 3, height, width)))


def cells(size: tuple[int, int], stride: int) -> tuple[int, int]:
    return -(-size[0] // stride), -(-size[1] // stride)


def near(ours: Tensor, theirs: Tensor, share: float = 1e-5) -> None:
    assert float(theirs.detach().abs().max()) > 1e-6
    torch.testing.assert_close(ours, theirs, rtol=0, atol=share * float(theirs.detach().abs().max()))


@torch.no_grad()
def test_five_stages_are_as_described(name: str) -> None:
    backbone = seeded(name)
    assert len(backbone.channels) == len(backbone.strides) == 5
    assert backbone.strides[-1] == 16
    for size in SIZES:
        wanted = [
            (2, count, *cells(size, stride)) for count, stride in zip(backbone.channels, backbone.strides, strict=True)
        ]
        assert [tuple(stage.shape) for stage in backbone(images(*size))] == wanted


@pytest.mark.parametrize("frozen", [0, 1, 3, 5])
def test_gradients_reach_only_what_is_not_frozen(name: str, frozen: int) -> None:
    backbone = seeded(name)
    pixels = images(33, 47)
    outputs = backbone(pixels, frozen)
    assert [output.requires_grad for output in outputs] == [number > frozen for number in range(1, 6)]
    near(outputs[-1], backbone(pixels)[-1])
    if frozen < 5:
        outputs[-1].square().mean().backward()
    for number in range(1, 6):
        gradients = [parameter.grad for parameter in backbone.stage_parameters(number)]
        assert gradients
        assert all((gradient is None) == (number <= frozen) for gradient in gradients)
    # The same gradients as with the frozen stages' parameters switched off, and all of the network in autograd.
    found = {key: parameter.grad for key, parameter in backbone.named_parameters() if parameter.grad is not None}
    backbone.zero_grad()
    for number in range(1, frozen + 1):
        for parameter in backbone.stage_parameters(number):
            parameter.requires_grad_(False)
    if found:
        backbone(pixels)[-1].square().mean().backward()
    assert found.keys() == {key for key, parameter in backbone.named_parameters() if parameter.requires_grad}
    for key, gradient in found.items():
        torch.testing.assert_close(gradient, backbone.get_parameter(key).grad)


def test_stages_hold_every_parameter_that_trains_once(name: str) -> None:
    with torch.device("meta"):
        backbone = backbone_of(scratch(name))
    staged = [id(parameter) for number in range(1, 6) for parameter in backbone.stage_parameters(number)]
    assert len(staged) == len(set(staged))
    assert set(staged) == {id(parameter) for parameter in backbone.parameters() if parameter.requires_grad}


def test_a_seed_gives_the_same_bytes_in_training_and_out_of_it(name: str) -> None:
    torch.manual_seed(9)
    wanted = torch.rand(3)
    torch.manual_seed(9)
    backbone_of(scratch(name))
    assert torch.equal(torch.rand(3), wanted), "what is drawn after a backbone must not hang on it"
    first, again = seeded(name), seeded(name)
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in first.state_dict().items())
    pixels = images(33, 47)
    outputs = [backbone(pixels)[-1] for backbone in (first.train(), again.train())]
    for output in outputs:
        output.square().mean().backward()
    assert torch.equal(*outputs)
    pairs = zip(first.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a.grad, b.grad) for a, b in pairs if a.grad is not None and b.grad is not None)
    # Neither dropout nor statistics of a batch.
    assert torch.equal(outputs[0], first.eval()(pixels)[-1])


@torch.no_grad()
def test_initial_weights_go_through_a_file(name: str, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_initial_weights(scratch(name), {}, tmp_path / folder)
    file = tmp_path / "a" / "weights.safetensors"
    assert file.read_bytes() == (tmp_path / "b" / "weights.safetensors").read_bytes()
    torch.manual_seed(99)
    backbone = backbone_of(scratch(name), "native")
    load_initial_weights(backbone, file)
    torch.manual_seed(0)
    written = backbone_of(scratch(name), "native")
    assert torch.equal(backbone(images(33, 47))[-1], written(images(33, 47))[-1])


@torch.no_grad()
def test_a_classifier_gives_cams(name: str, tmp_path: Path) -> None:
    settings = ClassifierSettings(backbone=scratch(name), words="none")
    torch.manual_seed(3)
    network = build_classifier(settings, 4).eval()
    file = tmp_path / "classifier.safetensors"
    write_bytes(file, save({key: value.contiguous() for key, value in network.state_dict().items()}))
    loaded = load_classifier(settings, 4, file)
    wanted = class_maps(network, images(33, 47, 1))
    assert wanted.shape == (1, 4, 3, 3)
    near(class_maps(loaded, images(33, 47, 1)), wanted, 1e-4)
    rounded = load_classifier(settings, 4, file, torch.bfloat16)
    near(class_maps(rounded, images(33, 47, 1).bfloat16()), wanted, 0.1)


def test_irnet_gives_edges_at_stride_4(name: str) -> None:
    network = EdgeNetwork(seeded(name), displacement=True).eval()
    for height, width in SIZES:
        image = images(height, width)[0]
        assert edges_of_image(network, image, pad_to=64).shape == cells((height, width), 4)
        assert displacements_of_image(network, image, pad_to=64).shape == (2, *cells((height, width), 4))


def test_irnet_trains_its_branches_alone(name: str) -> None:
    network = EdgeNetwork(seeded(name), displacement=True).train()
    labels = torch.zeros(2, 64, 96, dtype=torch.uint8)
    labels[:, :, 40:] = 1
    sum(irnet_losses(network, [images(64, 96), labels], radius=3).values(), torch.zeros(())).backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in network.branches.parameters())
    assert all(parameter.grad is None for parameter in network.backbone.parameters())


def test_deeplab_gives_logits_and_trains_the_trunk(name: str) -> None:
    settings = SegmentationSettings(backbone=scratch(name), output_stride=16, dilated=True)
    network = build_segmenter(settings, 4).train()
    logits = network(images(33, 47))
    assert logits.shape == (2, 5, 3, 3)
    logits.square().mean().backward()
    trained: list[Any] = [parameter for parameter in network.parameters() if parameter.requires_grad]
    assert all(parameter.grad is not None for parameter in trained)

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import group_norm, interpolate

from tests.reference import assert_near, blobs, figures, noise
from tests.refinement.released_irnet import released_irnet
from wsss.errors import WsssError
from wsss.networks.backbones import build_backbone
from wsss.refinement.irnet.network import (
    DisplacementBranch,
    EdgeBranch,
    EdgeNetwork,
    displacements_of_image,
    edges_of_image,
    load_branches,
)
from wsss.refinement.random_walk import random_walk
from wsss.settings.backbone import BackboneName
from wsss.settings.pseudo_labels import IrnetWalkSettings


def test_edges_and_displacements_equal_the_released_ones() -> None:
    network, image = released_irnet(), torch.from_numpy(noise("irnet/x", (3, 150, 187)))
    edges = edges_of_image(network, image, 512)
    assert_near(edges, figures("irnet")["edge"][0])
    cams = torch.from_numpy(blobs("irnet/cam", 38, 47, 3))
    walked = random_walk(cams, torch.from_numpy(edges), IrnetWalkSettings())
    assert_near(walked, figures("irnet")["walk_on_edge"][:, 0])
    assert_near(displacements_of_image(network, image, 512), figures("irnet")["displacement"])


@pytest.fixture(scope="module")
def small() -> EdgeNetwork:
    torch.manual_seed(0)
    return EdgeNetwork(build_backbone("resnet18")).eval()


def edges_by_steps(network: EdgeNetwork, image: Tensor, height: int, width: int) -> Tensor:
    """Edges of an image put into the corner of a canvas (height, width), one view at a time."""
    views = []
    for mirrored in (False, True):
        canvas = torch.zeros(1, 3, height, width)
        canvas[0, :, : image.shape[1], : image.shape[2]] = image.flip(2) if mirrored else image
        with torch.no_grad():
            logits = network(canvas)[0, 0]
        part = logits[: -(-image.shape[1] // 4), : -(-image.shape[2] // 4)]
        views.append(part.flip(1) if mirrored else part)
    return 1 / (1 + torch.exp(-(views[0] + views[1]) / 2))


@pytest.mark.parametrize(
    ("size", "canvas"),
    [((33, 50), (64, 64)), ((64, 64), (64, 64)), ((65, 30), (80, 64)), ((1, 1), (64, 64)), ((70, 97), (80, 112))],
)
def test_images_are_padded_on_the_right_and_at_the_bottom(
    small: EdgeNetwork, size: tuple[int, int], canvas: tuple[int, int]
) -> None:
    image = torch.randn(3, *size, generator=torch.Generator().manual_seed(1))
    ours = edges_of_image(small, image, 64)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, edges_by_steps(small, image, *canvas), atol=1e-6)


def test_a_mirrored_image_has_mirrored_edges(small: EdgeNetwork) -> None:
    image = torch.randn(3, 40, 48, generator=torch.Generator().manual_seed(2))
    ours, mirrored = edges_of_image(small, image, 64), edges_of_image(small, image.flip(2), 64)
    np.testing.assert_allclose(ours, mirrored[:, ::-1], atol=1e-6)


def test_the_branch_by_its_definition() -> None:
    torch.manual_seed(3)
    channels, strides = (8, 12, 4, 16, 8), (2, 4, 8, 16, 16)
    branch = EdgeBranch(channels, strides)
    sizes = ((25, 18), (13, 9), (7, 5), (4, 3), (4, 3))
    features = [torch.randn(2, count, *size) for count, size in zip(channels, sizes, strict=True)]
    parts = []
    for block, stage, stride in zip(branch.blocks, features, strides, strict=True):
        kernel, scale, bias = block.parameters()
        weight = kernel[:, :, 0, 0]
        values = group_norm(torch.einsum("oc,bchw->bohw", weight, stage), 4, scale, bias)
        if stride == 2:
            whole = torch.nn.functional.pad(values, (0, 0, 0, 1), mode="replicate")
            values = whole.unflatten(3, (9, 2)).unflatten(2, (13, 2)).mean(dim=(3, 5))
        else:
            size = (values.shape[2] * stride // 4, values.shape[3] * stride // 4)
            values = interpolate(values, size, mode="bilinear", align_corners=False)
        parts.append(values[:, :, :13, :9].clamp(min=0))
    weight, bias = branch.head.parameters()
    expected = torch.einsum("c,bchw->bhw", weight[0, :, 0, 0], torch.cat(parts, 1)) + bias
    torch.testing.assert_close(branch(features), expected[:, None], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0"])
@pytest.mark.parametrize("size", [(64, 64), (49, 33)])
def test_logits_stand_at_stride_4(name: BackboneName, size: tuple[int, int]) -> None:
    network = EdgeNetwork(build_backbone(name))
    assert network(torch.zeros(1, 3, *size)).shape == (1, 1, -(-size[0] // 4), -(-size[1] // 4))


@pytest.fixture(scope="module")
def whole() -> EdgeNetwork:
    """A small network with both branches, whose mean displacement is not 0."""
    torch.manual_seed(0)
    network = EdgeNetwork(build_backbone("resnet18"), displacement=True).eval()
    network.get_buffer("displacement_branch.mean").copy_(torch.tensor([0.5, -2.0]))
    return network


@pytest.mark.parametrize(
    ("size", "canvas"), [((33, 50), (64, 64)), ((65, 30), (80, 64)), ((1, 1), (64, 64)), ((70, 97), (80, 112))]
)
def test_displacements_are_the_images_own_less_their_mean(
    whole: EdgeNetwork, size: tuple[int, int], canvas: tuple[int, int]
) -> None:
    image = torch.randn(3, *size, generator=torch.Generator().manual_seed(1))
    padded = torch.zeros(1, 3, *canvas)
    padded[0, :, : size[0], : size[1]] = image
    assert whole.displacement_branch is not None
    with torch.no_grad():
        raw = whole.displacement_branch(whole.features(padded))[0, :, : -(-size[0] // 4), : -(-size[1] // 4)]
    ours = displacements_of_image(whole, image, 64)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, raw - torch.tensor([0.5, -2.0])[:, None, None], atol=1e-5)


def normalised(block: nn.Module, values: Tensor, groups: int) -> Tensor:
    """The 1x1 convolution and the GroupNorm of a block, the first as a product of matrices."""
    kernel, scale, bias = list(block.parameters())[:3]
    return group_norm(torch.einsum("oc,bchw->bohw", kernel[:, :, 0, 0], values), groups, scale, bias)


def doubled(values: Tensor) -> Tensor:
    return interpolate(values, scale_factor=2, mode="bilinear", align_corners=False)


def test_the_displacement_branch_by_its_definition() -> None:
    torch.manual_seed(5)
    channels, strides = (8, 12, 4, 16, 8), (4, 4, 8, 16, 16)
    branch = DisplacementBranch(channels, strides)
    for parameter in branch.parameters():
        nn.init.normal_(parameter, 0.1, 0.5)
    sizes = ((13, 9), (13, 9), (7, 5), (4, 3), (4, 3))
    features = [torch.randn(2, count, *size) for count, size in zip(channels, sizes, strict=True)]
    groups = (8, 16, 16, 16, 16)
    one, two, three, four, five = (normalised(*part) for part in zip(branch.blocks, features, groups, strict=True))
    assert [values.shape[1] for values in (one, two, three, four, five)] == [64, 128, 256, 256, 256]
    late = torch.cat([three, doubled(four)[:, :, :7, :5], doubled(five)[:, :, :7, :5]], 1).relu()
    late = doubled(normalised(branch.deep, late, 16))[:, :, :13, :9].relu()
    joined = normalised(branch.joined, torch.cat([one.relu(), two.relu(), late], 1), 16).relu()
    weight = list(branch.joined.parameters())[3]
    expected = torch.einsum("oc,bchw->bohw", weight[:, :, 0, 0], joined)
    assert expected.shape == (2, 2, 13, 9)
    torch.testing.assert_close(branch(features), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0"])
@pytest.mark.parametrize("size", [(64, 64), (49, 33), (5, 3)])
def test_displacements_stand_where_the_edges_do(name: BackboneName, size: tuple[int, int]) -> None:
    network = EdgeNetwork(build_backbone(name), displacement=True)
    features = network.features(torch.zeros(1, 3, *size))
    assert network.displacement_branch is not None
    assert network.displacement_branch(features).shape[2:] == network.edge_branch(features).shape[2:]


def test_only_the_branches_train(whole: EdgeNetwork) -> None:
    whole.zero_grad()
    assert whole.displacement_branch is not None
    images = torch.randn(2, 3, 32, 32)
    whole(images).square().mean().backward()
    assert all(parameter.grad is not None for parameter in whole.edge_branch.parameters())
    assert all(parameter.grad is None for parameter in whole.displacement_branch.parameters())
    whole.displacement_branch(whole.features(images)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in whole.branches.parameters())
    assert all(parameter.grad is None for parameter in whole.backbone.parameters())
    wanting = {id(parameter) for parameter in whole.parameters() if parameter.requires_grad}
    assert wanting == {id(parameter) for parameter in whole.branches.parameters()}


def test_branches_come_back_from_their_own_file_and_from_a_whole_one(whole: EdgeNetwork, tmp_path: Path) -> None:
    save_file(whole.branches.state_dict(), tmp_path / "branches.safetensors")
    save_file(whole.state_dict(), tmp_path / "whole.safetensors")
    for file, trunk_too in (("branches.safetensors", False), ("whole.safetensors", True)):
        torch.manual_seed(9)
        for displacement in (False, True):
            other = EdgeNetwork(build_backbone("resnet18"), displacement)
            load_branches(other, tmp_path / file)
            same = {name: torch.equal(value, whole.state_dict()[name]) for name, value in other.state_dict().items()}
            assert same["backbone.network.conv1.weight"] == trunk_too
            assert all(equal for name, equal in same.items() if not name.startswith("backbone."))
            assert ("displacement_branch.mean" in same) == displacement


def test_a_file_without_a_wanted_branch_is_refused(whole: EdgeNetwork, small: EdgeNetwork, tmp_path: Path) -> None:
    save_file(small.branches.state_dict(), tmp_path / "edges.safetensors")
    with pytest.raises(WsssError, match=r"edges\.safetensors lacks displacement_branch\.mean \(23 such entries\)"):
        load_branches(whole, tmp_path / "edges.safetensors")


@pytest.mark.parametrize("size", [(1, 1), (33, 61)])
@torch.no_grad()
def test_padding_costs_no_digits(whole: EdgeNetwork, size: tuple[int, int]) -> None:
    """Zeros around a small image make variances small beside the squares of means, where sums in float32 cancel."""
    exact = deepcopy(whole).double()
    image = torch.randn(3, *size, generator=torch.Generator().manual_seed(1))
    for ours, wanted in (
        (edges_of_image(whole, image, 512), edges_of_image(exact, image.double(), 512)),
        (displacements_of_image(whole, image, 512), displacements_of_image(exact, image.double(), 512)),
    ):
        assert_near(ours, wanted, 1e-5)

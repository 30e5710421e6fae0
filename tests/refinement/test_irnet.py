import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import group_norm, interpolate

from tests.reference import assert_near, figures, noise
from tests.refinement.released_irnet import released_edge_network
from wsss.backbone import build_backbone
from wsss.refinement.irnet import EdgeBranch, EdgeNetwork, edges_of_image
from wsss.settings.backbone import BackboneName


def test_edges_equal_the_released_ones() -> None:
    image = torch.from_numpy(noise("irnet/x", (3, 150, 187)))
    assert_near(edges_of_image(released_edge_network(), image, 512), figures("irnet")["edge"][0])


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


def test_only_the_edge_branch_trains(small: EdgeNetwork) -> None:
    small.zero_grad()
    small(torch.randn(2, 3, 32, 32)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in small.trained_parameters())
    assert all(parameter.grad is None for parameter in small.backbone.parameters())
    wanting = {id(parameter) for parameter in small.parameters() if parameter.requires_grad}
    assert wanting == {id(parameter) for parameter in small.trained_parameters()}

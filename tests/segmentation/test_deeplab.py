"""DeepLabV2 against the released network's outputs and against float64 loops."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.reference import assert_near, figures, imported_weights, noise
from wsss.data.augmentation import Normalisation
from wsss.networks.backbones import Backbone, build_backbone
from wsss.segmentation.deeplab import DeepLabV2, fused_logits, parameter_groups
from wsss.segmentation.training import build_segmenter
from wsss.settings.backbone import BackboneSettings
from wsss.settings.segmentation import SegmentationSettings

RATES = (6, 12, 18, 24)
SETTINGS = SegmentationSettings(backbone=BackboneSettings(name="resnet18", weights="scratch"))


def released_network() -> DeepLabV2:
    backbone = BackboneSettings(name="resnet101", weights="scratch", caffe_style=True, input="caffe")
    with torch.device("meta"):
        network = build_segmenter(SegmentationSettings(backbone=backbone), 20)
    network.load_state_dict(imported_weights("deeplab"), assign=True)
    return network.eval()


def released_input() -> Tensor:
    return torch.from_numpy(30 * noise("deeplab/x", (1, 3, 129, 161)))


@torch.no_grad()
def test_logits_are_the_released_networks() -> None:
    scales = (0.5, 0.75, 1.0)
    per_scale, fused = fused_logits(released_network(), released_input(), scales)
    assert_near(fused, figures("deeplab")["fused"])
    assert_near(per_scale[2], figures("deeplab")["single_scale"])
    assert [tuple(logits.shape[2:]) for logits in per_scale] == [(9, 11), (13, 16), (17, 21)]


def test_a_single_scale_is_its_own_maximum() -> None:
    per_scale, fused = fused_logits(nn.Identity(), released_input(), (0.75,))
    assert len(per_scale) == 1
    assert torch.equal(per_scale[0], fused)


def plain_backbone(channels: int) -> Backbone:
    """A backbone whose last features are a 1x1 convolution of the image."""
    network = nn.Sequential(nn.Conv2d(3, channels, 1), nn.BatchNorm2d(channels))
    stages: list[list[nn.Module]] = [[network], [], [], [], []]
    return Backbone(network, stages, (channels,) * 5, (1,) * 5, Normalisation((0.5,) * 3, (0.5,) * 3))


@pytest.mark.parametrize(("height", "width"), [(7, 5), (1, 1), (1, 9)])
@pytest.mark.parametrize("rates", [(1, 2, 6), (3,)])
@torch.no_grad()
def test_the_pyramid_is_a_sum_of_dilated_convolutions(height: int, width: int, rates: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network = DeepLabV2(plain_backbone(4), 2, rates).eval()
    for number, branch in enumerate(network.aspp):
        branch.weight.copy_(torch.from_numpy(noise(f"aspp/w{number}", (2, 4, 3, 3))))  # type: ignore[operator]
        branch.bias.copy_(torch.from_numpy(noise(f"aspp/b{number}", (2,))))  # type: ignore[operator]
    images = torch.from_numpy(noise("aspp/x", (1, 3, height, width)))
    features = network.backbone(images)[-1][0].double().numpy()
    wanted = np.zeros((1, 2, height, width))
    for rate, branch in zip(rates, network.aspp, strict=True):
        weight, bias = (parameter.detach().double().numpy() for parameter in branch.parameters())
        for y, x in np.ndindex(height, width):
            wanted[0, :, y, x] += bias
            for i, j in np.ndindex(3, 3):
                row, column = y + (i - 1) * rate, x + (j - 1) * rate
                if 0 <= row < height and 0 <= column < width:
                    wanted[0, :, y, x] += weight[:, :, i, j] @ features[:, row, column]
    np.testing.assert_allclose(network(images), wanted, atol=1e-5)


def sampled(image: np.ndarray, scale: float) -> np.ndarray:
    """floor(scale * side) samples along both axes, 1 / scale pixels apart, bilinear between the pixels' centres."""
    sizes = [int(np.floor(side * scale)) for side in image.shape[1:]]
    out = np.zeros((len(image), *sizes))
    for place in np.ndindex(*sizes):
        centres = [max((i + 0.5) / scale - 0.5, 0.0) for i in place]
        for corner in np.ndindex(2, 2):
            share, cell = 1.0, []
            for centre, step, side in zip(centres, corner, image.shape[1:], strict=True):
                fraction = centre - int(centre)
                share *= fraction if step else 1 - fraction
                cell.append(min(int(centre) + step, side - 1))
            out[:, place[0], place[1]] += share * image[:, cell[0], cell[1]].astype(np.float64)
    return out


@pytest.mark.parametrize(("height", "width"), [(13, 10), (4, 7), (6, 4)])
def test_inputs_are_sampled_at_the_nominal_scale(height: int, width: int) -> None:
    image = noise("deeplab/scaled", (3, height, width))
    scales = (1.0, 0.75, 0.5, 1.25)
    per_scale, _ = fused_logits(nn.Identity(), torch.from_numpy(image)[None], scales)
    assert torch.equal(per_scale[0][0], torch.from_numpy(image))
    for scale, ours in zip(scales, per_scale, strict=True):
        np.testing.assert_allclose(ours[0], sampled(image, scale), atol=1e-5)


def test_the_largest_scale_gives_the_grid() -> None:
    per_scale, fused = fused_logits(nn.Identity(), released_input(), (0.5, 1.5, 1.0))
    assert fused.shape == (1, 3, 193, 241)
    assert (fused >= per_scale[1]).all()
    assert not torch.equal(fused, per_scale[1])


@pytest.mark.parametrize(("size", "smaller"), [((2, 2), (1, 1)), ((1, 9), (1, 4)), ((1, 1), (1, 1)), ((9, 1), (4, 1))])
def test_every_scale_leaves_a_pixel(size: tuple[int, int], smaller: tuple[int, int]) -> None:
    image = torch.from_numpy(noise("deeplab/small", (1, 3, *size)))
    per_scale, fused = fused_logits(nn.Identity(), image, (1.0, 0.5))
    assert tuple(per_scale[1].shape[2:]) == smaller
    assert image.amin() <= per_scale[1].amin()
    assert per_scale[1].amax() <= image.amax()
    assert (fused >= image).all()
    if size == (1, 1):
        assert torch.equal(per_scale[1], image)


def test_logits_are_float32_under_bfloat16() -> None:
    network = DeepLabV2(plain_backbone(4), 2, (1,))
    with torch.autocast("cpu", torch.bfloat16):
        images = torch.ones(1, 3, 5, 5)
        assert network(images).dtype == torch.bfloat16
        per_scale, fused = fused_logits(network, images, (1.0, 0.5))
    assert {logits.dtype for logits in (*per_scale, fused)} == {torch.float32}


def test_the_pyramid_starts_small_and_without_bias() -> None:
    torch.manual_seed(0)
    network = DeepLabV2(plain_backbone(256), 21, RATES)
    for branch in network.aspp:
        weight, bias = (parameter.detach() for parameter in branch.parameters())
        # 48,384 draws: a standard error of 0.3% of the deviation.
        assert float(weight.std()) == pytest.approx(0.01, rel=0.02)
        assert abs(float(weight.mean())) < 0.0003
        assert (bias == 0).all()


def each(groups: list[dict[str, object]]) -> Iterator[tuple[int, int]]:
    for number, group in enumerate(groups):
        assert isinstance(group["params"], list)
        for parameter in group["params"]:
            yield number, id(parameter)


def test_groups_hold_what_trains_once_with_its_rate_and_decay() -> None:
    network = DeepLabV2(build_backbone("resnet18"), 21, RATES)
    groups = parameter_groups(network, SETTINGS)
    assert [(group["lr"], group["weight_decay"]) for group in groups] == [(2.5e-4, 5e-4), (2.5e-3, 5e-4), (5e-3, 0.0)]
    wanted = set()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            trunk = module.in_channels != 512 or module.out_channels != 21
            wanted.add((0 if trunk else 1, id(module.weight)))
            if module.bias is not None:
                wanted.add((2, id(module.bias)))
    found = list(each(groups))
    assert len(found) == len(set(found))
    assert set(found) == wanted
    assert [len(group["params"]) for group in groups] == [20, 4, 4]


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0"])
def test_a_step_moves_everything_but_batchnorm(name: str) -> None:
    torch.manual_seed(0)
    network = DeepLabV2(build_backbone(name), 3, (1, 2)).train()  # type: ignore[arg-type]
    before = {key: value.clone() for key, value in network.state_dict().items()}
    optimiser = torch.optim.SGD(parameter_groups(network, SETTINGS), momentum=0.9)
    fused = fused_logits(network, torch.randn(2, 3, 48, 65), (1.0, 0.5))[1]
    fused.sigmoid().square().sum().backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    convolutions = {key for key, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    moved = {key for key, value in network.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == {key for key in before if key.rpartition(".")[0] in convolutions}

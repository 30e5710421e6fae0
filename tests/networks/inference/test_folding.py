"""BatchNorm folded into convolutions: the same outputs, on every backbone, at odd sizes."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from tests.reference import noise
from wsss.networks.backbones import Backbone, build_backbone
from wsss.networks.inference.folding import FoldedNorm, fold_norms
from wsss.networks.inference.precision import FoldedConvolution
from wsss.runtime.device import place


def with_statistics(name: str, **options: bool) -> Backbone:
    """A backbone whose BatchNorms do something."""
    backbone = build_backbone(name, **options).double().eval()  # type: ignore[arg-type]
    for number, module in enumerate(backbone.modules()):
        if isinstance(module, nn.BatchNorm2d):
            draws = torch.from_numpy(noise(f"folding/{number}", (4, module.num_features))).double()
            module.weight.data, module.bias.data = 1 + 0.2 * draws[0], 0.2 * draws[1]
            module.running_mean, module.running_var = 0.2 * draws[2], 0.5 + draws[3].abs()
    return backbone


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("efficientnet_lite0", {}),
        ("efficientnet_lite0", {"dilated": True}),
        ("resnet18", {}),
        ("resnet50", {"caffe_style": True}),
    ],
)
@pytest.mark.parametrize("size", [(65, 47), (32, 32)])
def test_outputs_stay(name: str, options: dict[str, bool], size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    backbone = with_statistics(name, **options)
    images = torch.from_numpy(noise("folding/x", (2, 3, *size))).double()
    with torch.inference_mode():
        before = backbone(images)
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    fold_norms(backbone)
    assert norms
    assert all(isinstance(module, FoldedNorm) for module in norms)
    place(backbone)
    with torch.inference_mode():
        after = backbone(images)
    for first, second in zip(before, after, strict=True):
        assert float(first.abs().max()) > 0
        torch.testing.assert_close(second, first, rtol=1e-9, atol=1e-9)


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    ("name", "options"),
    [("efficientnet_lite0", {}), ("resnet50", {}), ("resnet50", {"caffe_style": True}), ("resnet18", {})],
)
def test_outputs_stay_on_one_thread(name: str, options: dict[str, bool]) -> None:
    torch.manual_seed(0)
    backbone = with_statistics(name, **options)
    images = torch.from_numpy(noise("folding/x", (2, 3, 65, 47)))
    with torch.inference_mode():
        before = backbone(images.double())
    fold_norms(backbone)
    place(backbone.float())
    assert any(isinstance(module, FoldedConvolution) for module in backbone.modules())
    with torch.inference_mode():
        after = backbone(images)
    for first, second in zip(before, after, strict=True):
        assert second.dtype == torch.float32
        torch.testing.assert_close(second.double(), first, rtol=0, atol=1e-4 * float(first.abs().max()))


def test_a_norm_without_a_convolution_is_refused() -> None:
    with pytest.raises(ValueError, match="1 follows no convolution"):
        fold_norms(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(5)))

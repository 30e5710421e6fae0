"""Backbones made ready for inference: the plain ones' features, in fewer passes, or a clear refusal."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.reference import noise
from wsss.errors import WsssError
from wsss.networks.backbones import Backbone, build_backbone
from wsss.networks.inference.network import inference_backbone
from wsss.networks.structure import NormedConvolution
from wsss.settings.backbone import BackboneName

NAMES = get_args(BackboneName)
RESNETS = ["resnet18", "resnet50"]
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def with_statistics(name: BackboneName, **options: bool) -> Backbone:
    """A backbone whose BatchNorms do something."""
    torch.manual_seed(0)
    backbone = build_backbone(name, **options)
    for number, module in enumerate(backbone.modules()):
        if isinstance(module, nn.BatchNorm2d):
            draws = torch.from_numpy(noise(f"folding/{number}", (4, module.num_features)))
            module.weight.data, module.bias.data = 0.7 + 0.2 * draws[0], 0.2 * draws[1]
            module.running_mean, module.running_var = 0.2 * draws[2], 0.5 + draws[3].abs()
    return backbone


def images(*size: int) -> Tensor:
    return torch.from_numpy(noise("folding/x", (2, 3, *size)))


class Recorded(TorchDispatchMode):
    """Names of the operations that run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@contextmanager
def threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("efficientnet_lite0", {}),
        ("efficientnet_lite0", {"dilated": True}),
        ("resnet18", {}),
        ("resnet50", {"dilated": True}),
        ("resnet50", {"caffe_style": True}),
    ],
)
def test_every_stage_stays(name: BackboneName, options: dict[str, bool], number: int) -> None:
    plain = with_statistics(name, **options)
    prepared = inference_backbone(plain)
    with torch.inference_mode():
        with threads(number):
            found = prepared(images(65, 48))
        exact = plain.double()(images(65, 48).double())
    for ours, wanted in zip(found, exact, strict=True):
        assert ours.dtype == torch.float32
        assert float(wanted.abs().max()) > 1e-3
        torch.testing.assert_close(ours.double(), wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))


@pytest.mark.parametrize("name", NAMES)
def test_no_norm_is_left_and_the_plain_backbone_stays(name: BackboneName) -> None:
    plain = with_statistics(name)
    before = {key: value.clone() for key, value in plain.state_dict().items()}
    prepared = inference_backbone(plain)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in prepared.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for stage in prepared._stages for module in stage)
    assert (prepared.channels, prepared.strides, prepared.normalisation) == (
        plain.channels,
        plain.strides,
        plain.normalisation,
    )
    assert plain.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[key]) for key, value in plain.state_dict().items())


def test_a_backbone_that_declares_nothing_is_used_as_it_is() -> None:
    plain = with_statistics("resnet18")
    plain.parts = ()
    prepared = inference_backbone(plain)
    assert any(isinstance(module, nn.BatchNorm2d) for module in prepared.modules())
    with torch.inference_mode():
        for ours, wanted in zip(prepared(images(33, 40)), plain(images(33, 40)), strict=True):
            assert torch.equal(ours, wanted)


def test_wrong_parts_are_refused() -> None:
    """The BatchNorms of two convolutions, one for the other."""
    backbone = with_statistics("efficientnet_lite0")
    first, second, *others = backbone.parts
    assert isinstance(first, NormedConvolution)
    assert isinstance(second, NormedConvolution)
    backbone.parts = (first._replace(norm=second.norm), second._replace(norm=first.norm), *others)
    with pytest.raises(WsssError, match=r"stage 1 of the backbone as prepared for inference differs .* by \d"):
        inference_backbone(backbone)


def test_weights_that_are_no_numbers_are_refused() -> None:
    backbone = with_statistics("resnet18")
    next(backbone.parameters()).data[0] = float("nan")
    with pytest.raises(WsssError, match="check that its weights are finite"):
        inference_backbone(backbone)


def test_torchs_generator_stays_as_it_is() -> None:
    backbone = with_statistics("resnet18")
    before = torch.get_rng_state()
    inference_backbone(backbone)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["efficientnet_lite0", *RESNETS])
@pytest.mark.parametrize("device", DEVICES)
def test_bfloat16_is_near(name: BackboneName, device: str) -> None:
    plain = with_statistics(name)
    prepared = inference_backbone(plain, torch.bfloat16)
    with torch.inference_mode():
        wanted = plain(images(65, 47).to(device))[-1]
        found = prepared(images(65, 47).to(device, torch.bfloat16))[-1]
    assert found.dtype == torch.bfloat16
    assert (found.float() - wanted).norm() <= 0.05 * wanted.norm()


@pytest.mark.parametrize("name", RESNETS)
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("grad", "autocast", "fused"), [(True, False, False), (False, True, False), (False, False, True)]
)
def test_convolutions_are_fused_where_nothing_else_is_asked(
    name: BackboneName, grad: bool, autocast: bool, fused: bool, device: str
) -> None:
    """Then ReLU and sums have no pass of their own."""
    prepared, views = inference_backbone(with_statistics(name)), images(65, 47).to(device)
    with torch.set_grad_enabled(grad), torch.autocast(device, torch.bfloat16, enabled=autocast), Recorded() as recorded:
        prepared(views)
    assert any(one.startswith(("_convolution_pointwise", "cudnn_convolution_")) for one in recorded.names) == fused
    assert any(one in ("relu", "relu_", "add", "add_") for one in recorded.names) != fused

"""Networks in bfloat16: filters rounded as their definition says, biases kept, features nearer to float32's."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.reference import noise
from wsss.data.augmentation import to_tensor
from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.networks.backbones import Backbone, backbone_of
from wsss.networks.inference.folding import fold_norms
from wsss.networks.inference.precision import onednn_takes_bfloat16, rounded_filters, to_precision
from wsss.networks.initial_weights import load_initial_weights, write_initial_weights
from wsss.settings.backbone import BackboneSettings

LITE0 = BackboneSettings(name="efficientnet_lite0", weights="imagenet")


def bfloat16(value: float) -> float:
    """The nearest number of eight binary digits, among two equally near the even one."""
    if value == 0:
        return 0.0
    step = 2.0 ** (np.floor(np.log2(abs(value))) - 7)
    return float(np.round(value / step) * step)


def rounded_one_by_one(weights: np.ndarray) -> np.ndarray:
    """The definition: in each filter from the largest weight to the smallest, each with what the one before lost."""
    out = np.zeros(weights.shape)
    for filters in np.ndindex(*weights.shape[:2]):
        lost = 0.0
        for place in sorted(np.ndindex(*weights.shape[2:]), key=lambda place: -abs(weights[(*filters, *place)])):
            wanted = weights[(*filters, *place)] + lost
            out[(*filters, *place)] = bfloat16(wanted)
            lost = wanted - out[(*filters, *place)]
    return out


@pytest.mark.parametrize("shape", [(4, 3, 3, 3), (16, 1, 5, 5), (5, 2, 1, 3), (6, 4, 1, 1)])
def test_filters_are_rounded_as_defined(shape: tuple[int, ...]) -> None:
    weights = noise("precision/w", shape)
    found = rounded_filters(torch.from_numpy(weights))
    assert found.dtype == torch.float32
    assert torch.equal(found.bfloat16().float(), found)
    np.testing.assert_allclose(found.numpy(), rounded_one_by_one(weights.astype(np.float64)), rtol=0, atol=1e-6)


def test_sums_of_filters_stay() -> None:
    weights = torch.from_numpy(noise("precision/dw", (64, 1, 5, 5)))
    kept, lost = rounded_filters(weights) - weights, weights.bfloat16().float() - weights
    assert kept.sum((2, 3)).abs().mean() < 0.1 * lost.sum((2, 3)).abs().mean()


def folded(folder: Path) -> Backbone:
    """EfficientNet-Lite0 from ImageNet, its BatchNorms folded."""
    backbone = backbone_of(LITE0).eval()
    load_initial_weights(backbone, folder / "weights.safetensors")
    fold_norms(backbone)
    return backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


@torch.inference_mode()
def test_features_are_nearer_to_those_of_float32(dataset: Dataset, tmp_path: Path) -> None:
    """In the mean of six images; by a third where biases stay in float32, by a sixth where they cannot."""
    write_initial_weights(LITE0, {}, tmp_path)
    exact, cast, ours = (folded(tmp_path) for _ in range(3))
    cast.to(torch.bfloat16)
    to_precision(ours, torch.bfloat16)
    errors = []
    for image_id in dataset.ids("train"):
        pixels = to_tensor(read_image(dataset.image_path(image_id)), exact.normalisation, 2.0)[None]
        wanted = exact(pixels)[-1]
        found = [network(pixels.bfloat16())[-1] for network in (cast, ours)]
        errors.append([float((one - wanted).norm() / wanted.norm()) for one in found])
    by_casting, by_ours = np.mean(errors, axis=0)
    assert by_ours < (0.75 if onednn_takes_bfloat16() else 0.9) * by_casting < 0.1


@pytest.mark.parametrize("instructions", [True, False])
@torch.inference_mode()
def test_biases_are_cast_where_they_must_be(
    instructions: bool, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if instructions and not onednn_takes_bfloat16():
        pytest.skip("a processor without instructions for bfloat16")
    monkeypatch.setattr("wsss.networks.inference.precision.onednn_takes_bfloat16", lambda: instructions)
    write_initial_weights(LITE0, {}, tmp_path)
    network = folded(tmp_path)
    to_precision(network, torch.bfloat16)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    wanted = torch.float32 if instructions else torch.bfloat16
    assert {module.bias.dtype for module in convolutions if module.bias is not None} == {wanted}
    assert {module.weight.dtype for module in convolutions} == {torch.bfloat16}
    assert all(module.weight.is_contiguous(memory_format=torch.channels_last) for module in convolutions)
    pixels = to_tensor(read_image(dataset.image_path(dataset.ids("train")[0])), network.normalisation)
    assert network(pixels[None].bfloat16())[-1].isfinite().all()


def test_float32_stays_as_it_is() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    before = network[0].weight.clone()
    to_precision(network, torch.float32)
    assert torch.equal(network[0].weight, before)

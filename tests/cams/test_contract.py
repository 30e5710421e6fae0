"""What every CAM method must do, over all that the union of settings names."""

from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.parts import members, method_of
from tests.reference import noise
from tests.tiny_backbone import STRIDE, tiny_backbone
from wsss.cams.method import CamMethod
from wsss.cams.methods import cam_method
from wsss.classification.classifier import Classifier
from wsss.settings.cams import CamSettings, Mirrors
from wsss.settings.classifier import ClassifierSettings

CLASSES, HEIGHT, WIDTH = 4, 32, 48
PARTS = {method_of(part): part for part in members(CamSettings)}
KEYS = [np.array([0, 2]), np.array([], np.int64), np.array([1])]


@pytest.fixture(params=[(name, mirrors) for name in PARTS for mirrors in get_args(Mirrors)], ids="-".join)
def method(request: pytest.FixtureRequest) -> CamMethod:
    name, mirrors = request.param
    return cam_method(PARTS[name](method=name, mirrors=mirrors))


@pytest.fixture(scope="module")
def network() -> Classifier:
    """A classifier with words that are mapped to classes, whose maps are in part above 0."""
    backbone = {"name": "resnet18", "weights": "scratch"}
    settings = ClassifierSettings.model_validate({"backbone": backbone, "vocabulary": 5, "frozen_stages": 1})
    torch.manual_seed(3)
    return Classifier(tiny_backbone(), CLASSES, settings).eval()


def images() -> Tensor:
    return torch.from_numpy(noise("contract/cams", (len(KEYS), 3, HEIGHT, WIDTH)))


def test_there_are_methods() -> None:
    assert {"plain", "image_and_words"} <= set(PARTS)


@pytest.mark.parametrize("name", PARTS)
def test_the_methods_module_is_the_one_that_its_settings_name(name: str) -> None:
    settings = PARTS[name](method=name)
    assert settings.parts == {type(cam_method(settings)).__module__}


def test_maps_are_finite_float32_of_at_least_0_and_of_every_class(method: CamMethod, network: Classifier) -> None:
    """An image without classes stands among the others."""
    maps = method.maps(network, images(), KEYS)
    assert maps.shape == (len(KEYS), CLASSES, HEIGHT // STRIDE, WIDTH // STRIDE)
    assert maps.dtype == torch.float32
    assert bool(maps.isfinite().all())
    assert float(maps.min()) >= 0
    assert all(float(own[keys].max()) > 0 for own, keys in zip(maps, KEYS, strict=True) if len(keys))


def test_the_maps_of_a_mirrored_image_are_the_mirrored_maps(method: CamMethod, network: Classifier) -> None:
    straight, mirrored = (method.maps(network, seen, KEYS) for seen in (images(), images().flip(3)))
    assert not torch.equal(straight, straight.flip(3))
    torch.testing.assert_close(mirrored.flip(3), straight)


def test_maps_repeat_to_the_byte(method: CamMethod, network: Classifier) -> None:
    assert torch.equal(method.maps(network, images(), KEYS), method.maps(network, images(), KEYS))


def test_an_image_without_classes_may_stand_alone(method: CamMethod, network: Classifier) -> None:
    maps = method.maps(network, images()[1:2], KEYS[1:2])
    assert maps.shape == (1, CLASSES, HEIGHT // STRIDE, WIDTH // STRIDE)
    assert bool(maps.isfinite().all())


def test_maps_change_no_weight_and_leave_no_gradient(method: CamMethod, network: Classifier) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    maps = method.maps(network, images(), KEYS)
    assert not maps.requires_grad
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())

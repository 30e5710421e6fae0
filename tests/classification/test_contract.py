"""What every objective must do, over all that the settings can name: the words, and the union of the others."""

from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from tests.parts import members, method_of
from tests.reference import noise
from tests.tiny_backbone import CHANNELS, tiny_backbone
from wsss.classification.classifier import Classifier
from wsss.classification.objective import Objective
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.objectives import ObjectiveSettings

CLASSES = 4
BASE: dict[str, Any] = {
    "backbone": {"name": "resnet18", "weights": "scratch"},
    "vocabulary": 5,
    "words": "none",
    "frozen_stages": 1,
}
WORDS = [name for name in get_args(ClassifierSettings.model_fields["words"].annotation) if name != "none"]
OTHERS = [method_of(part) for part in members(ObjectiveSettings)]
PARTS: dict[str, dict[str, Any]] = {
    **{name: {"words": name} for name in WORDS},
    **{name: {"objectives": [{"method": name}]} for name in OTHERS},
}


@pytest.fixture(params=PARTS)
def settings(request: pytest.FixtureRequest) -> ClassifierSettings:
    """A classifier with this objective and no other."""
    return ClassifierSettings.model_validate(BASE | PARTS[request.param])


def network_of(settings: ClassifierSettings, seed: int = 3) -> Classifier:
    torch.manual_seed(seed)
    return Classifier(tiny_backbone(), CLASSES, settings).train()


def part_of(network: Classifier) -> Objective:
    (part,) = network.parts()
    return part


def batch() -> tuple[Tensor, Tensor]:
    """Four images; the third has no class, the last has all."""
    labels = torch.tensor([[1.0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
    return torch.from_numpy(noise("contract/x", (4, 3, 32, 48))), labels


def terms(network: Classifier, seed: int = 5) -> dict[str, float]:
    """The losses of a step, whose draws follow from the seed, as in a training."""
    torch.manual_seed(seed)
    return {name: loss.item() for name, loss in network.losses(*batch()).items()}


def test_there_are_parts() -> None:
    assert {"vwe", "vwl_l", "vwl_m", "recam"} <= set(PARTS)


def test_the_objectives_module_is_the_one_that_its_settings_name(settings: ClassifierSettings) -> None:
    assert settings.parts == {type(part_of(network_of(settings))).__module__}


@pytest.mark.parametrize("progress", [0.0, 1.0])
def test_terms_are_finite_scalars_that_the_image_labels_do_not_have(
    settings: ClassifierSettings, progress: float
) -> None:
    network = network_of(settings)
    network.set_progress(progress)
    losses = network.losses(*batch())
    assert len(losses) > 1
    assert next(iter(losses)) == "img"
    for loss in losses.values():
        assert loss.shape == ()
        assert bool(loss.isfinite())


def test_no_two_objectives_that_stand_together_share_a_name() -> None:
    names = {name: set(terms(network_of(ClassifierSettings.model_validate(BASE | PARTS[name])))) for name in PARTS}
    own = {name: found - {"img"} for name, found in names.items()}
    for other in OTHERS:
        for name in PARTS:
            assert name == other or not own[name] & own[other], (name, other)


def test_gradients_arrive_at_every_parameter(settings: ClassifierSettings) -> None:
    network = network_of(settings)
    losses = network.losses(*batch())
    del losses["img"]
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    for name, parameter in part_of(network).named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
        assert bool(parameter.grad.any()), name


def test_parameters_are_all_that_is_its_own_and_no_more(settings: ClassifierSettings) -> None:
    network = network_of(settings)
    others = {id(one) for module in (network.backbone, network.classifier) for one in module.parameters()}
    own = {id(parameter) for parameter in part_of(network).parameters()}
    assert own == {id(one) for one in network.parameters()} - others
    assert not own & others
    assert all(parameter.requires_grad for parameter in part_of(network).parameters())
    assert [id(one) for one in network.head_parameters()] == [
        *(id(one) for one in network.classifier.parameters()),
        *(id(one) for one in part_of(network).parameters()),
    ]


def test_a_batch_without_any_label_is_no_trouble(settings: ClassifierSettings) -> None:
    network = network_of(settings)
    images, labels = batch()
    losses = network.losses(images, torch.zeros_like(labels))
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    assert all(bool(loss.isfinite()) for loss in losses.values())
    gradients = [one.grad for one in network.parameters() if one.grad is not None]
    assert gradients
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)


def test_a_seed_gives_the_same_weights_and_losses(settings: ClassifierSettings) -> None:
    one, other = network_of(settings), network_of(settings)
    for name, value in one.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name
    assert [terms(one), terms(one)] == [terms(other), terms(other)]


def test_the_first_weights_of_what_stands_before_stay(settings: ClassifierSettings) -> None:
    """An objective draws after the backbone and W^img, so that it does not change their initial weights."""
    plain = network_of(ClassifierSettings.model_validate(BASE)).state_dict()
    ours = network_of(settings).state_dict()
    assert plain
    assert all(torch.equal(ours[name], value) for name, value in plain.items())


def test_weights_saved_and_loaded_give_the_same_losses(settings: ClassifierSettings) -> None:
    trained = network_of(settings)
    # Some objectives change a state of their own in training.
    terms(trained)
    other = network_of(settings, seed=4)
    other.load_state_dict(trained.state_dict())
    assert terms(other.eval()) == terms(trained.eval())


def test_weights_of_maps_have_the_shape_of_the_head(settings: ClassifierSettings) -> None:
    weights = network_of(settings).map_weights()
    assert weights.shape == (CLASSES, CHANNELS)
    assert bool(weights.isfinite().all())


def test_the_start_is_the_same_classifier_without_it_or_there_is_none(settings: ClassifierSettings) -> None:
    if settings.start is not None:
        assert settings.start == ClassifierSettings.model_validate(BASE)
        assert settings.start.start is None
        assert settings.start.label != settings.label

"""The classifier against the released networks, and its parts against float64 loops."""

import json
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.classification.released_classifier import released_classifier
from tests.naive import soft_margin
from tests.reference import FOLDER, assert_near, figures, noise
from wsss.classification.network import Classifier, build_classifier
from wsss.released_names import NAMES, Released
from wsss.settings.classification import ClassifierSettings

RELEASED = ["vwl_l", "vwe"]


def released_batch(words: str) -> tuple[Tensor, Tensor]:
    labels = noise(f"{words}/y", (2, 20)) > 0.8
    return torch.from_numpy(noise(f"{words}/x", (2, 3, 135, 181))), torch.from_numpy(labels).float()


@cache
def trained_once(words: str) -> tuple[Classifier, dict[str, float]]:
    """The released network after one backward pass of its summed losses, and the losses."""
    network = released_classifier(words)
    losses = network.losses(*released_batch(words))
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    return network, {name: float(loss.detach()) for name, loss in losses.items()}


@pytest.mark.parametrize("words", RELEASED)
def test_losses_equal_the_released_ones(words: str) -> None:
    _, ours = trained_once(words)
    released = figures(words)
    names = {"img": "loss_image", "word": "loss_word", "w2i": "loss_w2i", "decov": "loss_decov"}
    assert {names[name] for name in ours} == {name for name in released if name.startswith("loss_")}
    for name, loss in ours.items():
        assert loss == pytest.approx(float(released[names[name]]), rel=1e-4)


@pytest.mark.parametrize("words", RELEASED)
@torch.no_grad()
def test_predictions_and_maps_equal_the_released_ones(words: str) -> None:
    network, _ = trained_once(words)
    released = figures(words)
    images, _ = released_batch(words)
    features = network.features(images)
    said = network.word_scores(features)
    assert_near(network.image_scores(features), released["image"])
    assert_near(said.image_scores, released["w2i"])
    assert_near(said.word_scores, released["word"])
    np.testing.assert_array_equal(said.present, released["y_word"])
    assert 0 < released["y_word"].mean() < 1
    assert_near(network.activations(images), released["cam"])


@pytest.mark.parametrize("words", RELEASED)
def test_gradients_equal_the_released_ones(words: str) -> None:
    # Sums in another order let a ReLU near 0 or a tied maximum fall the other way; one thread keeps the order.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    trained_once.cache_clear()
    network, _ = trained_once(words)
    torch.set_num_threads(threads)
    released = json.loads((FOLDER / "gradients.json").read_text())[words]
    ours = {NAMES[Released(words)].released(name): parameter for name, parameter in network.named_parameters()}
    assert set(ours) == set(released)
    assert sum(figure is not None for figure in released.values()) == 91
    for name, parameter in ours.items():
        if released[name] is None:
            assert parameter.grad is None
            continue
        assert parameter.grad is not None
        norm, total = released[name]
        gradient = parameter.grad.double()
        assert float(gradient.norm()) == pytest.approx(norm, rel=1e-4), name
        # A sum of n values is the product with n ones, and as exact as their norms allow.
        assert float(gradient.sum()) == pytest.approx(total, abs=1e-4 * norm * gradient.numel() ** 0.5), name


def small(classes: int = 3, **changes: object) -> Classifier:
    """A classifier on ResNet18 with random weights, the same for the same settings."""
    values = {"backbone": {"name": "resnet18", "weights": "scratch"}, "vocabulary": 5}
    torch.manual_seed(4)
    return build_classifier(ClassifierSettings.model_validate(values | changes), classes).train()


def batch(classes: int, size: tuple[int, int] = (47, 33)) -> tuple[Tensor, Tensor]:
    labels = torch.from_numpy(noise("network/y", (2, classes)) > 0).float()
    return torch.from_numpy(noise("network/x", (2, 3, *size))), labels


def array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def by_hand(network: Classifier, images: Tensor, labels: Tensor) -> dict[str, float]:
    """The losses by the equations, from the features on: gap pooling, every pixel and word in a loop."""
    features = array(network.features(images))
    pooled = features.reshape(*features.shape[:2], -1).mean(2)
    heads = network.words
    assert heads is not None
    codebook = array(heads.codebook)
    words = codebook / np.linalg.norm(codebook, axis=1, keepdims=True)
    frequencies, present = np.zeros((2, len(words))), np.zeros((2, len(words)))
    for image, y, x in np.ndindex(2, *features.shape[2:]):
        pixel = features[image, :, y, x]
        raised = np.exp(network.settings.tau * (words @ pixel) / np.linalg.norm(pixel))
        frequencies[image] += raised / raised.sum()
        present[image, raised.argmax()] = 1
    centred = codebook - codebook.mean(1, keepdims=True)
    covariance = centred @ centred.T
    apart = np.sqrt((covariance**2).sum()) - np.sqrt((np.diag(covariance) ** 2).sum())
    truth = labels.numpy()
    return {
        "img": soft_margin(pooled @ array(network.classifier.weight).T, truth),
        "word": soft_margin(pooled @ array(heads.word.weight).T, present),
        "w2i": soft_margin(frequencies @ array(heads.word_to_image.weight).T, truth),
        "decov": network.settings.decov_weight * 0.5 * apart,
    }


@pytest.mark.parametrize(
    ("classes", "changes", "size"),
    [
        (3, {}, (47, 33)),
        (1, {}, (47, 33)),
        (3, {"vocabulary": 1}, (47, 33)),
        (3, {"tau": 7.0, "decov_weight": 0.3}, (33, 81)),
        (2, {}, (1, 1)),
    ],
)
def test_losses_are_those_of_the_equations(classes: int, changes: dict[str, object], size: tuple[int, int]) -> None:
    network = small(classes, pooling="gap", **changes)
    ours = network.losses(*batch(classes, size))
    wanted = by_hand(network, *batch(classes, size))
    assert list(ours) == list(wanted)
    for name, loss in ours.items():
        assert loss.shape == ()
        assert loss.item() == pytest.approx(wanted[name], rel=2e-5, abs=1e-6), name


def test_each_method_has_its_losses() -> None:
    names = {words: set(small(words=words).losses(*batch(3))) for words in ("none", "vwe", "vwl_l")}
    assert names == {
        "none": {"img"},
        "vwe": {"img", "word", "w2i"},
        "vwl_l": {"img", "word", "w2i", "decov"},
    }


def takers(network: Classifier, loss: str) -> set[str]:
    """Which parts of the network take a gradient other than zero from a loss."""
    network.zero_grad()
    network.losses(*batch(3))[loss].backward()  # type: ignore[no-untyped-call]
    taking = {name for name, p in network.named_parameters() if p.grad is not None and bool(p.grad.any())}
    return {"trunk" if name.startswith("backbone.") else name for name in taking}


def test_only_images_and_words_teach_the_trunk_and_only_w2i_and_decov_the_codebook() -> None:
    network = small()
    assert takers(network, "img") == {"trunk", "classifier.weight"}
    assert takers(network, "word") == {"trunk", "words.word.weight"}
    assert takers(network, "w2i") == {"words.codebook", "words.word_to_image.weight"}
    assert takers(network, "decov") == {"words.codebook"}


@pytest.mark.parametrize("frozen", [0, 3, 5])
def test_frozen_stages_take_no_gradient(frozen: int) -> None:
    network = small(frozen_stages=frozen)
    torch.stack(list(network.losses(*batch(3)).values())).sum().backward()  # type: ignore[no-untyped-call]
    for number in range(1, 6):
        taken = {p.grad is not None for p in network.backbone.stage_parameters(number)}
        # Stage 1 never trains: conv1 and bn1 take no gradient in any released network.
        assert taken == {number > max(frozen, 1)}


def test_statistics_of_batch_norm_stay() -> None:
    network = small()
    before = {name: value.clone() for name, value in network.named_buffers()}
    network.losses(*batch(3))
    assert before
    for name, value in network.named_buffers():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_a_map_is_the_weighted_sum_of_features() -> None:
    network = small(4)
    images, _ = batch(4)
    features, weights = array(network.features(images)), array(network.classifier.weight)
    ours = network.activations(images)
    assert ours.shape == (2, 4, *features.shape[2:])
    wanted = np.maximum(np.einsum("nd,bdhw->bnhw", weights, features), 0)
    assert (wanted == 0).any()
    np.testing.assert_allclose(ours.detach(), wanted, rtol=1e-4, atol=1e-5 * wanted.max())


def test_with_gap_the_score_is_the_mean_of_the_map_before_relu() -> None:
    network = small(4, pooling="gap")
    features = network.features(batch(4)[0])
    maps = np.einsum("nd,bdhw->bnhw", array(network.classifier.weight), array(features))
    np.testing.assert_allclose(array(network.image_scores(features)), maps.mean((2, 3)), rtol=1e-4, atol=1e-5)


def test_heads_are_all_that_lies_outside_the_backbone() -> None:
    network = small()
    heads = {id(parameter) for parameter in network.head_parameters()}
    trunk = {id(parameter) for parameter in network.backbone.parameters()}
    assert heads | trunk == {id(parameter) for parameter in network.parameters()}
    assert not heads & trunk
    outside = {name for name, _ in network.named_parameters() if not name.startswith("backbone.")}
    words = {"words.codebook", "words.word.weight", "words.word_to_image.weight"}
    assert outside == {"classifier.weight"} | words


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0"])
def test_every_backbone_serves(name: str) -> None:
    network = small(backbone={"name": name, "weights": "scratch"})
    losses = network.losses(*batch(3))
    assert all(bool(loss.isfinite()) for loss in losses.values())
    assert network.activations(batch(3)[0]).shape[:2] == (2, 3)

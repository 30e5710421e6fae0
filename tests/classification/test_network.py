"""The classifier against the released networks, and what trains and what stays in it; its equations: tests/papers."""

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.classification.released_classifier import released_classifier
from tests.classification.small_classifier import array, batch, small
from tests.reference import assert_gradients, assert_near, figures, noise
from wsss.cams.image_and_words import joined_activations
from wsss.cams.plain import activations
from wsss.classification.banked_words import BankedWords
from wsss.classification.classifier import Classifier
from wsss.classification.learnt_words import LearntWords
from wsss.errors import WsssError
from wsss.networks.released_names import Released

RELEASED = ["vwl_l", "vwe"]


def released_batch(words: str) -> tuple[Tensor, Tensor]:
    labels = noise(f"{words}/y", (2, 20)) > 0.8
    return torch.from_numpy(noise(f"{words}/x", (2, 3, 135, 181))), torch.from_numpy(labels).float()


@cache
def trained_once(words: str, dtype: torch.dtype = torch.float32) -> tuple[Classifier, dict[str, float]]:
    """The released network after one backward pass of its summed losses, and the losses."""
    network = released_classifier(words).to(dtype)
    losses = network.losses(*(one.to(dtype) for one in released_batch(words)))
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
    assert isinstance(network.words, LearntWords)
    said = network.words.scores(features)
    assert_near(network.image_scores(features), released["image"])
    assert_near(said.image, released["w2i"])
    assert_near(said.word, released["word"])
    np.testing.assert_array_equal(said.present, released["y_word"])
    assert 0 < released["y_word"].mean() < 1
    assert_near(activations(network, images), released["cam"])


@pytest.mark.parametrize("words", RELEASED)
def test_gradients_equal_the_released_ones(words: str) -> None:
    network, losses = trained_once(words, torch.float64)
    assert_gradients(network, Released(words), 91)
    assert losses == pytest.approx(trained_once(words)[1], rel=1e-4)


@pytest.mark.parametrize("formulation", ["released", "paper"])
def test_each_method_has_its_losses(formulation: str) -> None:
    methods = ("none", "vwe", "vwl_l", "vwl_m")
    names = {words: set(small(words=words, formulation=formulation).losses(*batch(3))) for words in methods}
    assert names == {
        "none": {"img"},
        "vwe": {"img", "word", "w2i"},
        "vwl_l": {"img", "word", "w2i", "decov"},
        "vwl_m": {"img", "word"},
    }


@pytest.mark.parametrize("frozen", [1, 3, 5])
def test_frozen_stages_take_no_gradient(frozen: int) -> None:
    network = small(frozen_stages=frozen)
    torch.stack(list(network.losses(*batch(3)).values())).sum().backward()  # type: ignore[no-untyped-call]
    for number in range(1, 6):
        taken = {p.grad is not None for p in network.backbone.stage_parameters(number)}
        assert taken == {number > frozen}


def test_statistics_of_batch_norm_stay() -> None:
    network = small()
    before = {name: value.clone() for name, value in network.named_buffers()}
    network.losses(*batch(3))
    assert before
    for name, value in network.named_buffers():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_with_gmp_the_score_is_that_of_the_maxima() -> None:
    network = small(4, pooling="gmp", gamma=3.0)
    features = network.features(batch(4)[0])
    wanted = array(features).max((2, 3)) @ array(network.classifier.weight).T
    np.testing.assert_allclose(array(network.image_scores(features)), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("words", ["none", "vwl_m"])
def test_maps_of_words_are_refused_where_words_are_not_mapped_to_classes(words: str) -> None:
    with pytest.raises(WsssError, match=rf"cams.method: image_and_words .* words is {words}"):
        joined_activations(small(words=words), batch(3)[0])


def test_the_bank_follows_in_training_and_rests_otherwise() -> None:
    network = small(words="vwl_m")
    assert isinstance(network.words, BankedWords)
    bank = network.words.bank
    start = bank.codebook.clone()
    network.eval().losses(*batch(3))
    assert torch.equal(bank.codebook, start)
    assert not bank.filled
    network.train().losses(*batch(3))
    drawn = bank.codebook.clone()
    features = network.features(batch(3)[0]).detach().flatten(2).transpose(1, 2).reshape(-1, 512)
    assert all((features == word).all(1).any() for word in drawn)
    assert bank.filled
    network.losses(*batch(3))
    assert not torch.equal(bank.codebook, drawn)
    assert (bank.codebook - drawn).abs().max() < 0.1 * drawn.abs().max()


@torch.no_grad()
def test_the_bank_is_of_full_precision_under_autocast() -> None:
    network = small(words="vwl_m", rho=0.5)
    assert isinstance(network.words, BankedWords)
    features = torch.from_numpy(np.abs(noise("network/bank", (2, 512, 3, 3))))
    chosen = torch.zeros(2, 9, dtype=torch.int64)
    network.words.bank.update(features, chosen)
    with torch.autocast("cpu", torch.bfloat16):
        before = array(network.words.bank.codebook[0])
        network.words.bank.update(features, chosen)
    wanted = 0.5 * before + 0.5 * array(features).sum((0, 2, 3)) / 18.0001
    np.testing.assert_allclose(network.words.bank.codebook[0], wanted, rtol=1e-5)


def test_with_gap_the_score_is_the_mean_of_the_map_before_relu() -> None:
    network = small(4, pooling="gap")
    features = network.features(batch(4)[0])
    maps = np.einsum("nd,bdhw->bnhw", array(network.classifier.weight), array(features))
    np.testing.assert_allclose(array(network.image_scores(features)), maps.mean((2, 3)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("words", ["vwl_l", "vwl_m"])
def test_heads_are_all_that_lies_outside_the_backbone(words: str) -> None:
    network = small(words=words)
    heads = {id(parameter) for parameter in network.head_parameters()}
    trunk = {id(parameter) for parameter in network.backbone.parameters()}
    assert heads | trunk == {id(parameter) for parameter in network.parameters()}
    assert not heads & trunk
    outside = {name for name, _ in network.named_parameters() if not name.startswith("backbone.")}
    learnt = {"words.codebook", "words.word.weight", "words.word_to_image.weight"}
    assert outside == {"classifier.weight"} | (learnt if words == "vwl_l" else {"words.word.weight"})


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0"])
def test_every_backbone_serves(name: str) -> None:
    network = small(backbone={"name": name, "weights": "scratch"})
    losses = network.losses(*batch(3))
    assert all(bool(loss.isfinite()) for loss in losses.values())
    assert activations(network, batch(3)[0]).shape[:2] == (2, 3)

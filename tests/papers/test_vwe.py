"""VWE (IJCAI 2021): every numbered equation through the network that the setting `words: vwe` makes.

Equations 1-7 are eq. 2-5 and 8-10 of VWL with tau 1, whose loops and gradients are in test_vwl.
"""

from math import exp

import numpy as np
import pytest
import torch

from tests.classification.small_classifier import array, batch, heads_of, learnt, show_words, small, takers
from tests.papers import loops
from tests.papers.loops import assert_gradient
from tests.reference import noise
from wsss.cams.image_and_words import ImageAndWords, joined_activations
from wsss.cams.plain import activations, class_maps
from wsss.classification.classifier import Classifier
from wsss.classification.learnt_words import LearntWords
from wsss.classification.visual_words import similarity
from wsss.settings.cams import ImageAndWordsSettings

READINGS = ["released", "paper"]
SIZES = [(33, 17), (1, 1)]


def network_and_features(
    reading: str = "paper", classes: int = 3, size: tuple[int, int] = (47, 33), **changes: object
) -> tuple[Classifier, LearntWords, torch.Tensor]:
    """A float64 network of the paper, its word heads, and its features of a batch, apart from the trunk."""
    network = small(classes, words="vwe", formulation=reading, **changes).double()
    assert isinstance(network.words, LearntWords)
    return network, network.words, network.features(batch(classes, size)[0].double()).detach()


@pytest.mark.parametrize("size", SIZES)
def test_equation_01_similarity(size: tuple[int, int]) -> None:
    _, words, features = network_and_features(size=size)
    ours = similarity(features, words.codebook)
    np.testing.assert_allclose(array(ours), loops.similarity(array(features), array(words.codebook)), rtol=1e-9)


@pytest.mark.parametrize("vocabulary", [1, 5])
def test_equation_02_word_probabilities(vocabulary: int) -> None:
    """Seen in the maps of words: with W^w2i the identity, they are P."""
    _, words, features = network_and_features(vocabulary=vocabulary, classes=vocabulary)
    with torch.no_grad():
        words.word_to_image.weight.copy_(torch.eye(vocabulary))
    cosines = loops.similarity(array(features), array(words.codebook))
    ours = array(words.maps(features)).reshape(2, vocabulary, -1).transpose(0, 2, 1)
    for image, pixel, word in np.ndindex(*cosines.shape):
        total = sum(exp(value) for value in cosines[image, pixel])
        assert ours[image, pixel, word] == pytest.approx(exp(cosines[image, pixel, word]) / total, rel=1e-9)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("reading", READINGS)
def test_equation_03_word_labels(size: tuple[int, int], reading: str) -> None:
    _, words, features = network_and_features(reading, size=size)
    ours = words.scores(features).present
    np.testing.assert_array_equal(ours, loops.present(loops.probabilities(array(features), array(words.codebook))))
    assert not ours.requires_grad


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("reading", READINGS)
def test_equation_04_word_frequency(size: tuple[int, int], reading: str) -> None:
    """Seen in p^w2i, which is W^w2i applied to it."""
    _, words, features = network_and_features(reading, size=size)
    frequencies = loops.frequencies(
        loops.probabilities(array(features), array(words.codebook)), mean=reading == "paper"
    )
    wanted = frequencies @ array(words.word_to_image.weight).T
    np.testing.assert_allclose(array(words.scores(features).image), wanted, rtol=1e-9)


@pytest.mark.parametrize("size", [(5, 7), (1, 1)])
@pytest.mark.parametrize("regions", [1, 4])
@pytest.mark.parametrize("reading", READINGS)
def test_equation_05_local_maxima(size: tuple[int, int], regions: int, reading: str) -> None:
    """Seen in p^img with W^img the identity and nothing else pooled."""
    features = noise(f"pooling/{size}", (2, 3, *size)).astype(np.float64)
    loop = loops.grid if reading == "paper" else loops.whole_cells
    ours = pooled(features, formulation=reading, regions=(regions,), gamma=0.0)
    np.testing.assert_allclose(ours, loop(features, regions), rtol=1e-9)


@pytest.mark.parametrize("size", [(5, 7), (1, 1)])
def test_equation_06_global_average(size: tuple[int, int]) -> None:
    features = noise(f"pooling/{size}", (2, 3, *size)).astype(np.float64)
    np.testing.assert_allclose(pooled(features, pooling="gap"), loops.average(features), rtol=1e-9)


@pytest.mark.parametrize("size", [(5, 7), (1, 1)])
@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize("reading", READINGS)
def test_equation_07_hybrid_spatial_pyramid_pooling(size: tuple[int, int], gamma: float, reading: str) -> None:
    """HSPP is VWL's hybrid pooling, equation for equation."""
    features = noise(f"pooling/{size}", (2, 3, *size)).astype(np.float64)
    maxima = sum((loops.grid if reading == "paper" else loops.whole_cells)(features, r) for r in (1, 2, 4))
    wanted = (maxima + gamma * loops.average(features)) / (gamma + 3)
    np.testing.assert_allclose(pooled(features, formulation=reading, gamma=gamma), wanted, rtol=1e-9)


def pooled(features: np.ndarray, **changes: object) -> np.ndarray:
    """What a network of these settings pools features (batch, 3, h, w) to."""
    network = small(words="vwe", **changes)
    network.classifier.weight = torch.nn.Parameter(torch.eye(3))
    return array(network.double().image_scores(torch.from_numpy(features)))


@pytest.mark.parametrize("classes", [1, 4])
def test_equation_08_label_loss(classes: int) -> None:
    network, _, features = network_and_features(classes=classes)
    images, labels = batch(classes)
    scores = array(network.image_scores(features))
    ours = network.losses(images.double(), labels)["img"].item()
    assert ours == pytest.approx(loops.soft_margin(scores, array(labels)), rel=1e-9)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(
    ("classes", "vocabulary", "size"), [(3, 5, (33, 17)), (1, 5, (33, 17)), (3, 1, (33, 17)), (2, 4, (1, 1))]
)
def test_equation_09_total(reading: str, classes: int, vocabulary: int, size: tuple[int, int]) -> None:
    network, words, features = network_and_features(reading, classes, size, vocabulary=vocabulary, pooling="gap")
    images, labels = batch(classes, size)
    wanted = loops.losses_of_words(array(features), array(labels), heads_of(words), reading == "paper")
    wanted["img"] = loops.soft_margin(
        loops.average(array(features)) @ array(network.classifier.weight).T, array(labels)
    )
    del wanted["decov"]
    ours = {name: loss.item() for name, loss in network.losses(images.double(), labels).items()}
    assert ours == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("reading", READINGS)
def test_equation_09_says_who_takes_a_gradient(reading: str) -> None:
    network = small(words="vwe", formulation=reading)
    assert takers(network, "img") == {"trunk", "classifier.weight"}
    assert takers(network, "word") == {"trunk", "words.word.weight"}
    by_frequency = {"words.codebook", "words.word_to_image.weight"}
    assert takers(network, "w2i") == by_frequency | ({"trunk"} if reading == "paper" else set())


@pytest.mark.parametrize(("classes", "size"), [(3, (47, 33)), (1, (33, 17)), (2, (1, 1))])
def test_equation_10_map_of_images(classes: int, size: tuple[int, int]) -> None:
    network, _, features = network_and_features(classes=classes, size=size)
    wanted = loops.maps(array(features), array(network.classifier.weight))
    ours = activations(network, batch(classes, size)[0].double())
    np.testing.assert_allclose(array(ours), wanted, rtol=1e-9, atol=1e-12)
    # Each class is linear in its weights where it is not cut off: they take the features' sums over those pixels.
    (gradient,) = torch.autograd.grad(ours.sum(), network.classifier.weight)
    np.testing.assert_allclose(
        array(gradient), np.einsum("bnhw,bdhw->nd", wanted > 0, array(features)), rtol=1e-7, atol=1e-12
    )


def word_maps(words: LearntWords, features: np.ndarray) -> np.ndarray:
    """M^word after ReLU, by the loops."""
    probabilities = loops.probabilities(features, array(words.codebook), words.settings.tau)
    spread = probabilities.transpose(0, 2, 1).reshape(len(features), -1, *features.shape[2:])
    return loops.maps(spread, array(words.word_to_image.weight))


@pytest.mark.parametrize(("classes", "size"), [(3, (47, 33)), (1, (33, 17)), (2, (1, 1))])
@pytest.mark.parametrize("reading", READINGS)
def test_equation_11_map_of_words(classes: int, size: tuple[int, int], reading: str) -> None:
    _, words, features = network_and_features(reading, classes, size)
    ours = words.maps(features)
    assert ours.shape == (2, classes, *features.shape[2:])
    np.testing.assert_allclose(array(ours).clip(0), word_maps(words, array(features)), rtol=1e-9, atol=1e-12)


def test_equation_11_has_a_gradient_in_the_features_as_printed() -> None:
    words = learnt("paper", "vwe")

    def loop(values: np.ndarray) -> np.ndarray:
        probabilities = loops.probabilities(values, array(words.codebook))
        return np.einsum("nk,bpk->bnp", array(words.word_to_image.weight), probabilities)[..., None]

    assert_gradient(words.maps, loop, noise("papers/11", (2, 4, 3, 1)))


@pytest.mark.parametrize("reading", READINGS)
def test_equation_11_takes_its_gradient_in_the_weights(reading: str) -> None:
    """M^word is linear in W^w2i: each row is multiplied by the sums of P over pixels, in both formulations."""
    _, words, features = network_and_features(reading)
    (gradient,) = torch.autograd.grad(words.maps(features).sum(), words.word_to_image.weight)
    sums = loops.probabilities(array(features), array(words.codebook)).sum((0, 1))
    np.testing.assert_allclose(array(gradient), np.tile(sums, (3, 1)), rtol=1e-9)


@pytest.mark.parametrize(("classes", "size"), [(3, (47, 33)), (1, (33, 17)), (2, (1, 1))])
@pytest.mark.parametrize("words", ["vwe", "vwl_l"])
def test_equation_12_maximum_of_both_maps(classes: int, size: tuple[int, int], words: str) -> None:
    tau = 3.0 if words == "vwl_l" else 1.0
    network = small(classes, words=words, tau=tau).double()
    assert isinstance(network.words, LearntWords)
    images = batch(classes, size)[0].double()
    features = array(network.features(images))
    of_images = loops.maps(features, array(network.classifier.weight))
    of_words = word_maps(network.words, features)
    ours = array(joined_activations(network, images))
    np.testing.assert_allclose(ours, np.maximum(of_images, of_words), rtol=1e-9, atol=1e-12)
    if classes == 3:
        assert (of_images > of_words).any()
        assert (of_images < of_words).any()


def test_equation_12_comes_before_the_maximum_with_the_mirror() -> None:
    network = small(4, words="vwe").double()
    show_words(network)
    image = batch(4)[0][0].double()
    keys = np.array([1, 3])
    method = ImageAndWords(ImageAndWordsSettings(method="image_and_words"))
    ours = method.maps(network, image[None], [keys])[0, keys]
    with torch.no_grad():
        both = joined_activations(network, torch.stack([image, image.flip(2)]))[:, keys]
    torch.testing.assert_close(ours, torch.maximum(both[0], both[1].flip(2)))
    assert not ours.requires_grad
    assert (ours > class_maps(network, image[None])[0, keys]).any()

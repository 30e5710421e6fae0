"""VWL (IJCV 2022): every numbered equation against loops written from the paper, with the gradients it gives.

Where the released code reads an equation otherwise, both readings are tested; which is which: `formulation`.
"""

from math import exp, log

import numpy as np
import pytest
import torch

from tests.classification.small_classifier import array, batch, heads_of, learnt, small, small_settings, takers
from tests.papers import loops
from tests.papers.loops import assert_gradient
from tests.reference import noise
from wsss.cams.plain import activations, class_maps
from wsss.classification.banked_words import BankedWords
from wsss.classification.formulations import FORMULATIONS
from wsss.classification.hybrid_pooling import global_average, hybrid_pooling
from wsss.classification.learnt_words import LearntWords
from wsss.classification.memory_bank import MemoryBank
from wsss.classification.objective import Step
from wsss.classification.visual_words import similarity, word_labels, word_probabilities, words_present
from wsss.labelling.label_maps import class_labels, strongest

READINGS = ["released", "paper"]
# Batch, channels, height, width, words: odd sizes, one pixel, one word, one channel, one of each.
SHAPES = [(2, 6, 3, 5, 7), (1, 4, 1, 1, 3), (2, 5, 1, 4, 1), (2, 1, 2, 2, 3), (1, 3, 7, 1, 2), (1, 1, 1, 1, 1)]
Shape = tuple[int, int, int, int, int]
SIZES = [(8, 8), (9, 12), (5, 7), (7, 1), (1, 1), (3, 2), (11, 4)]
LOOPS_OF_MAXIMA = {"released": loops.whole_cells, "paper": loops.grid}


def draw(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Float64 features and a codebook."""
    images, channels, height, width, words = shape
    features = noise(f"words/F{shape}", (images, channels, height, width))
    return features.astype(np.float64), noise(f"words/C{shape}", (words, channels)).astype(np.float64)


@pytest.mark.parametrize(("classes", "size"), [(4, (47, 33)), (1, (33, 17)), (2, (1, 1))])
def test_equation_01_class_activation_map(classes: int, size: tuple[int, int]) -> None:
    network = small(classes).double()
    images = batch(classes, size)[0].double()
    ours = activations(network, images)
    wanted = loops.maps(array(network.features(images)), array(network.classifier.weight))
    np.testing.assert_allclose(array(ours), wanted, rtol=1e-9, atol=1e-12)


def test_equation_01_is_read_off_and_teaches_nobody() -> None:
    network = small(4).double()
    image = batch(4)[0][0].double().requires_grad_()
    assert activations(network, image[None]).requires_grad
    maps = class_maps(network, image[None])[0]
    assert maps.shape[0] == 4
    assert not maps.requires_grad


def test_below_equation_01_pseudo_labels_by_a_background_score() -> None:
    cams, keys = np.abs(noise("papers/cams", (2, 5, 3))), np.array([3, 7])
    ours = class_labels(strongest(cams, 0.5), keys)
    for y, x in np.ndindex(5, 3):
        first, second = cams[:, y, x]
        assert ours[y, x] == (0 if max(first, second) <= 0.5 else 4 if first >= second else 8)


@pytest.mark.parametrize("shape", SHAPES)
def test_equation_02_similarity(shape: Shape) -> None:
    features, codebook = draw(shape)
    words, pixels = torch.from_numpy(codebook), torch.from_numpy(features)
    assert_gradient(lambda f: similarity(f, words), lambda f: loops.similarity(f, codebook), features)
    assert_gradient(lambda c: similarity(pixels, c), lambda c: loops.similarity(features, c), codebook)


@pytest.mark.parametrize("reading", READINGS)
def test_equation_02_features_are_apart_in_the_released_code_only(reading: str) -> None:
    features = torch.from_numpy(draw(SHAPES[0])[0]).requires_grad_()
    seen = FORMULATIONS[reading].word_features(features)
    torch.testing.assert_close(seen, features, rtol=0, atol=0)
    assert seen.requires_grad == (reading == "paper")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("tau", [0.6, 1.0, 20.0])
def test_equation_03_word_probabilities(shape: Shape, tau: float) -> None:
    features, codebook = draw(shape)
    words, pixels = torch.from_numpy(codebook), torch.from_numpy(features)
    assert_gradient(
        lambda f: word_probabilities(f, words, tau), lambda f: loops.probabilities(f, codebook, tau), features
    )
    assert_gradient(
        lambda c: word_probabilities(pixels, c, tau), lambda c: loops.probabilities(features, c, tau), codebook
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_equation_04_word_labels(shape: Shape) -> None:
    features, codebook = (torch.from_numpy(one).requires_grad_() for one in draw(shape))
    words = word_probabilities(features, codebook, 1.0)
    ours = word_labels(words)
    np.testing.assert_array_equal(ours, loops.labels(array(words)))
    present = words_present(ours, shape[4])
    np.testing.assert_array_equal(present, loops.present(array(words)))
    assert present.dtype == torch.float32
    assert not ours.requires_grad
    assert not present.requires_grad


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reading", READINGS)
def test_equation_05_word_frequency(shape: Shape, reading: str) -> None:
    words = loops.probabilities(*draw(shape))
    ours, mean = FORMULATIONS[reading].word_frequencies, reading == "paper"
    assert_gradient(ours, lambda p: loops.frequencies(p, mean), words)
    pixels = 1 if mean else shape[2] * shape[3]
    np.testing.assert_allclose(ours(torch.from_numpy(words)).sum(1), pixels, rtol=1e-12)


@pytest.mark.parametrize(("pixels", "channels", "words"), [(15, 4, 3), (1, 3, 2), (7, 1, 1), (2, 3, 5)])
@pytest.mark.parametrize("reading", READINGS)
def test_equation_06_reconstructed_codebook(pixels: int, channels: int, words: int, reading: str) -> None:
    """D holds each word's number of pixels, so that D^-1 W^T F is the mean that the text tells of."""
    values = noise(f"papers/6/{pixels}", (pixels, channels)).astype(np.float64)
    codebook = noise(f"papers/6/C{words}", (words, channels)).astype(np.float64)
    chosen = np.arange(pixels) % max(words - 1, 1)
    one_hot = np.array([[float(word == label) for word in range(words)] for label in chosen])
    of_words = (one_hot.T @ values, one_hot.sum(0), codebook)
    ours = FORMULATIONS[reading].reconstruction(*map(torch.from_numpy, of_words))
    for word in range(words):
        own = loops.members(values, chosen, word)
        if reading == "released":
            wanted = sum(own, np.zeros(channels)) / (len(own) + 1e-4)
        else:
            wanted = sum(own, np.zeros(channels)) / len(own) if own else codebook[word]
        np.testing.assert_allclose(ours[word], wanted, rtol=1e-12, atol=1e-15)


def followed(codebook: np.ndarray, features: np.ndarray, rho: float, reading: str) -> np.ndarray:
    """The codebook after eq. 6 and 7 on a batch that it labels itself."""
    chosen = loops.labels(loops.probabilities(features, codebook)).ravel()
    pixels = features.transpose(0, 2, 3, 1).reshape(-1, features.shape[1])
    out = np.zeros(codebook.shape)
    for word, old in enumerate(codebook):
        own = loops.members(pixels, chosen, word)
        total = sum(own, np.zeros(len(old)))
        mean = total / (len(own) + 1e-4) if reading == "released" else total / len(own) if own else old
        out[word] = rho * mean + (1 - rho) * old
    return out


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("rho", [1e-3, 0.3, 1.0])
def test_equation_07_codebook_update(shape: Shape, reading: str, rho: float) -> None:
    torch.manual_seed(1)
    bank = MemoryBank(shape[4], shape[1], rho, FORMULATIONS[reading].reconstruction)
    features = draw(shape)[0].astype(np.float32)

    def update(values: np.ndarray) -> None:
        pixels = torch.from_numpy(values).requires_grad_()
        bank.update(pixels, word_labels(word_probabilities(pixels, bank.codebook, 1.0)))

    update(features)
    # Of the first batch, pixels are drawn.
    before = array(bank.codebook)
    pixels = {tuple(pixel) for pixel in features.transpose(0, 2, 3, 1).reshape(-1, shape[1]).astype(np.float64)}
    assert {tuple(word) for word in before} <= pixels
    second = noise(f"papers/7/{shape}", features.shape)
    update(second)
    wanted = followed(before, second.astype(np.float64), rho, reading)
    np.testing.assert_allclose(bank.codebook, wanted, rtol=1e-5, atol=1e-6)
    assert not bank.codebook.requires_grad


def step_of(features: torch.Tensor, labels: torch.Tensor) -> Step:
    """A step of training as the words see it: by its features and labels alone."""
    return Step(small(), features, labels, features, 0.0)


def test_equation_07_follows_the_features_of_a_step_by_its_labels() -> None:
    torch.manual_seed(1)
    words = BankedWords(4, small_settings(words="vwl_m", rho=0.3))
    first, second = (noise(f"papers/7/{number}", (2, 4, 3, 5)) for number in (1, 2))
    words.losses(step_of(torch.from_numpy(first), torch.ones(2, 3)))
    before = array(words.bank.codebook)
    words.losses(step_of(torch.from_numpy(second), torch.ones(2, 3)))
    wanted = followed(before, second.astype(np.float64), 0.3, "released")
    np.testing.assert_allclose(words.bank.codebook, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("regions", [1, 2, 3, 4])
@pytest.mark.parametrize("reading", READINGS)
def test_equation_08_local_maxima(size: tuple[int, int], regions: int, reading: str) -> None:
    features = noise(f"pooling/{size}", (2, 2, *size)).astype(np.float64)
    ours = FORMULATIONS[reading].local_maxima
    loop = LOOPS_OF_MAXIMA[reading]
    np.testing.assert_allclose(
        ours(torch.from_numpy(features), regions)[..., 0, 0], loop(features, regions), rtol=1e-12
    )
    small_part = features[:1, :1]
    assert_gradient(lambda f: ours(f, regions), lambda f: loop(f, regions), small_part)


def test_equation_08_readings_agree_where_regions_divide_the_map() -> None:
    features = torch.from_numpy(noise("pooling/32", (2, 3, 32, 32)))
    for regions in (1, 2, 4):
        released, paper = (FORMULATIONS[reading].local_maxima(features, regions) for reading in READINGS)
        torch.testing.assert_close(released, paper)
    uneven = features[:, :, :11, :7]
    released, paper = (FORMULATIONS[reading].local_maxima(uneven, 4) for reading in READINGS)
    assert (released - paper).abs().max() > 0.01


@pytest.mark.parametrize("size", SIZES)
def test_equation_09_global_average(size: tuple[int, int]) -> None:
    features = noise(f"pooling/{size}", (1, 2, *size))
    assert_gradient(global_average, loops.average, features)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(
    ("regions", "gamma"), [((1, 2, 4), 2.0), ((1, 2, 4), 0.0), ((1,), 0.5), ((3, 5), 1.0), ((2, 2), 4.0)]
)
def test_equation_10_hybrid_pooling(
    size: tuple[int, int], reading: str, regions: tuple[int, ...], gamma: float
) -> None:
    features = noise(f"pooling/{size}", (1, 1, *size))
    ours, loop = FORMULATIONS[reading].local_maxima, LOOPS_OF_MAXIMA[reading]
    assert_gradient(
        lambda f: hybrid_pooling(f, regions, gamma, ours),
        lambda f: loops.hybrid(f, regions, gamma, loop),
        features,
    )


def test_equation_10_without_the_average_is_divided_by_3() -> None:
    features = noise("pooling/gamma0", (2, 3, 8, 4)).astype(np.float64)
    network = small(gamma=0.0)
    with torch.no_grad():
        network.classifier.weight = torch.nn.Parameter(torch.eye(3))
    ours = network.double().image_scores(torch.from_numpy(features))
    np.testing.assert_allclose(array(ours), sum(loops.grid(features, r) for r in (1, 2, 4)) / 3, rtol=1e-9)


@pytest.mark.parametrize("classes", [1, 5])
@pytest.mark.parametrize("reading", READINGS)
def test_equation_11_label_loss(classes: int, reading: str) -> None:
    """As printed it would be largest where scores are right: the minus sign of the loss that it names is missing."""
    network = small(classes, pooling="gap", words="none", formulation=reading).double()
    images, labels = batch(classes)
    scores = network.image_scores(network.features(images.double()))
    printed = 0.0
    for p, y in zip(array(scores).ravel(), array(labels).ravel(), strict=True):
        printed += (y * log(exp(p) / (1 + exp(p))) + (1 - y) * log(1 / (1 + exp(p)))) / (2 * classes)
    loss = network.losses(images.double(), labels)["img"]
    assert loss.item() == pytest.approx(-printed, rel=1e-9)
    # Its derivative by a score is sigmoid(p) - y, in the means over classes and images.
    (gradient,) = torch.autograd.grad(loss, network.classifier.weight)
    pooled = loops.average(array(network.features(images.double())))
    wanted = ((1 / (1 + np.exp(-array(scores))) - array(labels)) / (2 * classes)).T @ pooled
    np.testing.assert_allclose(array(gradient), wanted, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(("classes", "vocabulary", "size"), [(3, 5, (33, 17)), (1, 5, (33, 17)), (2, 1, (1, 1))])
def test_equation_12_total_of_the_memory_bank(
    reading: str, classes: int, vocabulary: int, size: tuple[int, int]
) -> None:
    network = small(classes, words="vwl_m", pooling="gap", vocabulary=vocabulary, formulation=reading).double()
    images, labels = batch(classes, size)
    features = array(network.features(images.double()))
    assert isinstance(network.words, BankedWords)
    # Labels are those of the codebook before its update.
    wanted = loops.losses_of_words(features, array(labels), heads_of(network.words), reading == "paper")
    wanted["img"] = loops.soft_margin(loops.average(features) @ array(network.classifier.weight).T, array(labels))
    ours = {name: loss.item() for name, loss in network.losses(images.double(), labels).items()}
    assert ours == pytest.approx(wanted, rel=1e-9)
    assert set(ours) == {"img", "word"}


@pytest.mark.parametrize("reading", READINGS)
def test_equation_12_teaches_the_trunk_and_never_the_codebook(reading: str) -> None:
    network = small(words="vwl_m", formulation=reading, frozen_stages=1)
    assert takers(network, "img") == {"trunk", "classifier.weight"}
    assert takers(network, "word") == {"trunk", "words.word.weight"}
    assert {name for name, _ in network.named_parameters() if "backbone" not in name} == {
        "classifier.weight",
        "words.word.weight",
    }


@pytest.mark.parametrize("shape", [(7, 6), (2, 31), (1, 9), (5, 2), (3, 3)])
@pytest.mark.parametrize("reading", READINGS)
def test_equation_13_decov(shape: tuple[int, int], reading: str) -> None:
    codebook = noise(f"words/decov{shape}", shape)
    ours = FORMULATIONS[reading].decov
    # Of one word there is nothing to reduce, and half of the difference of two equal norms has no derivative.
    if shape[0] > 1:
        assert_gradient(ours, lambda c: np.asarray(loops.decov(c, reading == "paper")), codebook)
    else:
        assert ours(torch.from_numpy(codebook)).item() == 0


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("changes", [{}, {"tau": 7.0, "decov_weight": 0.3}, {"vocabulary": 1}])
def test_equation_14_auxiliary_loss(reading: str, changes: dict[str, float]) -> None:
    """Its gradients: in the codebook by both terms; in the features by p^w2i as printed, and by none as released."""
    heads, printed = learnt(reading, **changes), reading == "paper"
    features, truth = noise("papers/14", (2, 4, 3, 2)).astype(np.float64), noise("papers/14/y", (2, 3)) > 0
    weight, tau = changes.get("decov_weight", 1.0), changes.get("tau", 1.0)
    labels = torch.from_numpy(truth).double()

    def ours(features: torch.Tensor) -> torch.Tensor:
        found = heads.losses(step_of(features, labels))
        return found["w2i"] + found["decov"]

    def loop(features: np.ndarray, codebook: np.ndarray) -> np.ndarray:
        values = heads_of(heads) | {"codebook": codebook}
        found = loops.losses_of_words(features, truth, values, printed, tau)
        return np.asarray(found["w2i"] + weight * found["decov"])

    def of_codebook(codebook: torch.Tensor) -> torch.Tensor:
        del heads.codebook
        heads.codebook = codebook  # type: ignore[assignment]
        return ours(torch.from_numpy(features))

    if printed:
        assert_gradient(ours, lambda f: loop(f, array(heads.codebook)), features)
    pixels = torch.from_numpy(features).requires_grad_()
    ours(pixels).backward()  # type: ignore[no-untyped-call]
    assert (pixels.grad is not None) == printed
    start = array(heads.codebook)
    if changes.get("vocabulary") != 1:
        assert_gradient(of_codebook, lambda c: loop(features, c), start)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(
    ("classes", "changes", "size"),
    [
        (3, {}, (33, 17)),
        (1, {}, (33, 17)),
        (3, {"vocabulary": 1}, (1, 17)),
        (3, {"tau": 7.0, "decov_weight": 0.3}, (17, 33)),
        (2, {}, (1, 1)),
    ],
)
def test_equation_15_total_of_the_learning_based_strategy(
    reading: str, classes: int, changes: dict[str, float], size: tuple[int, int]
) -> None:
    network = small(classes, pooling="gap", formulation=reading, **changes).double()
    images, labels = batch(classes, size)
    features = array(network.features(images.double()))
    assert isinstance(network.words, LearntWords)
    values = heads_of(network.words)
    wanted = loops.losses_of_words(features, array(labels), values, reading == "paper", network.settings.tau)
    wanted["decov"] *= network.settings.decov_weight
    wanted["img"] = loops.soft_margin(loops.average(features) @ array(network.classifier.weight).T, array(labels))
    ours = {name: loss.item() for name, loss in network.losses(images.double(), labels).items()}
    assert ours == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("reading", READINGS)
def test_equation_15_says_who_takes_a_gradient(reading: str) -> None:
    network = small(formulation=reading)
    assert takers(network, "img") == {"trunk", "classifier.weight"}
    assert takers(network, "word") == {"trunk", "words.word.weight"}
    by_frequency = {"words.codebook", "words.word_to_image.weight"}
    assert takers(network, "w2i") == by_frequency | ({"trunk"} if reading == "paper" else set())
    assert takers(network, "decov") == {"words.codebook"}

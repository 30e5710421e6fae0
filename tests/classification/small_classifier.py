"""Classifiers small enough for loops, the same for the same settings, and batches for them."""

import numpy as np
import torch
from torch import Tensor

from tests.reference import noise
from wsss.classification.banked_words import BankedWords
from wsss.classification.classifier import Classifier, build_classifier
from wsss.classification.learnt_words import LearntWords
from wsss.settings.classifier import ClassifierSettings


def small_settings(**changes: object) -> ClassifierSettings:
    values = {"backbone": {"name": "resnet18", "weights": "scratch"}, "vocabulary": 5}
    return ClassifierSettings.model_validate(values | changes)


def small(classes: int = 3, **changes: object) -> Classifier:
    """A classifier on ResNet18 with random weights."""
    torch.manual_seed(4)
    return build_classifier(small_settings(**changes), classes).train()


def batch(classes: int, size: tuple[int, int] = (47, 33)) -> tuple[Tensor, Tensor]:
    """Two images and their labels."""
    labels = torch.from_numpy(noise("network/y", (2, classes)) > 0).float()
    return torch.from_numpy(noise("network/x", (2, 3, *size))), labels


def takers(network: Classifier, loss: str) -> set[str]:
    """Which parts of the network take a gradient other than zero from a loss."""
    network.zero_grad()
    network.losses(*batch(3))[loss].backward()  # type: ignore[no-untyped-call]
    taking = {name for name, p in network.named_parameters() if p.grad is not None and bool(p.grad.any())}
    return {"trunk" if name.startswith("backbone.") else name for name in taking}


def learnt(reading: str, words: str = "vwl_l", **changes: object) -> LearntWords:
    """Float64 word heads for features of four channels and three classes, W^w2i large enough to matter."""
    torch.manual_seed(2)
    heads = LearntWords(4, 3, small_settings(words=words, formulation=reading, **changes)).double()
    with torch.no_grad():
        heads.word_to_image.weight *= 5
    return heads


def show_words(network: Classifier) -> None:
    """Raise W^w2i until the word branch is visible in the joined maps, for any random weights."""
    assert isinstance(network.words, LearntWords)
    with torch.no_grad():
        network.words.word_to_image.weight += 1


def array(tensor: Tensor) -> np.ndarray:
    """A tensor's values in float64."""
    return tensor.detach().double().numpy()


def heads_of(words: LearntWords | BankedWords) -> dict[str, np.ndarray]:
    """Arrays of the heads, by the names that the loops have for them."""
    return {
        name.rpartition("bank.")[2].removesuffix(".weight"): array(value) for name, value in words.state_dict().items()
    }

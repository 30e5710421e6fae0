"""Words of an image and the class of each word, against plain loops in float64."""

from typing import Any

import numpy as np
import pytest
import torch

from wsss.classification.classifier import Classifier, build_classifier
from wsss.classification.image_words import closest_classes, words_of
from wsss.settings.classifier import ClassifierSettings


def classifier(**settings: Any) -> Classifier:
    own = {"backbone": {"name": "resnet18", "weights": "scratch"}, "vocabulary": 7} | settings
    torch.manual_seed(0)
    return build_classifier(ClassifierSettings.model_validate(own), 3).eval()


@pytest.mark.parametrize("settings", [{"words": "vwe"}, {"words": "vwl_l", "tau": 30.0}, {"words": "vwl_m"}])
def test_each_cell_has_the_word_of_the_highest_cosine(settings: dict[str, Any]) -> None:
    network = classifier(**settings)
    codebook = network.words.codebook.detach()  # type: ignore[union-attr]
    if not codebook.any():
        codebook.normal_()
    features = torch.rand(1, 512, 3, 4)
    found = words_of(network, features)
    assert found is not None
    for y in range(3):
        for x in range(4):
            cell = features[0, :, y, x].double().numpy()
            cosines = [
                float(cell @ word / np.sqrt((cell @ cell) * (word @ word))) for word in codebook.double().numpy()
            ]
            assert found.words[y, x] == int(np.argmax(cosines))
            assert found.similarities[y, x] == pytest.approx(max(cosines), abs=1e-6)
    weights = network.classifier.weight.detach().double().numpy()
    assert closest_classes(network).tolist() == [
        int(np.argmax([float(own @ word) for own in weights])) for word in codebook.double().numpy()
    ]


def test_a_classifier_without_words_has_none() -> None:
    network = classifier(words="none")
    assert words_of(network, torch.rand(1, 512, 2, 2)) is None
    assert len(closest_classes(network)) == 0

"""A census of words against a look at every cell of every image."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from wsss.classification.classifier import build_classifier
from wsss.classification.visual_words import word_probabilities
from wsss.classification.word_census import SIGHTINGS, write_census
from wsss.data.augmentation import to_tensor
from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.errors import WsssError
from wsss.settings.classifier import ClassifierSettings

WORDS = 12


def settings(words: str) -> ClassifierSettings:
    backbone = {"name": "resnet18", "weights": "scratch"}
    return ClassifierSettings.model_validate({"backbone": backbone, "words": words, "vocabulary": WORDS})


@pytest.mark.parametrize("words", ["vwl_l", "vwl_m"])
def test_a_census_counts_every_cell(dataset: Dataset, tmp_path: Path, words: str) -> None:
    torch.manual_seed(3)
    network = build_classifier(settings(words), len(dataset.classes)).eval()
    save_file(network.state_dict(), tmp_path / "classifier.safetensors")
    ids = dataset.ids("val")
    write_census(dataset, ids, tmp_path / "classifier.safetensors", settings(words), tmp_path / "census.json")
    census = json.loads((tmp_path / "census.json").read_text())
    assert network.words is not None
    codebook = network.words.codebook.detach()
    pixels: Counter[int] = Counter()
    images: dict[int, set[str]] = {word: set() for word in range(WORDS)}
    best: dict[tuple[int, str], float] = {}
    for image_id in ids:
        image = to_tensor(read_image(dataset.image_path(image_id)), network.backbone.normalisation)
        with torch.inference_mode():
            features = network.features(image[None])
            for cell in word_probabilities(features, codebook, 1.0)[0].double().numpy():
                word = int(cell.argmax())
                pixels[word] += 1
                images[word].add(image_id)
                for other in range(WORDS):
                    best[other, image_id] = max(best.get((other, image_id), 0.0), float(cell[other]))
    assert census["pixels"] == [pixels[word] for word in range(WORDS)]
    assert census["images"] == [len(images[word]) for word in range(WORDS)]
    for word in range(WORDS):
        labels = [dataset.image_labels[image_id] for image_id in sorted(images[word])]
        wanted = np.sum(labels, axis=0).astype(int).tolist() if labels else [0] * len(dataset.classes)
        assert census["images_by_class"][word] == wanted
        sightings = census["sightings"][word]
        assert len(sightings) == min(len(images[word]), SIGHTINGS)
        assert {one["image_id"] for one in sightings} <= images[word]
        for one in sightings:
            assert one["probability"] == pytest.approx(best[word, one["image_id"]], abs=1e-4)
            assert 0 < one["y"] < 1
            assert 0 < one["x"] < 1
        heights = [one["probability"] for one in sightings]
        assert heights == sorted(heights, reverse=True)
    unit = codebook.double().numpy()
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    np.testing.assert_allclose(census["similarity"], unit @ unit.T, atol=1e-4)


def test_a_classifier_without_words_has_no_census(dataset: Dataset, tmp_path: Path) -> None:
    network = build_classifier(settings("none"), len(dataset.classes))
    save_file(network.state_dict(), tmp_path / "classifier.safetensors")
    with pytest.raises(WsssError, match="no visual words: set classifier\\.words"):
        write_census(dataset, [], tmp_path / "classifier.safetensors", settings("none"), tmp_path / "census.json")

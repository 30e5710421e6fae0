"""Statistics of a classifier's visual words: where each word is the likeliest, and how similar words are."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from wsss.classification.banked_words import BankedWords
from wsss.classification.classifier import Classifier, load_classifier
from wsss.classification.learnt_words import LearntWords
from wsss.classification.visual_words import word_labels, word_probabilities
from wsss.data.augmentation import to_tensor
from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.files import write_json
from wsss.progress import track
from wsss.runtime.device import move_to_device
from wsss.settings.classifier import ClassifierSettings

SIGHTINGS = 9


@dataclass(frozen=True)
class Sighting:
    """The cell of an image where a word is likeliest: its centre, as shares of height and width, and P there."""

    image_id: str
    y: float
    x: float
    probability: float


def write_census(dataset: Dataset, ids: Sequence[str], weights: Path, settings: ClassifierSettings, path: Path) -> None:
    """Write JSON on every word over the images `ids`, at their own size.

    `pixels`: the number of cells where the word is the likeliest (VWL eq. 4). `images`: the number of images with
    such a cell. `images_by_class`: the same by class. `sightings`: the word's likeliest cells in different images, best
    first, for words that are the likeliest of some cell. `similarity`: the cosines of all pairs of words. Raises
    WsssError if there are no words.
    """
    network = load_classifier(settings, len(dataset.classes), weights)
    if not isinstance(network.words, LearntWords | BankedWords):
        raise WsssError("this classifier has no visual words: set classifier.words, or leave the target `words` out")
    move_to_device(network)
    codebook = network.words.codebook.detach()
    unit = normalize(codebook, dim=1)
    similarity = np.round((unit @ unit.T).cpu().numpy().astype(np.float64), 4).tolist()
    write_json(path, {**_counts(network, codebook, dataset, ids), "similarity": similarity})


def _counts(network: Classifier, codebook: Tensor, dataset: Dataset, ids: Sequence[str]) -> dict[str, Any]:
    count = len(codebook)
    pixels, images = np.zeros(count, np.int64), np.zeros(count, np.int64)
    by_class = np.zeros((count, len(dataset.classes)), np.int64)
    sightings: list[list[Sighting]] = [[] for _ in range(count)]
    for image_id in track(ids, len(ids), "visual words"):
        image = to_tensor(dataset.image(image_id), network.backbone.normalisation)
        with torch.inference_mode():
            features = network.features(image[None].to(codebook.device))
            probabilities = word_probabilities(features, codebook, network.settings.tau)
        found = _cells(probabilities)
        pixels += found
        images += found > 0
        by_class[np.ix_(found > 0, dataset.present(image_id))] += 1
        for word, sighting in _best_cells(image_id, probabilities[0], features.shape[3]):
            if found[word]:
                sightings[word] = sorted([*sightings[word], sighting], key=lambda one: -one.probability)[:SIGHTINGS]
    return {
        "pixels": pixels.tolist(),
        "images": images.tolist(),
        "images_by_class": by_class.tolist(),
        "sightings": [[asdict(one) for one in own] for own in sightings],
    }


def _cells(probabilities: Tensor) -> np.ndarray:
    """In how many cells each word is the likeliest: int64 (k,) for probabilities (1, cells, k)."""
    counts: np.ndarray = torch.bincount(word_labels(probabilities)[0], minlength=probabilities.shape[2]).cpu().numpy()
    return counts


def _best_cells(image_id: str, probabilities: Tensor, width: int) -> list[tuple[int, Sighting]]:
    """For each word, the cell of an image where the word is likeliest. `probabilities`: (cells, k), row by row."""
    height = len(probabilities) // width
    highest, cells = (one.cpu() for one in probabilities.max(0))
    best = []
    for word, (probability, cell) in enumerate(zip(highest.tolist(), cells.tolist(), strict=True)):
        row, column = divmod(cell, width)
        best.append((word, Sighting(image_id, (row + 0.5) / height, (column + 0.5) / width, round(probability, 6))))
    return best

"""Figures of a codebook: regions of each word, words by class, and similarities of words.

VWE (IJCAI 2021) shows regions in its figure 5, VWL (IJCV 2022) in its figure 10, similarities in its figure 11.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from wsss.data.dataset import Dataset
from wsss.reporting.figures import DOTS_PER_INCH, save_figure

WORDS_SHOWN, REGIONS_SHOWN = 16, 6
# Side of a region, as a share of the image's shorter side.
REGION = 0.35


def draw_words(dataset: Dataset, census: Path, regions: Path, classes: Path, similarity: Path) -> None:
    """Draw the three figures of a census of words, as PNGs."""
    content = json.loads(census.read_text())
    _draw_regions(dataset, content, regions)
    _draw_classes(dataset, content, classes)
    draw_similarities({"": census}, similarity)


def _draw_regions(dataset: Dataset, content: dict[str, Any], path: Path) -> None:
    """The most frequent words, one in each row, with their most probable regions in different images."""
    order = np.argsort(-np.array(content["pixels"]), kind="stable")
    shown = [word for word in order[:WORDS_SHOWN] if content["sightings"][word]]
    figure = Figure(figsize=(1.15 * REGIONS_SHOWN + 1, 1.2 * len(shown)), layout="constrained", dpi=DOTS_PER_INCH)
    for line, word in zip(figure.subplots(len(shown), REGIONS_SHOWN, squeeze=False), shown, strict=True):
        for axes in line:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        for axes, sighting in zip(line, content["sightings"][word], strict=False):
            axes.imshow(_region(dataset, sighting))
        line[0].set_ylabel(f"word {word}\n{content['images'][word]} images", fontsize=8)
    save_figure(figure, path)


def _region(dataset: Dataset, sighting: dict[str, Any]) -> np.ndarray:
    """The square of an image around a sighting, moved inside the image: uint8 RGB."""
    image = np.asarray(dataset.image(sighting["image_id"]))
    side = max(round(REGION * min(image.shape[:2])), 1)
    top, left = (
        min(max(round(centre * length - side / 2), 0), length - side)
        for centre, length in zip((sighting["y"], sighting["x"]), image.shape[:2], strict=True)
    )
    return image[top : top + side, left : left + side]


def _draw_classes(dataset: Dataset, content: dict[str, Any], path: Path) -> None:
    """For each word, the share of its images that show each class. Words are ordered by their first class."""
    images = np.array(content["images"])
    alive = np.flatnonzero(images)
    shares = np.array(content["images_by_class"], float)[alive] / images[alive, None]
    order = np.lexsort((-shares.max(1), shares.argmax(1)))
    figure = Figure(figsize=(9.0, 0.28 * len(dataset.classes) + 1.6), layout="constrained", dpi=DOTS_PER_INCH)
    axes = figure.add_subplot()
    picture = axes.imshow(shares[order].T, aspect="auto", cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
    axes.set_yticks(range(len(dataset.classes)), dataset.classes, fontsize=8, parse_math=False)
    axes.set(xlabel=_alive(content))
    figure.colorbar(picture, label="part of the word's images")
    save_figure(figure, path)


def draw_similarities(censuses: Mapping[str, Path], path: Path) -> None:
    """Draw the cosines of all pairs of words of each census, side by side under their names, as a PNG."""
    figure = Figure(figsize=(4.2 * len(censuses) + 1.2, 4.8), layout="constrained", dpi=DOTS_PER_INCH)
    every = figure.subplots(1, len(censuses), squeeze=False)[0]
    for axes, (name, census) in zip(every, censuses.items(), strict=True):
        content = json.loads(census.read_text())
        similarity = np.array(content["similarity"])
        picture = axes.imshow(similarity, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        axes.set_title(
            "\n".join(filter(None, [name, _spread(similarity), _alive(content)])), fontsize=10, parse_math=False
        )
        axes.set(xlabel="word", ylabel="word")
    figure.colorbar(picture, ax=every, label="cosine")
    save_figure(figure, path)


def _spread(similarity: np.ndarray) -> str:
    apart = similarity[~np.eye(len(similarity), dtype=bool)]
    mean = float(np.abs(apart).mean()) if len(apart) else 0.0
    return f"mean |cosine| of different words: {mean:.3f}"


def _alive(content: Mapping[str, Any]) -> str:
    """The number of words that are the likeliest word of some cell, as text."""
    images = np.array(content["images"])
    return f"{np.count_nonzero(images)} of {len(images)} words are the likeliest of some cell"

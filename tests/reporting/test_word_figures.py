"""Figures of words show the regions that a census names, and repeat to the byte."""

import json
from pathlib import Path

import numpy as np

from tests.reporting.test_figures import count, pixels
from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.reporting.word_figures import _region, draw_similarities, draw_words

# The colour of a cosine of 1.
DARK_RED = [103, 0, 31]


def census(dataset: Dataset) -> dict[str, object]:
    """Of three words, the second is nowhere the likeliest."""
    first, second = dataset.ids("val")[:2]
    sighting = {"image_id": first, "y": 0.5, "x": 0.25, "probability": 0.9}
    other = {"image_id": second, "y": 0.98, "x": 0.02, "probability": 0.4}
    return {
        "pixels": [5, 0, 2],
        "images": [2, 0, 1],
        "images_by_class": [[1, *[0] * (len(dataset.classes) - 1)], [0] * len(dataset.classes)] * 1
        + [[0] * (len(dataset.classes) - 1) + [1]],
        "sightings": [[sighting, other], [], [other]],
        "similarity": np.eye(3).tolist(),
    }


def test_the_three_figures_repeat_to_the_byte(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "census.json").write_text(json.dumps(census(dataset)))
    names = ("regions", "classes", "similarity")
    for folder in ("a", "b"):
        draw_words(dataset, tmp_path / "census.json", *(tmp_path / folder / f"{name}.png" for name in names))
    for name in names:
        picture = tmp_path / "a" / f"{name}.png"
        assert picture.read_bytes() == (tmp_path / "b" / f"{name}.png").read_bytes()
        assert len(np.unique(pixels(picture).reshape(-1, 3), axis=0)) > 10


def test_codebooks_stand_side_by_side(dataset: Dataset, tmp_path: Path) -> None:
    """White between words that have nothing in common, red where they are alike."""
    apart = census(dataset)
    alike = apart | {"similarity": np.ones((3, 3)).tolist()}
    for name, content in (("apart", apart), ("alike", alike)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    reds = {}
    for names in (["apart"], ["alike"], ["apart", "alike"]):
        path = tmp_path / f"{'-'.join(names)}.png"
        draw_similarities({f"${name}": tmp_path / f"{name}.json" for name in names}, path)
        picture = pixels(path)
        reds[len(names), names[0]] = picture.shape[1], count(picture, DARK_RED)
    assert reds[2, "apart"][0] > 1.5 * reds[1, "apart"][0]
    assert reds[1, "alike"][1] > 2 * reds[1, "apart"][1] > 0
    assert reds[2, "apart"][1] > 1.5 * reds[1, "apart"][1]


def test_a_region_lies_around_its_sighting_and_inside_the_image(dataset: Dataset) -> None:
    image_id = dataset.ids("val")[0]
    image = np.asarray(read_image(dataset.image_path(image_id)))
    side = round(0.35 * min(image.shape[:2]))
    middle = _region(dataset, {"image_id": image_id, "y": 0.5, "x": 0.5})
    top, left = (round(length / 2 - side / 2) for length in image.shape[:2])
    np.testing.assert_array_equal(middle, image[top : top + side, left : left + side])
    corner = _region(dataset, {"image_id": image_id, "y": 1.0, "x": 0.0})
    np.testing.assert_array_equal(corner, image[-side:, :side])

"""The embedded dataset: the same seed gives the same bytes, labels and masks agree, and its difficulties are there."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from wsss.data.dataset import Dataset
from wsss.data.images import read_image, read_labels
from wsss.data.preparation import prepare
from wsss.data.sources.folder import list_folder
from wsss.data.sources.lists import read_list
from wsss.data.sources.synthetic import scenes as synthetic
from wsss.data.sources.synthetic.scenes import CLASS_NAMES, CREATURES, draw_creature, draw_scene, generate
from wsss.data.sources.synthetic.textures import BACKGROUNDS, PATTERNS
from wsss.settings.data import SyntheticSettings


def settings(**changes: object) -> SyntheticSettings:
    small = {"kind": "synthetic", "train_images": 24, "val_images": 5, "image_size": 96}
    return SyntheticSettings.model_validate(small | changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic")
    generate(settings(), out)
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def table(folder: Path) -> dict[str, list[int]]:
    with (folder / "image_labels.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["image_id", *CLASS_NAMES[: len(rows[0]) - 1]]
    return {row[0]: [int(cell) for cell in row[1:]] for row in rows[1:]}


def test_the_same_seed_gives_the_same_bytes_for_any_number_of_workers(folder: Path, tmp_path: Path) -> None:
    generate(settings(), tmp_path, workers=3)
    assert contents(tmp_path) == contents(folder)


def test_scenes_do_not_depend_on_how_many_there_are(folder: Path, tmp_path: Path) -> None:
    generate(settings(train_images=3, val_images=2), tmp_path)
    whole = contents(folder)
    images = {name: content for name, content in contents(tmp_path).items() if name.endswith((".jpg", ".png"))}
    assert len(images) == 10
    assert all(whole[name] == content for name, content in images.items())


def test_another_seed_and_the_other_split_give_other_scenes(folder: Path, tmp_path: Path) -> None:
    generate(settings(seed=1, train_images=2, val_images=1), tmp_path)
    ours, others = contents(folder), contents(tmp_path)
    assert ours["JPEGImages/train_0000.jpg"] != others["JPEGImages/train_0000.jpg"]
    assert ours["JPEGImages/train_0000.jpg"] != ours["JPEGImages/val_0000.jpg"]


def test_labels_are_the_classes_in_the_masks(folder: Path) -> None:
    rows = table(folder)
    assert list(rows) == [f"train_{i:04d}" for i in range(24)] + [f"val_{i:04d}" for i in range(5)]
    for image_id, row in rows.items():
        mask = read_labels(folder / "SegmentationClass" / f"{image_id}.png")
        assert set(np.unique(mask)) - {0} == {value for value, present in enumerate(row, 1) if present}
        assert any(row)
        assert (mask == 0).any()


def test_sizes_vary_and_masks_fit_their_images(folder: Path) -> None:
    sizes = set()
    for image_id in table(folder):
        image = read_image(folder / "JPEGImages" / f"{image_id}.jpg")
        assert read_labels(folder / "SegmentationClass" / f"{image_id}.png").shape == image.size[::-1]
        assert max(image.size) == 96
        assert min(image.size) >= 72
        sizes.add(image.size)
    assert len(sizes) > 5


def test_the_layout_accepts_the_folder(folder: Path, tmp_path: Path) -> None:
    classes = {name: value for value, name in enumerate(CLASS_NAMES[:8], 1)}
    lists = {"train": "train", "train_scored": "train", "val": "val"}
    prepare(list_folder(folder, classes, {}, lists), tmp_path / "data")
    dataset = Dataset(tmp_path / "data")
    assert dataset.ids("train") == read_list(folder / "ImageSets" / "Segmentation" / "train.txt")
    assert sorted(dataset.classes) == sorted(CLASS_NAMES[:8])
    for image_id in dataset.ids("val"):
        np.testing.assert_array_equal(np.unique(dataset.truth(image_id))[1:], dataset.present(image_id) + 1)


@pytest.mark.parametrize(("classes", "max_objects"), [(2, 1), (12, 6)])
def test_the_smallest_and_the_largest_settings(tmp_path: Path, classes: int, max_objects: int) -> None:
    few = settings(classes=classes, max_objects=max_objects, image_size=64, train_images=classes, val_images=1)
    generate(few, tmp_path)
    rows = np.array(list(table(tmp_path).values()))
    assert rows.shape == (classes + 1, classes)
    assert rows[:classes].any(0).all()
    assert rows.sum(1).max() <= max_objects


def test_every_class_is_frequent_and_the_background_is_the_majority() -> None:
    scenes = [draw_scene(settings(image_size=64), np.random.default_rng([5, i]), i % 8)[1] for i in range(80)]
    images_of = Counter(value for labels in scenes for value in np.unique(labels))
    assert all(images_of[value] >= 10 for value in range(1, 9))
    shares = np.array([(labels > 0).mean() for labels in scenes])
    assert 0.12 < shares.mean() < 0.40
    assert shares.max() < 0.6
    assert any(len(np.unique(labels)) > 2 for labels in scenes)


@pytest.mark.parametrize(("bias", "low", "high"), [(0.0, 2, 19), (0.7, 46, 70), (1.0, 80, 80)])
def test_bias_is_how_often_the_preferred_background_is_seen(
    monkeypatch: pytest.MonkeyPatch, bias: float, low: int, high: int
) -> None:
    """Without creatures and with backgrounds of one grey each, a scene's median says which background it has."""
    names = list(BACKGROUNDS)
    greys = {name: np.float32(0.2 + 0.08 * i) for i, name in enumerate(names)}
    for name, grey in greys.items():
        monkeypatch.setitem(BACKGROUNDS, name, lambda rng, shape, grey=grey: np.full((*shape, 3), grey, np.float32))
    monkeypatch.setattr(synthetic._Scene, "add", lambda *args, **kwargs: None)
    monkeypatch.setattr(synthetic, "_render_photograph", lambda rng, image, light: float(np.median(image)))
    hits = 0
    for index in range(80):
        biased = settings(image_size=64, background_bias=bias)
        grey, _ = draw_scene(biased, np.random.default_rng([9, index]), index % 8)
        hits += abs(grey - greys[CREATURES[index % 8].background]) < 0.01
    assert low <= hits <= high


def test_bodies_are_shared_and_heads_are_not() -> None:
    assert len(CLASS_NAMES) == len(set(CLASS_NAMES)) == 12
    for count in (8, 12):
        bodies = Counter((creature.build, creature.skin) for creature in CREATURES[:count])
        assert all(2 <= classes <= 3 for classes in bodies.values())
    assert {creature.pattern for creature in CREATURES} == set(PATTERNS)
    assert {creature.background for creature in CREATURES[:8]} == set(BACKGROUNDS)


def test_creatures_of_one_body_differ_in_the_head_alone() -> None:
    first, second = (
        [np.asarray(part, int) for part in draw_creature(np.random.default_rng(3), c, 6000, np.ones(3), np.zeros(2))]
        for c in (CREATURES[0], CREATURES[4])
    )
    head = first[1] > 0
    np.testing.assert_array_equal(first[0][~head], second[0][~head])
    assert np.abs(first[0] - second[0])[head].mean() > 20


@pytest.mark.parametrize("creature", CREATURES, ids=CLASS_NAMES)
def test_a_head_is_a_small_part_of_a_creature_of_the_area_asked_for(creature: synthetic.Creature) -> None:
    for seed in range(4):
        picture, head = draw_creature(np.random.default_rng(seed), creature, 9000, np.ones(3), np.array([1.0, 0.0]))
        area = (np.asarray(picture.getchannel("A")) > 127).sum()
        assert 8500 < area < 10500
        assert 0.085 < (np.asarray(head) > 127).sum() / area < 0.16
        border = np.asarray(picture.getchannel("A")).copy()
        border[1:-1, 1:-1] = 0
        assert not border.any()

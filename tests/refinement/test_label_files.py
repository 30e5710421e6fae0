"""Pseudo labels from files: every kind of values, size and mistake, with files that Pillow has written."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from tests.prepared import prepared
from wsss.data.dataset import Dataset
from wsss.data.preparation import list_tables, prepare
from wsss.data.sources.folder import list_folder
from wsss.errors import WsssError
from wsss.manifests.rows import damaged_rows, read_manifest
from wsss.refinement.label_files import LabelFiles, check_label_files, write_label_file_shard
from wsss.settings.label_files import LabelFileSettings
from wsss.stores.label_images import label_path, write_label_shard

CLASSES = {"cow": 3, "dog": 7}
IGNORED = {"person": 9}
# Height and width of each upright photograph. `turned` lies on its side in its file; `big` is worked on at 10 x 15.
FULL = {"plain": (6, 9), "turned": (8, 5), "big": (23, 37)}
WORKED = FULL | {"big": (9, 15)}
MOST_PIXELS = 150
LABELS = {"plain": [1, 0], "turned": [0, 1], "big": [1, 1]}
# What pixels of these meanings hold by each kind of values. There, `ignored` is written as 255.
MEANINGS = ("background", "cow", "dog", "person", "ignored")
WRITTEN: dict[str, dict[str, Any]] = {
    "config": {"background": 0, "cow": 3, "dog": 7, "person": 9, "ignored": 255},
    "numbers": {"background": 0, "cow": 1, "dog": 2, "ignored": 255},
    "voc": {"background": 0, "cow": 10, "dog": 12, "person": 15, "ignored": 255},
    "table": {"background": 0, "cow": 254, "dog": 1, "person": 30, "ignored": 255},
    "palette": {
        "background": (0, 0, 0),
        "cow": (128, 128, 0),
        "dog": (128, 128, 128),
        "person": (192, 0, 0),
        "ignored": (224, 224, 192),
    },
}
LEGEND = "correct the files or pseudo_labels.values, by which pixels hold: "
# What this project writes for each meaning.
ON_DISK = {"background": 0, "cow": 3, "dog": 7, "person": 255, "ignored": 255}


def settings_of(kind: str) -> LabelFileSettings:
    table = {name: WRITTEN["table"][name] for name in (*CLASSES, *IGNORED)}
    values = {"method": "files", "name": "ReCAM", "values": table if kind == "table" else kind}
    return LabelFileSettings.model_validate(values)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return made_dataset(tmp_path_factory.mktemp("dataset"))


def made_dataset(folder: Path, has_background: bool = True) -> Dataset:
    """Three prepared photographs of train, all of one colour."""
    source = folder / "source"
    lists = source / "ImageSets" / "Segmentation"
    for place in (source / "JPEGImages", lists):
        place.mkdir(parents=True)
    for image_id, (height, width) in FULL.items():
        exif, size = Image.Exif(), (width, height)
        if image_id == "turned":
            exif[ExifTags.Base.Orientation], size = 6, (height, width)
        Image.new("RGB", size, (90, 120, 60)).save(source / "JPEGImages" / f"{image_id}.jpg", exif=exif)
    (lists / "train.txt").write_text("".join(f"{one}\n" for one in FULL))
    rows = [f"{one},{cow},{dog},0\n" for one, (cow, dog) in LABELS.items()]
    (source / "image_labels.csv").write_text("".join(["image_id,cow,dog,person\n", *rows]))
    splits = {"train": "train", "train_scored": "train"}
    prepare(
        list_folder(source, CLASSES, IGNORED, splits, has_background=has_background),
        folder / "data",
        most_pixels=MOST_PIXELS,
    )
    return Dataset(folder / "data")


def meanings(size: tuple[int, int], names: Mapping[str, Any], seed: int = 0) -> np.ndarray:
    """A random meaning for each pixel: text (h, w), each meaning at least once."""
    names_of = [one for one in MEANINGS if one in names]
    drawn = np.random.default_rng(seed).choice(names_of, size)
    drawn.flat[: len(names_of)] = names_of
    return drawn


def as_image(told: np.ndarray, written: Mapping[str, Any], mode: str) -> Image.Image:
    """The image that holds what is written for each meaning, pixel by pixel."""
    height, width = told.shape
    image = Image.new("RGB" if mode == "colours of P" else mode, (width, height))
    for y, x in np.ndindex(told.shape):
        image.putpixel((x, y), written[told[y, x]])
    if mode == "P":
        # A palette that has nothing to do with the values.
        image.putpalette(bytes(range(255, -1, -1)) * 3)
    return image.convert("P", palette=Image.Palette.ADAPTIVE, colors=5) if mode == "colours of P" else image


def save(folder: Path, images: Mapping[str, Image.Image]) -> Path:
    folder.mkdir(exist_ok=True)
    for image_id, image in images.items():
        image.save(folder / f"{image_id}.png")
    return folder


def written_values(dataset: Dataset, folder: Path, settings: LabelFileSettings, out: Path) -> dict[str, np.ndarray]:
    """The pixels of the label images that this project writes, by Pillow."""
    manifest = out / "shards" / "train" / "0-of-1.tsv"
    write_label_file_shard(dataset, dataset.ids("train"), folder, settings, out, manifest)
    assert [row.id for row in read_manifest(manifest)] == dataset.ids("train")
    assert damaged_rows(manifest, out) == []
    values = {}
    for image_id in dataset.ids("train"):
        with Image.open(label_path(out, image_id)) as image:
            assert image.mode == "P"
            values[image_id] = np.asarray(image)
    return values


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *[(kind, mode) for kind in ("config", "numbers", "voc", "table") for mode in ("P", "L")],
        ("palette", "RGB"),
        ("palette", "colours of P"),
    ],
)
def test_pixels_mean_what_the_settings_say(dataset: Dataset, tmp_path: Path, kind: str, mode: str) -> None:
    told = {one: meanings(WORKED[one], WRITTEN[kind], seed) for seed, one in enumerate(FULL)}
    folder = save(tmp_path / "labels", {one: as_image(image, WRITTEN[kind], mode) for one, image in told.items()})
    check_label_files(dataset, folder, settings_of(kind))
    found = written_values(dataset, folder, settings_of(kind), tmp_path / "out")
    for image_id, image in told.items():
        expected = [[ON_DISK[meaning] for meaning in row] for row in image.tolist()]
        np.testing.assert_array_equal(found[image_id], expected)


def naive_nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels resized by the pixel whose centre is next: that over which the centre of the new pixel lies."""
    (height, width), (rows, columns) = labels.shape, size
    places = [
        [(int((y + 0.5) * height / rows), int((x + 0.5) * width / columns)) for x in range(columns)]
        for y in range(rows)
    ]
    return np.array([[labels[place] for place in row] for row in places])


def test_labels_have_the_size_of_the_photograph_or_that_is_worked_on(dataset: Dataset, tmp_path: Path) -> None:
    assert dataset.sizes == WORKED
    names = WRITTEN["config"]
    upright = {one: meanings(size, names) for one, size in FULL.items()}
    settings = settings_of("config")
    expected = {one: np.vectorize(ON_DISK.get)(naive_nearest(told, WORKED[one])) for one, told in upright.items()}
    # A camera that is turned by 90 degrees stores the photograph as it stands after a turn to the left.
    stored = upright | {"turned": np.rot90(upright["turned"])}
    small = {one: naive_nearest(told, WORKED[one]) for one, told in upright.items()}
    for number, given in enumerate((upright, stored, small)):
        folder = save(tmp_path / str(number), {one: as_image(told, names, "L") for one, told in given.items()})
        check_label_files(dataset, folder, settings)
        found = written_values(dataset, folder, settings, tmp_path / f"out{number}")
        np.testing.assert_equal(found, expected)


def test_labels_that_this_project_writes_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for has_background in (True, False):
        place = tmp_path / str(has_background)
        place.mkdir()
        dataset = made_dataset(place, has_background)
        numbers = {one: rng.choice([0, 1, 2, 255], size).astype(np.uint8) for one, size in WORKED.items()}
        write_label_shard(dataset.values, [*FULL], numbers.__getitem__, place / "made", place / "made.tsv", "labels")
        for folder in (place / "made", place / "made" / "labels"):
            check_label_files(dataset, folder, settings_of("config"))
            files = LabelFiles(dataset, folder, settings_of("config"))
            for image_id, made in numbers.items():
                # Where every pixel belongs to a class, one without a class is ignored.
                expected = made if has_background else np.where(made == 0, 255, made)
                np.testing.assert_array_equal(files.labels(image_id), expected)
        write_label_file_shard(
            dataset, [*FULL], place / "made", settings_of("config"), place / "again", place / "again.tsv"
        )
        assert (place / "again.tsv").read_bytes() == (place / "made.tsv").read_bytes()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A folder of label images that fit, with values of VOC."""
    return save(tmp_path / "labels", {one: as_image(voc_labels(one), WRITTEN["voc"], "L") for one in FULL})


def voc_labels(image_id: str) -> np.ndarray:
    """Labels with the classes that the image has."""
    names = [name for name, there in zip(CLASSES, LABELS[image_id], strict=True) if there]
    return meanings(FULL[image_id], dict.fromkeys(("background", *names), 0))


def faults_of(dataset: Dataset, folder: Path, settings: LabelFileSettings) -> list[str]:
    with pytest.raises(WsssError) as error:
        check_label_files(dataset, folder, settings, workers=2)
    return [line.strip() for line in str(error.value).split("\n")]


def test_equal_files_give_equal_bytes(dataset: Dataset, good: Path, tmp_path: Path) -> None:
    for name in ("once", "again"):
        check_label_files(dataset, good, settings_of("voc"), workers=2)
        written_values(dataset, good, settings_of("voc"), tmp_path / name)
    once, again = (
        {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name).rglob("*.*")
            if path.is_file()
        }
        for name in ("once", "again")
    )
    # Three label images and their manifest, the legend and its sum.
    assert len(once) == 6
    assert once == again


def test_all_faults_are_named_at_once(dataset: Dataset, good: Path) -> None:
    (good / "plain.png").unlink()
    (good / "turned.png").write_bytes((good / "turned.png").read_bytes()[:50])
    wrong = np.zeros((5, 7), np.uint8)
    wrong[0], wrong[1, :2], wrong[2] = (9, 10, 11, 13, 14, 15, 16), 20, 12
    Image.fromarray(wrong).save(good / "big.png")
    head, *faults, legend = faults_of(dataset, good, settings_of("voc"))
    assert head == f"{good}: 4 faults in the label images of ReCAM for 3 images of train:"
    assert faults[0] == (
        f"{good}/plain.png is missing, and no other name there fits the photograph dataset/JPEGImages/plain.jpg"
    )
    assert faults[1].startswith(f"damaged label image: {good}/turned.png (")
    assert faults[2] == (
        f"{good}/big.png holds values that are no class: 9 (1 pixels), 11 (1 pixels), 13 (1 pixels), 14 (1 pixels), "
        "16 (1 pixels), 1 more"
    )
    assert faults[3] == (
        f"{good}/big.png has 5 x 7 (height x width) pixels, and its photograph dataset/JPEGImages/big.jpg has 23 x 37 "
        "(height x width): make the labels at the photograph's size, or 9 x 15, at which it is worked on"
    )
    assert len(faults) == 4
    assert legend == f"{LEGEND}0 background, 10 cow, 12 dog, 255 ignored"


@pytest.mark.parametrize(
    ("kind", "image", "fault"),
    [
        ("voc", Image.fromarray(np.full((6, 9), 10, np.uint16)), "is an image of mode I;16; labels are 8-bit indexed"),
        ("voc", Image.new("RGB", (9, 6)), "is an image of mode RGB; labels are 8-bit indexed"),
        ("palette", Image.fromarray(np.zeros((6, 9), np.uint16)), "is an image of mode I;16; colours are in RGB or"),
        (
            "palette",
            Image.new("L", (9, 6)),
            "is an image of mode L; colours are in RGB or indexed (P): save it as such",
        ),
        ("palette", Image.new("RGB", (9, 6), (1, 2, 3)), "holds colours that are no class: [1, 2, 3] (54 pixels)"),
        # The colour of the value 1 of VOC's palette, which is no class here.
        ("palette", Image.new("RGB", (9, 6), (128, 0, 0)), "holds colours that are no class: [128, 0, 0] (54 pixels)"),
        ("config", Image.new("L", (9, 6), 1), "holds values that are no class: 1 (54 pixels)"),
        ("numbers", Image.new("L", (9, 6), 3), "holds values that are no class: 3 (54 pixels)"),
        ("table", Image.new("L", (9, 6), 3), "holds values that are no class: 3 (54 pixels)"),
        ("voc", Image.new("L", (6, 9), 10), "has 9 x 6 (height x width) pixels, and its photograph"),
    ],
)
def test_a_wrong_file_is_refused_by_the_check_and_by_the_shard(
    dataset: Dataset, tmp_path: Path, kind: str, image: Image.Image, fault: str
) -> None:
    mode = "RGB" if kind == "palette" else "L"
    images = {one: as_image(meanings(WORKED[one], WRITTEN[kind]), WRITTEN[kind], mode) for one in FULL}
    folder = save(tmp_path / "labels", images | {"plain": image})
    lines = faults_of(dataset, folder, settings_of(kind))
    assert len(lines) == 3
    assert lines[1].startswith(f"{folder}/plain.png {fault}")
    manifest = tmp_path / "0-of-1.tsv"
    with pytest.raises(WsssError) as error:
        write_label_file_shard(dataset, ["plain"], folder, settings_of(kind), tmp_path / "out", manifest)
    assert str(error.value) == lines[1]
    assert not manifest.exists()


def test_many_faults_are_counted_and_few_are_named(dataset: Dataset, tmp_path: Path, good: Path) -> None:
    names = [f"x{number:02}" for number in range(12)]
    index = dataset.root / "images.tsv"
    copy = tmp_path / "data"
    (copy / "lists").mkdir(parents=True)
    header, *rows = index.read_text().splitlines()
    row = next(one for one in rows if one.startswith("plain\t"))
    more = [row.replace("plain", name) for name in names]
    (copy / "images.tsv").write_text("\n".join([header, *rows, *more]) + "\n")
    (copy / "skipped.tsv").write_text("id\tfile\treason\n")
    (copy / "lists" / "train.txt").write_text("".join(f"{one}\n" for one in (*FULL, *names)))
    (copy / "dataset.json").write_text((dataset.root / "dataset.json").read_text())
    table = (dataset.root / "image_labels.csv").read_text()
    (copy / "image_labels.csv").write_text(table + "".join(f"{name},1,0\n" for name in names))
    list_tables(copy, {})
    lines = faults_of(Dataset(copy), good, settings_of("voc"))
    assert lines[0].startswith(f"{good}: 12 faults")
    assert [line.partition(" is missing")[0] for line in lines[1:11]] == [f"{good}/{name}.png" for name in names[:10]]
    assert lines[11:] == ["and 2 more", f"{LEGEND}0 background, 10 cow, 12 dog, 255 ignored"]


def test_a_class_without_a_label_is_a_fault(dataset: Dataset, good: Path) -> None:
    for image_id in ("turned", "big"):
        as_image(meanings(FULL[image_id], {"background": 0, "cow": 0}), WRITTEN["voc"], "L").save(
            good / f"{image_id}.png"
        )
    assert faults_of(dataset, good, settings_of("voc"))[1:-1] == [
        "no label image holds dog, and images of train have these classes: correct pseudo_labels.values, or take them "
        "out of data.classes"
    ]
    for image_id, size in FULL.items():
        Image.new("L", size[::-1]).save(good / f"{image_id}.png")
    assert faults_of(dataset, good, settings_of("voc"))[1].startswith("no label image holds cow, dog, and")


def test_classes_that_an_image_does_not_have_are_counted_in_the_log(
    dataset: Dataset, good: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "wsss")
    check_label_files(dataset, good, settings_of("voc"))
    assert caplog.messages == []
    as_image(meanings(FULL["turned"], {"cow": 0, "dog": 0, "person": 0}), WRITTEN["voc"], "L").save(good / "turned.png")
    check_label_files(dataset, good, settings_of("voc"))
    (message,) = caplog.messages
    assert message.startswith(
        "1 of 3 label images hold classes that their image does not have by its image-level label, the first is turned "
        "(cow)."
    )


def test_without_a_background_the_value_0_is_a_class_or_a_fault(tmp_path: Path) -> None:
    dataset = made_dataset(tmp_path, has_background=False)
    images = {one: Image.fromarray(np.resize(np.uint8([0, 1, 255]), size)) for one, size in FULL.items()}
    folder = save(tmp_path / "labels", images)
    table = settings_of("voc").model_copy(update={"values": {"cow": 1, "dog": 0}})
    check_label_files(dataset, folder, table)
    found = written_values(dataset, folder, table, tmp_path / "out")
    np.testing.assert_array_equal(found["plain"], np.resize([7, 3, 255], FULL["plain"]))
    faults = faults_of(dataset, folder, settings_of("numbers"))
    assert f"{folder}/plain.png holds values that are no class: 0 (18 pixels)" in faults
    assert faults[-1] == f"{LEGEND}1 cow, 2 dog, 255 ignored"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cow": 1}, r"pseudo_labels\.values: no value for dog: give every class of the dataset one"),
        (
            {"cow": 1, "dog": 2, "cat": 3},
            r"pseudo_labels\.values: the dataset has no class 'cat'; its classes are: cow",
        ),
        ({"cow": 1, "dog": 0}, r"pseudo_labels\.values: dog = 0, and 0 is the background: correct the value"),
    ],
)
def test_a_table_that_does_not_fit_the_classes_is_refused(
    dataset: Dataset, good: Path, values: dict[str, int], message: str
) -> None:
    settings = LabelFileSettings.read("pseudo_labels", {"method": "files", "name": "ReCAM", "values": values})
    with pytest.raises(WsssError, match=f"^config: {message}"):
        check_label_files(dataset, good, settings)


def test_classes_must_be_vocs_for_vocs_values(tmp_path: Path, good: Path) -> None:
    dataset = prepared(tmp_path / "cells", ["cow", "nucleus", "cell"], {"train": ["plain"]})
    with pytest.raises(
        WsssError, match=r"^config: .* = 'voc': PASCAL VOC has no class nucleus, cell: say with a table"
    ):
        check_label_files(dataset, good, settings_of("voc"))


def test_a_missing_folder_is_named_with_its_key(dataset: Dataset, tmp_path: Path) -> None:
    message = f"^no folder {tmp_path}/none: set locations.pseudo_labels.ReCAM to that of the label images$"
    with pytest.raises(WsssError, match=message):
        check_label_files(dataset, tmp_path / "none", settings_of("voc"))

"""Small datasets in COCO's form: labels counted by hand, masks held against pycocotools' own reader."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as pycocotools_mask
from pycocotools.coco import COCO

from tests.data.archives import jpeg
from wsss.data.images import read_labels
from wsss.data.listing import Listing
from wsss.data.preparation import prepare
from wsss.data.sources import coco_file, json_text
from wsss.data.sources.coco import list_coco
from wsss.data.sources.coco_file import read_instances
from wsss.data.sources.coco_masks import decoded_counts
from wsss.errors import WsssError
from wsss.settings.coco import CocoSettings

Content = dict[str, Any]
CATEGORIES = {"cat": 3, "dog": 17, "très petit": 90}
CAT, DOG, SMALL = CATEGORIES.values()
SIZES = {"a": (20, 30), "b": (33, 21), "c": (9, 40), "empty": (5, 6)}
# Not in order, and with gaps.
IMAGE_IDS = {"b": 700, "a": 9, "c": 2**40, "empty": 12}
SQUARE = [2.0, 3.0, 12.0, 3.0, 12.0, 11.0, 2.0, 11.0]
TRIANGLE = [5.5, 1.25, 19.0, 18.5, 7.0, 16.75]


def annotation(own: int, image: str, category: int, segmentation: object, **more: object) -> Content:
    """An annotation of one of the images."""
    named = {"id": own, "image_id": IMAGE_IDS[image], "category_id": category, "segmentation": segmentation}
    return {"area": 1.5, "bbox": [1, 2, 3, 4], "iscrowd": 0, **named, **more}


def runs(size: tuple[int, int], seed: int, compressed: bool) -> Content:
    """Run lengths of a random mask."""
    mask = np.random.default_rng(seed).random(size) < 0.4
    packed = pycocotools_mask.encode(np.asfortranarray(mask, np.uint8))
    if compressed:
        return {"size": [*size], "counts": packed["counts"].decode()}
    columns = mask.T.ravel()
    changes = np.flatnonzero(np.diff(columns.astype(int), prepend=0, append=2))
    return {"size": [*size], "counts": np.diff(changes, prepend=0).tolist()}


def content(*annotations: Content, images: tuple[str, ...] = ("b", "a", "c", "empty")) -> Content:
    """An instances file."""
    return {
        "info": {"year": 2014, "contributor": "naïve"},
        "images": [
            {"id": IMAGE_IDS[own], "file_name": f"{own}.jpg", "height": SIZES[own][0], "width": SIZES[own][1]}
            for own in images
        ],
        "licenses": [{"id": 1, "name": "none"}],
        "annotations": [*annotations],
        "categories": [{"id": own, "name": name, "supercategory": "x"} for name, own in CATEGORIES.items()],
    }


def usual() -> Content:
    """Polygons, run lengths of both kinds, a crowd, and overlaps, in no order."""
    return content(
        annotation(5, "a", CAT, [SQUARE]),
        annotation(90, "b", SMALL, runs(SIZES["b"], 0, compressed=True)),
        annotation(6, "a", DOG, [TRIANGLE, [20, 2, 28.5, 2, 28.5, 9, 20, 9]]),
        annotation(2, "c", DOG, runs(SIZES["c"], 1, compressed=False)),
        annotation(91, "b", CAT, [SQUARE]),
        annotation(92, "b", CAT, runs(SIZES["b"], 2, compressed=False), iscrowd=1),
        annotation(7, "a", CAT, [[0, 0, 6, 0, 6, 6, 0, 6]]),
    )


def write(folder: Path, found: Content, name: str = "instances_train.json", photographs: str = "train") -> Path:
    """Write an instances file and its photographs."""
    (folder / photographs).mkdir(parents=True, exist_ok=True)
    for image in found.get("images", []):
        if isinstance(image, dict) and (own := str(image.get("file_name"))).removesuffix(".jpg") in SIZES:
            (folder / photographs / own).write_bytes(jpeg(*SIZES[own.removesuffix(".jpg")]))
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    return folder


def settings(**changes: Any) -> CocoSettings:
    return CocoSettings.read("data", {"kind": "coco", "name": "own", "train": "instances_train.json"} | changes)


def listed(folder: Path, workers: int = 1, **changes: Any) -> Listing:
    return list_coco(settings(**changes), folder, folder.parent / "out", workers)


def painted(folder: Path, name: str = "instances_train.json", crowd: int | None = 255) -> dict[str, np.ndarray]:
    """The masks by pycocotools, crowds first, then annotation by annotation as in the file."""
    coco = COCO(folder / name)
    found = {}
    for image in coco.dataset["images"]:
        labels = np.zeros((image["height"], image["width"]), np.uint8)
        own = [one for one in coco.dataset["annotations"] if one["image_id"] == image["id"]]
        for one in [a for a in own if a["iscrowd"]]:
            if crowd is not None:
                labels[coco.annToMask(one) == 1] = crowd
        for one in [a for a in own if not a["iscrowd"]]:
            labels[coco.annToMask(one) == 1] = one["category_id"]
        found[Path(image["file_name"]).stem] = labels
    return found


def masks(listing: Listing) -> dict[str, np.ndarray]:
    return {own: read_labels((listing.mask_folder or listing.folder) / path) for own, path in listing.masks.items()}


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    for own, labels in found.items():
        np.testing.assert_array_equal(labels, expected[own], err_msg=own)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "coco", usual())


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(("crowd", "value"), [("ignore", 255), ("leave_out", None)])
def test_masks_are_those_of_pycocotools(folder: Path, crowd: str, value: int | None, workers: int) -> None:
    listing = listed(folder, workers, crowd=crowd)
    assert set(listing.masks) == {"a", "b", "c"}
    assert_same(masks(listing), painted(folder, crowd=value))
    assert (masks(listing)["b"] == 255).any() == (crowd == "ignore")


def test_a_listing_says_everything_of_the_images(folder: Path) -> None:
    listing = listed(folder)
    assert (listing.folder, listing.mask_folder) == (folder, folder.parent / "out" / "masks")
    assert listing.classes == CATEGORIES
    assert listing.ignored_classes == {}
    assert listing.splits == {"train": ["a", "b", "c"], "train_scored": ["a", "b", "c"], "val": [], "test": []}
    assert {own: labels.tolist() for own, labels in listing.labels.items()} == {
        "a": [1, 1, 0],
        "b": [1, 0, 1],
        "c": [0, 1, 0],
    }
    assert listing.photographs == {own: f"train/{own}.jpg" for own in "abc"}
    assert listing.masks == {own: f"{own}.png" for own in "abc"}
    for own, path in listing.photographs.items():
        assert (listing.folder / path).read_bytes() == (folder / "train" / f"{own}.jpg").read_bytes()


def test_classes_stand_in_the_order_of_their_ids(tmp_path: Path) -> None:
    found = usual()
    found["categories"].reverse()
    listing = listed(write(tmp_path / "coco", found))
    assert list(listing.classes) == list(CATEGORIES)
    assert listing.labels["b"].tolist() == [1, 0, 1]


def test_a_later_annotation_covers_an_earlier_one(tmp_path: Path) -> None:
    """The order is that of the file, not of the ids."""
    cat, dog = annotation(5, "a", CAT, [SQUARE]), annotation(4, "a", DOG, [SQUARE])
    for name, order, value in (("x", (cat, dog), DOG), ("y", (dog, cat), CAT)):
        listing = listed(write(tmp_path / name / "coco", content(*order)))
        assert set(np.unique(masks(listing)["a"])) == {0, value}
        assert listing.labels["a"].tolist() == [1, 1, 0]


@pytest.mark.parametrize("crowd_first", [True, False])
def test_a_crowd_covers_background_only_and_gives_no_label(tmp_path: Path, crowd_first: bool) -> None:
    whole = {"size": [20, 30], "counts": [0, 600]}
    crowd, cat = annotation(1, "a", DOG, whole, iscrowd=1), annotation(2, "a", CAT, [SQUARE])
    order = (crowd, cat) if crowd_first else (cat, crowd)
    folder = write(
        tmp_path / "coco", content(*order, annotation(3, "b", DOG, {"size": [33, 21], "counts": [0, 693]}, iscrowd=1))
    )
    listing, found = listed(folder), masks(listed(folder))
    inside = COCO(folder / "instances_train.json").annToMask(cat) == 1
    assert (found["a"][inside] == CAT).all()
    assert (found["a"][~inside] == 255).all()
    assert (found["b"] == 255).all()
    assert listing.labels["a"].tolist() == [1, 0, 0]
    assert listing.labels["b"].tolist() == [0, 0, 0]
    without = masks(listed(folder, crowd="leave_out"))
    assert (without["a"] == np.where(inside, CAT, 0)).all()
    assert (without["b"] == 0).all()


def test_classes_that_are_left_out_are_ignored_in_masks(folder: Path) -> None:
    listing = listed(folder, classes={"dog": DOG})
    assert listing.classes == {"dog": DOG}
    assert listing.ignored_classes == {"cat": CAT, "très petit": SMALL}
    assert {own: labels.tolist() for own, labels in listing.labels.items()} == {"a": [1], "b": [0], "c": [1]}
    for own, labels in painted(folder).items():
        if own in listing.masks:
            expected = np.where(np.isin(labels, (CAT, SMALL)), 255, labels)
            np.testing.assert_array_equal(masks(listing)[own], expected)


def test_images_without_annotations_can_be_kept(folder: Path) -> None:
    listing = listed(folder, unannotated="keep")
    assert listing.splits["train"] == ["a", "b", "c", "empty"]
    assert listing.labels["empty"].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(masks(listing)["empty"], np.zeros(SIZES["empty"], np.uint8))


def test_photographs_of_unused_images_are_not_needed(folder: Path) -> None:
    (folder / "train" / "empty.jpg").unlink()
    assert listed(folder).splits["train"] == ["a", "b", "c"]
    with pytest.raises(WsssError, match=r"missing image: .*empty\.jpg, .*\(1 of 4 are missing\)"):
        listed(folder, unannotated="keep")


def test_without_masks_no_segmentation_and_no_pycocotools_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detection files have boxes only."""
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    boxes = usual()
    for one in boxes["annotations"]:
        del one["segmentation"]
    folder = write(tmp_path / "coco", boxes)
    listing = listed(folder, masks=False)
    assert listing.splits == {"train": ["a", "b", "c"], "train_scored": [], "val": [], "test": []}
    assert listing.masks == {}
    assert listing.labels["a"].tolist() == [1, 1, 0]
    assert not (folder.parent / "out" / "masks").exists()
    with pytest.raises(WsssError, match=r"pycocotools, which is not installed: pip install -e '\.\[coco\]'"):
        listed(folder)


def two_files(folder: Path) -> Path:
    write(folder, content(annotation(1, "a", CAT, [SQUARE]), annotation(2, "c", DOG, [SQUARE]), images=("a", "c")))
    val = content(annotation(1, "b", DOG, [SQUARE]), images=("b", "empty"))
    return write(folder, val, "annotations/instances_val.json", "val")


def test_val_has_a_file_of_its_own(tmp_path: Path) -> None:
    folder = two_files(tmp_path / "coco")
    listing = listed(folder, val="annotations/instances_val.json")
    assert listing.splits == {"train": ["a", "c"], "train_scored": ["a", "c"], "val": ["b"], "test": []}
    assert listing.photographs["b"] == "val/b.jpg"
    assert listing.labels["b"].tolist() == [0, 1, 0]
    expected = painted(folder) | painted(folder, "annotations/instances_val.json")
    assert set(listing.masks) == {"a", "b", "c"}
    assert_same(masks(listing), expected)


def test_val_may_be_train(folder: Path) -> None:
    """Where nothing is held out, as with lists of one's own."""
    listing = listed(folder, val="instances_train.json")
    assert listing.splits["val"] == listing.splits["train"] == ["a", "b", "c"]


def test_a_part_of_train_is_held_out(tmp_path: Path) -> None:
    names = [f"x{number:03d}" for number in range(200)]
    found = content(annotation(1, "a", CAT, [SQUARE]))
    found["images"] = [{"id": i, "file_name": f"{name}.jpg", "height": 20, "width": 30} for i, name in enumerate(names)]
    found["annotations"] = [annotation(i, "a", CAT, [SQUARE], image_id=i) for i in range(200)]
    folder = write(tmp_path / "coco", found)
    for name in names:
        (folder / "train" / f"{name}.jpg").touch()
    drawn = {}
    for seed in (0, 1):
        splits = listed(folder, holdout=0.25, seed=seed, masks=False).splits
        assert sorted([*splits["train"], *splits["val"]]) == names
        assert len(splits["val"]) == 50
        assert [*splits["val"]] == sorted(splits["val"])
        drawn[seed] = splits["val"]
    assert drawn[0] != drawn[1]
    assert listed(folder, holdout=0.25, masks=False).splits["val"] == drawn[0]
    found["images"].reverse()
    assert listed(write(folder, found), holdout=0.25, masks=False).splits["val"] == drawn[0]
    with pytest.raises(
        WsssError, match=r"data\.holdout = 0\.001 of 200 images draws 0 for val, which leaves val empty"
    ):
        listed(folder, holdout=0.001, masks=False)


def test_photographs_lie_where_the_settings_or_the_file_say(tmp_path: Path) -> None:
    found = content(annotation(1, "a", CAT, [SQUARE]), images=("a",))
    named = write(tmp_path / "1" / "coco", found, "annotations/instances_train2017.json", "train2017")
    assert listed(named, train="annotations/instances_train2017.json").photographs == {"a": "train2017/a.jpg"}
    found["images"][0]["file_name"] = "deep/a.jpg"
    beside = write(tmp_path / "2" / "coco", found, photographs="deep")
    (beside / "deep" / "a.jpg").write_bytes(jpeg(20, 30))
    assert listed(beside).photographs == {"deep-a": "deep/a.jpg"}
    given = write(tmp_path / "3" / "coco", found, photographs="pictures/deep")
    (given / "pictures" / "deep" / "a.jpg").write_bytes(jpeg(20, 30))
    assert listed(given, train_images="pictures").photographs == {"deep-a": "pictures/deep/a.jpg"}


def test_any_name_of_a_photograph_gives_an_id(tmp_path: Path) -> None:
    found = content(annotation(1, "a", DOG, [SQUARE]), annotation(2, "b", DOG, [SQUARE]))
    found["images"][0]["file_name"], found["images"][1]["file_name"] = "Kuh, alt (1).jpg", "x/Kuh.png"
    folder = write(tmp_path / "coco", found)
    for name in ("Kuh, alt (1).jpg", "x/Kuh.png"):
        (folder / "train" / name).parent.mkdir(exist_ok=True)
        (folder / "train" / name).write_bytes(jpeg(20, 30))
    photographs = listed(folder).photographs
    assert photographs == {"Kuh_alt_1": "train/Kuh, alt (1).jpg", "x-Kuh": "train/x/Kuh.png"}


def test_a_second_call_replaces_the_masks(folder: Path) -> None:
    listed(folder)
    other = write(folder.parent / "other", content(annotation(1, "c", DOG, [SQUARE])))
    listing = listed(other)
    assert listing.folder == other
    assert sorted(path.name for path in (folder.parent / "out" / "masks").iterdir()) == ["c.png"]
    assert (folder / "train" / "a.jpg").exists()


def test_points_and_lines_cover_no_pixel(tmp_path: Path) -> None:
    """pycocotools would take four numbers for a box."""
    folder = write(tmp_path / "coco", content(annotation(1, "a", CAT, [[1, 1, 5, 5], [3, 3], [], SQUARE])))
    alone = write(tmp_path / "2" / "coco", content(annotation(1, "a", CAT, [SQUARE])))
    assert_same(masks(listed(folder)), painted(alone))
    flat = write(tmp_path / "3" / "coco", content(annotation(1, "a", CAT, [[1, 1, 15, 15]])))
    assert not masks(listed(flat))["a"].any()


def test_random_polygons_are_those_of_pycocotools(tmp_path: Path) -> None:
    """Points outside the image and edges that cross each other, too."""
    draw = np.random.default_rng(0)
    polygons = [draw.uniform(-8, 40, 2 * draw.integers(3, 12)).round(2).tolist() for _ in range(60)]
    values = draw.choice([CAT, DOG, SMALL], 60).tolist()
    found = content(*(annotation(i, "abc"[i % 3], values[i], polygons[i : i + 1 + i % 2]) for i in range(60)))
    folder = write(tmp_path / "coco", found)
    assert_same(masks(listed(folder, workers=2)), painted(folder))


def test_run_lengths_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """JSON can write half of a surrogate pair, which no encoding of text can hold."""
    found = usual()
    first(found).update(segmentation={**SIZE, "counts": "\ud800"})
    folder = write(tmp_path / "coco", usual())
    (folder / "instances_train.json").write_text(json.dumps(found))
    with pytest.raises(WsssError, match="annotation 5 has compressed run lengths that are damaged"):
        listed(folder)


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7), (400, 500)])
def test_compressed_run_lengths(size: tuple[int, int]) -> None:
    draw = np.random.default_rng(0)
    for share in (0, 0.001, 0.5, 0.999, 1):
        mask = np.asfortranarray(draw.random(size) < share, np.uint8)
        counts = decoded_counts(pycocotools_mask.encode(mask)["counts"])
        rebuilt = np.repeat(np.arange(len(counts)) % 2, counts)
        np.testing.assert_array_equal(rebuilt, mask.T.ravel())


def first(found: Content, key: str = "annotations") -> Content:
    item: Content = found[key][0]
    return item


def change(key: str = "annotations", **values: Any) -> Callable[[Content], object]:
    """The first item of a list with other values; without those that are None."""

    def apply(found: Content) -> None:
        first(found, key).update(values)
        for name in [name for name, value in values.items() if value is None]:
            del first(found, key)[name]

    return apply


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda found: found["images"][1].update(height=99),
            r"a\.png has 99 x 30 .*: correct the height .* in .*train\.json",
        ),
        (change("categories", name="image_id"), "a class is called image_id, and a column .* rename the class"),
    ],
)
def test_what_does_not_fit_the_prepared_dataset_is_refused(
    tmp_path: Path, spoil: Callable[[Content], object], message: str
) -> None:
    found = usual()
    spoil(found)
    listing = listed(write(tmp_path / "coco", found))
    with pytest.raises(WsssError, match=message):
        prepare(listing, tmp_path / "out")
    assert not (tmp_path / "out" / "images.tsv").exists()


def segmentation(value: object) -> Callable[[Content], object]:
    return lambda found: first(found).update(segmentation=value)


def repeat(key: str, **values: Any) -> Callable[[Content], object]:
    return lambda found: found[key].append({**found[key][0], **values})


SIZE = {"size": [20, 30]}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda found: found.pop("annotations"), "is no instances file of COCO: it has no 'annotations'"),
        (lambda found: [found.pop(key) for key in ("images", "categories")], "it has no 'images' and 'categories'"),
        (lambda found: found.update(images={}), "images is no list"),
        (lambda found: found.update(annotations=[]), "the list annotations is empty"),
        (lambda found: found["images"].insert(1, 7), "number 2 of images is no object"),
        (change(image_id=4711), "annotation 5 has image_id 4711, which is not in images"),
        (change(category_id=4), "annotation 5 has category_id 4, which is not in categories"),
        (change(id=None), "annotation number 1 has no id"),
        (change(id="five"), "annotation number 1 has id 'five', not a whole number"),
        (change(id=2**63), "annotation number 1 has id '9223372036854775808'"),
        (change(id=True), "annotation number 1 has id 'True'"),
        (change(image_id=None), "annotation 5 has no image_id"),
        (change(category_id=1.5), "annotation 5 has category_id '1.5'"),
        (change(iscrowd=2), "annotation 5 has iscrowd '2', not 0 or 1"),
        (change(id=90), "the annotation id 90 is there twice: give each annotation its own id"),
        (repeat("images"), "the image id 700 is there twice"),
        (repeat("images", id=1), r"two images have the file_name 'b\.jpg'"),
        (repeat("categories"), "the category name 'cat' is there twice"),
        (repeat("categories", name="cats"), "the category id 3 is there twice"),
        (change("categories", name=""), "category number 1 has name '', not a text"),
        (change("categories", name="a\nb"), "category number 1 has name"),
        (change("images", file_name=None), "image 700 has no file_name"),
        (change("images", file_name="../b.jpg"), r"the file_name '\.\./b\.jpg' does not stay below"),
        (change("images", file_name="x/../../b.jpg"), "does not stay below"),
        (change("images", file_name="/b.jpg"), "does not stay below"),
        (change("images", file_name="..\\b.jpg"), "does not stay below"),
        (change("images", file_name="b\u202eb.jpg"), "does not stay below"),
        (change("images", file_name="b\0b.jpg"), "does not stay below"),
        (change("images", file_name="."), r"the file_name '\.' does not stay below .*, or names no file"),
        (change("images", file_name="gone.jpg"), r"missing image: .*train/gone\.jpg, .*\(1 of 3 are missing\)"),
        (change("images", height=None), "image 700 has no height"),
        (change("images", height=0), "image 700 has height 0 and width 21"),
        (change("images", height=100_000, width=100_000), "at most 178,956,970 pixels"),
        (segmentation(None), r"annotation 5 has no segmentation.*data\.masks: false"),
        (change(segmentation=None), "annotation 5 has no segmentation"),
        (segmentation([]), "annotation 5 has no segmentation"),
        (segmentation(5), "annotation 5 has a segmentation that is neither"),
        (segmentation(SQUARE), "annotation 5 has a polygon that is not a list of numbers"),
        (segmentation([[*SQUARE, 1]]), "annotation 5 has a polygon that is not a list of numbers"),
        (segmentation([["1"] * 6]), "annotation 5 has a polygon that is not a list of numbers"),
        (segmentation([SQUARE, [True] * 6]), "annotation 5 has a polygon that is not a list of numbers"),
        (segmentation([[1e9, *SQUARE[1:]]]), "annotation 5 has a polygon with points far outside"),
        (segmentation([[10**400, *SQUARE[1:]]]), "annotation 5 has a polygon with points far outside"),
        (segmentation([[float("nan"), *SQUARE[1:]]]), "annotation 5 has a polygon with points far outside"),
        (segmentation([[float("inf"), *SQUARE[1:]]]), "annotation 5 has a polygon with points far outside"),
        (segmentation({"counts": [600]}), "annotation 5 has run lengths of the size None"),
        (segmentation({"size": [30, 20], "counts": [600]}), r"of the size \[30, 20\], and its image has \[20, 30\]"),
        (segmentation({**SIZE}), "annotation 5 has run lengths .* neither a list"),
        (segmentation({**SIZE, "counts": [600.0]}), "annotation 5 has run lengths .* neither a list"),
        (segmentation({**SIZE, "counts": []}), "do not cover the 20 x 30 pixels"),
        (segmentation({**SIZE, "counts": [1, 598]}), "do not cover the 20 x 30 pixels"),
        (segmentation({**SIZE, "counts": [1, 600]}), "do not cover the 20 x 30 pixels"),
        (segmentation({**SIZE, "counts": [700, -100]}), "do not cover the 20 x 30 pixels"),
        (segmentation({**SIZE, "counts": [2**64 + 600]}), "do not cover the 20 x 30 pixels"),
        (segmentation({**SIZE, "counts": ""}), "annotation 5 has compressed run lengths that are damaged"),
        (segmentation({**SIZE, "counts": "hb1\x7f"}), "annotation 5 has compressed run lengths that are damaged"),
        (segmentation({**SIZE, "counts": "hé1"}), "annotation 5 has compressed run lengths that are damaged"),
        (segmentation({**SIZE, "counts": "oooooooo0"}), "annotation 5 has compressed run lengths that are damaged"),
        (segmentation({**SIZE, "counts": "h"}), "do not cover|are damaged"),
        (segmentation({**SIZE, "counts": "5N"}), "do not cover the 20 x 30 pixels"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, spoil: Callable[[Content], object], message: str) -> None:
    """One line that names the file and the place; no mask is left."""
    found = usual()
    spoil(found)
    folder = write(tmp_path / "coco", found)
    with pytest.raises(WsssError, match=message) as error:
        listed(folder)
    assert str(folder / "instances_train.json") in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out" / "masks").exists()


def test_the_first_problem_is_named_and_others_are_counted(tmp_path: Path) -> None:
    found = usual()
    for one in found["annotations"][2:5]:
        one["category_id"] = 55
    with pytest.raises(WsssError, match=r"annotation 6 has category_id 55, which is not in categories \(and 2 more\)"):
        listed(write(tmp_path / "coco", found))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"horse": 3}, r"data\.classes: horse = 3, but in .*json horse is none of cat, dog, très petit"),
        ({"cat": 4}, r"data\.classes: cat = 4, but in .*json cat has the id 3"),
    ],
)
def test_classes_that_the_file_has_not(folder: Path, classes: dict[str, int], message: str) -> None:
    with pytest.raises(WsssError, match=message):
        listed(folder, classes=classes)


@pytest.mark.parametrize("value", [0, -1, 255, 1203])
def test_ids_that_no_mask_holds_can_be_left_out(tmp_path: Path, value: int) -> None:
    found = usual()
    found["categories"].append({"id": value, "name": "large"})
    found["annotations"].append(annotation(1, "c", value, [[0, 0, 40, 0, 40, 9, 0, 9]]))
    folder = write(tmp_path / "coco", found)
    with pytest.raises(WsssError, match=rf"'large' has the id {value}, and masks hold 1\.\.254.*data\.classes"):
        listed(folder)
    listing = listed(folder, classes=CATEGORIES)
    assert listing.ignored_classes == {}
    assert (masks(listing)["c"] == 255).any()


def test_at_most_253_classes(tmp_path: Path) -> None:
    found = usual()
    found["categories"] = [{"id": i, "name": f"class {i}"} for i in range(1, 255)]
    folder = write(tmp_path / "coco", found)
    with pytest.raises(WsssError, match=r"has 254 categories, and at most 253 can be used.*data\.classes"):
        listed(folder)
    part = {f"class {i}": i for i in range(1, 254)}
    assert len(listed(folder, classes=part).classes) == 253


def test_images_of_val_are_not_trained_on(tmp_path: Path) -> None:
    folder = two_files(tmp_path / "coco")
    write(folder, content(annotation(1, "a", CAT, [SQUARE])), "annotations/instances_val.json", "val")
    with pytest.raises(WsssError, match=r"have the image a in common \(1 in all\)"):
        listed(folder, val="annotations/instances_val.json")


def test_train_and_val_have_the_same_categories(tmp_path: Path) -> None:
    folder = two_files(tmp_path / "coco")
    other = content(annotation(1, "b", CAT, [SQUARE]), images=("b",))
    other["categories"][1]["id"] = 18
    write(folder, other, "annotations/instances_val.json", "val")
    with pytest.raises(WsssError, match="different categories: 'dog' has the id 17 in the first and 18 in the second"):
        listed(folder, val="annotations/instances_val.json")


def test_a_file_without_annotated_images_is_named(tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"missing annotation file: .*instances_train\.json"):
        listed(write(tmp_path / "coco", usual(), "other.json"))
    with pytest.raises(WsssError, match=r"no dataset at .*nowhere"):
        listed(tmp_path / "nowhere")


def same(one: coco_file.Instances, other: coco_file.Instances) -> None:
    for name in ("categories", "file_names"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("sizes", "annotations", "images", "category_ids", "crowd"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 64, *range(300, 420, 17), 10_000])
@pytest.mark.parametrize("indent", [None, 1])
def test_pieces_of_any_size_give_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, piece: int, indent: int | None
) -> None:
    whole = read_instances(folder / "instances_train.json")
    monkeypatch.setattr(coco_file, "MIB", piece)
    path = folder / "again.json"
    path.write_text(json.dumps(usual(), indent=indent, ensure_ascii=indent is None), encoding="utf-8")
    found = read_instances(path)
    same(found, whole)
    content = path.read_bytes()
    for span, one in zip(found.spans.tolist(), usual()["annotations"], strict=True):
        assert json.loads(content[slice(*span)]) == one


def test_a_text_that_looks_like_polygons_stays_as_it_is(folder: Path) -> None:
    """Polygons are passed over. Texts are not."""
    found = usual()
    for image in found["images"]:
        image["file_name"] = f'x"segmentation": [[1, 2]]{image["file_name"]}'
    (folder / "again.json").write_text(json.dumps(found))
    read = read_instances(folder / "again.json")
    assert read.file_names == [image["file_name"] for image in found["images"]]


def test_a_polygon_that_is_no_json_is_refused_when_it_is_painted(folder: Path) -> None:
    path = folder / "instances_train.json"
    text = path.read_text()
    assert text.count("[[2.0, 3.0,") == 2
    path.write_text(text.replace("[[2.0, 3.0,", "[[2.0, 3.0,,", 1))
    read_instances(path)
    with pytest.raises(WsssError, match="annotation 5 is no JSON: get or export the file anew"):
        listed(folder)


@pytest.mark.parametrize("order", [("annotations", "categories", "images"), ("categories", "images", "annotations")])
def test_keys_in_any_order_and_a_byte_order_mark(folder: Path, order: tuple[str, ...]) -> None:
    whole = read_instances(folder / "instances_train.json")
    text = json.dumps({key: usual()[key] for key in order})
    (folder / "again.json").write_text(text, encoding="utf-8-sig")
    same(read_instances(folder / "again.json"), whole)


def test_a_file_that_is_cut_is_no_json(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco_file, "MIB", 100)
    whole = (folder / "instances_train.json").read_bytes()
    path = folder / "cut.json"
    for cut in [*range(0, len(whole), 13), len(whole) - 1]:
        path.write_bytes(whole[:cut])
        with pytest.raises(WsssError, match=r"cut\.json is no JSON in UTF-8 \(byte \d+: ") as error:
            read_instances(path)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "byte 0"),
        (b"\x89PNG\r\n", "byte 0: '{' is expected"),
        ('{"images": []}'.encode("utf-16"), "byte 0: '{' is expected"),
        (b'{"images": [{"id": 1,}]}', "is no JSON"),
        (b'{"images": [1 2]}', r"byte 1[0-9]|number 1 of images is no object"),
        (b'{"info": [1 2]}', "byte 12: ',' is expected"),
        (b'{"info": 1} {', "byte 12: something follows"),
        (b'{"info": 1, "info": 2}', "the key 'info' is there twice"),
        (b"{7: 1}", "a key in quotes is expected"),
        (b'{"info": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"info": ' + b"9" * 5000 + b"}", "is no JSON"),
        (b'{"info": "\xff\xfe"}', "not UTF-8"),
        (b"[1, 2]", "it is a list without 'images'"),
    ],
)
def test_what_is_no_instances_file(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text)
    with pytest.raises(WsssError, match=message) as error:
        read_instances(path)
    assert str(path) in str(error.value)
    assert len(str(error.value)) < 400


def test_no_value_is_longer_than_the_bound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that never ends does not fill the memory."""
    monkeypatch.setattr(coco_file, "MIB", 10)
    monkeypatch.setattr(json_text, "LONGEST", 1000)
    (folder / "x.json").write_text('{"info": "' + 100_000 * "x")
    with pytest.raises(WsssError, match="byte 9: Unterminated string"):
        read_instances(folder / "x.json")
    read_instances(folder / "instances_train.json")

"""Masks of objects in pseudo labels: the rule against sets of pixels, the formats against their own writers."""

import io
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as pycocotools_mask

from tests.prepared import listed, prepared
from wsss.data.dataset import Dataset
from wsss.data.images import read_labels, write_labels
from wsss.data.index import IndexRow
from wsss.errors import WsssError
from wsss.manifests.rows import damaged_rows
from wsss.manifests.single_files import list_file
from wsss.refinement.object_masks.files import MOST_LAYERS, read_object_masks
from wsss.refinement.object_masks.merged_labels import check_object_masks, write_merged_shard
from wsss.refinement.object_masks.merging import ObjectMasks, merge
from wsss.settings.merged_labels import MergedLabelSettings
from wsss.stores.label_images import label_path

PNG = MergedLabelSettings(name="sam", format="png")
RLE = MergedLabelSettings(name="sam", format="rle")
SIZE = (4, 5)
ROW = IndexRow("a", *SIZE, *SIZE, 1, "", "dataset/a.jpg", "", "", "")
# Of a photograph of 8 x 10 pixels (height x width) that lies on its side and is worked on at 4 x 5.
LARGE = ROW._replace(full_height=8, full_width=10, orientation=6)


def packed(masks: np.ndarray) -> ObjectMasks:
    """Masks, bool (m, height, width), as `merge` takes them."""
    owners, ys, xs = np.nonzero(masks)
    return ObjectMasks((masks.shape[1], masks.shape[2]), len(masks), owners, ys * masks.shape[2] + xs)


def unpacked(masks: ObjectMasks) -> np.ndarray:
    """bool (m, height, width)."""
    found = np.zeros((masks.count, masks.size[0] * masks.size[1]), bool)
    found[masks.owners, masks.pixels] = True
    assert found.sum() == len(masks.pixels), "a pixel of a mask is there twice"
    return found.reshape(masks.count, *masks.size)


def naive_merge(labels: np.ndarray, masks: np.ndarray, inside: float, covered: float) -> tuple[np.ndarray, set[str]]:
    """The rule with sets of pixels, and the names of the cases that occurred."""
    places = [(y, x) for y in range(labels.shape[0]) for x in range(labels.shape[1])]
    waiting = {m: {at for at in places if masks[m][at]} for m in range(len(masks))}
    found = {at: 255 if labels[at] == 255 else 0 for at in places}
    cases: set[str] = set()
    for number in range(1, 254):
        own = {at for at in places if labels[at] == number}
        if not own:
            continue
        under_masks = {at for mask in waiting.values() for at in mask}
        mine = own - under_masks
        cases |= {"kept beside masks"} if mine else set()
        for m, mask in sorted(waiting.items()):
            common = len(mask & own)
            if mask and common / len(mask) > inside:
                cases.add("inside")
            elif common / len(own) >= covered:
                cases.add("covered alone")
            else:
                continue
            mine |= mask
            del waiting[m]
        cases |= {"dropped"} if own - mine else set()
        for at in mine:
            cases |= {"written over"} if found[at] not in (0, 255) else set()
            found[at] = number
    cases |= {"ignored stays"} if 255 in found.values() else set()
    return np.array([found[at] for at in places], np.uint8).reshape(labels.shape), cases


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels in blocks with noise, and masks: boxes, noise, pseudo labels with a border, and an empty one."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(3, 9, 2).tolist()
    numbers = rng.choice([0, 1, 2, 3, 200, 253, 255], rng.integers(1, 5), replace=False)
    blocks = numbers[rng.integers(0, len(numbers), (3, 3))]
    labels = np.kron(blocks, np.ones((3, 3)))[:height, :width].astype(np.uint8)
    labels = np.where(rng.random(labels.shape) < 0.1, rng.choice(numbers, labels.shape), labels).astype(np.uint8)
    masks = np.zeros((rng.integers(0, 8), height, width), bool)
    for mask in masks[1:]:
        top, left = rng.integers(0, height), rng.integers(0, width)
        mask[top : top + rng.integers(1, 5), left : left + rng.integers(1, 5)] = True
        if rng.random() < 0.3:
            mask[:] = (labels == rng.choice(numbers)) ^ (rng.random(mask.shape) < 0.1)
    return labels, masks


def test_labels_are_those_of_sets_of_pixels() -> None:
    seen: set[str] = set()
    for seed in range(300):
        labels, masks = random_case(seed)
        rng = np.random.default_rng(seed)
        shares = {"inside": rng.choice([0.5, 0.3, 0.0, 0.75]), "covered": rng.choice([0.85, 0.5, 1.0])}
        before = labels.copy()
        wanted, cases = naive_merge(labels, masks, **shares)
        found = merge(labels, packed(masks), PNG.model_copy(update=shares))
        np.testing.assert_array_equal(found, wanted, err_msg=f"seed {seed}")
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(labels, before)
        seen |= cases
    assert seen == {"inside", "covered alone", "dropped", "kept beside masks", "written over", "ignored stays"}


def row_of(*values: int) -> np.ndarray:
    return np.array([values])


@pytest.mark.parametrize(
    ("labels", "masks", "wanted"),
    [
        # Half of a mask is not more than half.
        (row_of(1, 1, 1, 0, 0, 0), [row_of(0, 0, 1, 1, 0, 0)], row_of(1, 1, 0, 0, 0, 0)),
        (row_of(1, 1, 1, 0, 0, 0), [row_of(0, 1, 1, 1, 0, 0)], row_of(1, 1, 1, 1, 0, 0)),
        # 17 of 20 are 85%, and 16 are not.
        (row_of(*[2] * 20, *[0] * 30), [row_of(*[0] * 3, *[1] * 47)], row_of(*[2] * 50)),
        (row_of(*[2] * 20, *[0] * 30), [row_of(*[0] * 4, *[1] * 46)], row_of(*[2] * 4, *[0] * 46)),
        # Ignored pixels count in the mask, and are of the class if the mask is.
        (row_of(1, 255, 255, 255), [row_of(1, 1, 0, 0)], row_of(1, 1, 255, 255)),
        (row_of(1, 1, 1, 255, 255, 255), [row_of(0, 0, 1, 1, 1, 0)], row_of(1, 1, 0, 255, 255, 255)),
        # A mask that fits both classes goes to the first one. The second class then keeps its pixels under it.
        (row_of(1, 2, 2, 2, 0), [row_of(1, 1, 1, 1, 0)], row_of(1, 2, 2, 2, 0)),
        # Masks that overlap and fit different classes: the later class is written.
        (row_of(1, 1, 1, 2, 2, 2), [row_of(1, 1, 1, 1, 0, 0), row_of(0, 0, 1, 1, 1, 1)], row_of(1, 1, 2, 2, 2, 2)),
        # Without classes, and without masks.
        (row_of(0, 255, 0), [row_of(1, 1, 1)], row_of(0, 255, 0)),
        (row_of(0, 255, 7), [], row_of(0, 255, 7)),
        (row_of(0, 255, 7), [row_of(0, 0, 0)], row_of(0, 255, 7)),
    ],
)
def test_cases_counted_by_hand(labels: np.ndarray, masks: list[np.ndarray], wanted: np.ndarray) -> None:
    stack = np.array(masks, bool).reshape(-1, *labels.shape)
    np.testing.assert_array_equal(merge(labels.astype(np.uint8), packed(stack), PNG), wanted)


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_masks_does_not_matter(seed: int) -> None:
    labels, masks = random_case(seed)
    shuffled = masks[np.random.default_rng(seed).permutation(len(masks))]
    np.testing.assert_array_equal(merge(labels, packed(masks), PNG), merge(labels, packed(shuffled), PNG))


@pytest.mark.parametrize(
    "changes",
    [{"inside": 1.0}, {"inside": -0.1}, {"covered": 0.0}, {"covered": 1.1}, {"format": "npz"}, {"name": "a/b"}],
)
def test_impossible_settings_are_refused(changes: dict[str, Any]) -> None:
    (key,) = changes
    with pytest.raises(WsssError, match=rf"^config: merged_labels\.{key} = "):
        MergedLabelSettings.read("merged_labels", {"name": "sam", "format": "png"} | changes)


# Formats. Each writer writes masks, uint8 (m, height, width), for the image of a name.


def as_png(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def write_palette(folder: Path, name: str, masks: np.ndarray) -> None:
    image = Image.fromarray(numbered(masks).astype(np.uint8))
    image.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    as_png(image, folder / f"{name}.png")


def write_grey(folder: Path, name: str, masks: np.ndarray) -> None:
    as_png(Image.fromarray(numbered(masks).astype(np.uint8)), folder / f"{name}.png")


def write_sixteen_bits(folder: Path, name: str, masks: np.ndarray) -> None:
    as_png(Image.fromarray((numbered(masks) * 257).astype(np.uint16)), folder / f"{name}.png")


def write_folder(folder: Path, name: str, masks: np.ndarray) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "metadata.csv").write_text("id,area\n")
    for number, mask in enumerate(masks):
        as_png(Image.fromarray(mask * np.uint8(255)), folder / name / f"{number}.png")


def write_folder_of_bits(folder: Path, name: str, masks: np.ndarray) -> None:
    for number, mask in enumerate(masks):
        as_png(Image.fromarray(mask.astype(bool)), folder / name / f"mask_{number}.PNG")


def compressed(mask: np.ndarray) -> dict[str, Any]:
    runs = pycocotools_mask.encode(np.asfortranarray(mask))
    return {"size": [*mask.shape], "counts": runs["counts"].decode()}


def uncompressed(mask: np.ndarray) -> dict[str, Any]:
    changes = np.flatnonzero(np.diff(mask.T.ravel().astype(int), prepend=0, append=2))
    return {"size": [*mask.shape], "counts": np.diff(changes, prepend=0).tolist()}


def write_json(folder: Path, name: str, content: Any) -> None:
    (folder / f"{name}.json").parent.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(content))


def write_sam_list(folder: Path, name: str, masks: np.ndarray) -> None:
    write_json(folder, name, [{"area": 3, "segmentation": compressed(mask)} for mask in masks])


def write_uncompressed(folder: Path, name: str, masks: np.ndarray) -> None:
    write_json(folder, name, [{"segmentation": uncompressed(mask)} for mask in masks])


def write_sa1b(folder: Path, name: str, masks: np.ndarray) -> None:
    image = {"image_id": 1, "height": masks.shape[1], "width": masks.shape[2], "file_name": f"{name}.jpg"}
    annotations = [{"id": n, "segmentation": compressed(mask)} for n, mask in enumerate(masks)]
    write_json(folder, name, {"image": image, "annotations": annotations})


def numbered(masks: np.ndarray) -> np.ndarray:
    """An index image, int64 (height, width), of masks that do not overlap."""
    assert masks.sum(0).max() <= 1
    return np.tensordot(np.arange(1, len(masks) + 1), masks.astype(np.int64), 1)


Writer = Callable[[Path, str, np.ndarray], None]
INDEX: list[Writer] = [write_palette, write_grey, write_sixteen_bits]
EACH: list[Writer] = [write_folder, write_folder_of_bits, write_sam_list, write_uncompressed, write_sa1b]


def settings_of(writer: Writer) -> MergedLabelSettings:
    return RLE if writer in (write_sam_list, write_uncompressed, write_sa1b) else PNG


def random_masks(size: tuple[int, int], disjoint: bool) -> np.ndarray:
    """Four masks, uint8; not of their mirrors' or transposes' form."""
    rng = np.random.default_rng(3)
    if disjoint:
        return (rng.integers(0, 5, size) == np.arange(1, 5)[:, None, None]).astype(np.uint8)
    return (rng.random((4, *size)) < 0.4).astype(np.uint8)


def as_sets(masks: np.ndarray) -> set[bytes]:
    return {mask.astype(bool).tobytes() for mask in masks if mask.any()}


@pytest.mark.parametrize("writer", [*INDEX, *EACH])
def test_a_format_is_read_as_its_writer_meant_it(writer: Writer, tmp_path: Path) -> None:
    masks = random_masks(SIZE, writer in INDEX)
    writer(tmp_path, "a", masks)
    found = read_object_masks(tmp_path, ROW, settings_of(writer))
    assert found.size == SIZE
    assert as_sets(unpacked(found)) == as_sets(masks)


@pytest.mark.parametrize("writer", [*INDEX, *EACH])
@pytest.mark.parametrize("stored", ["worked on", "upright", "before turning"])
def test_masks_of_a_larger_photograph_are_turned_and_resized(writer: Writer, stored: str, tmp_path: Path) -> None:
    upright = random_masks((8, 10), writer in INDEX)
    wanted = upright[:, 1::2, 1::2]
    # Orientation 6: the file is shown turned clockwise by a quarter.
    written = {"worked on": wanted, "upright": upright, "before turning": np.rot90(upright, 1, (1, 2))}[stored]
    writer(tmp_path, "a", np.ascontiguousarray(written))
    assert as_sets(unpacked(read_object_masks(tmp_path, LARGE, settings_of(writer)))) == as_sets(wanted)


def test_masks_may_have_the_path_of_their_photograph(tmp_path: Path) -> None:
    row = ROW._replace(id="field-IMG_1.v2", file="dataset/field/IMG 1.v2.jpg")
    masks = random_masks(SIZE, disjoint=True)
    for folder, name in (("by_path", "field/IMG 1.v2"), ("by_id", "field-IMG_1.v2")):
        for writer in (write_grey, write_folder, write_sam_list):
            writer(tmp_path / folder / writer.__name__, name, masks)
            found = read_object_masks(tmp_path / folder / writer.__name__, row, settings_of(writer))
            assert as_sets(unpacked(found)) == as_sets(masks)


@pytest.mark.parametrize("writer", EACH)
def test_an_image_may_have_no_mask(writer: Writer, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "metadata.csv").write_text("id\n")
    if settings_of(writer) is RLE:
        writer(tmp_path, "a", np.zeros((0, *SIZE), np.uint8))
    assert read_object_masks(tmp_path, ROW, settings_of(writer)).count == 0


# Files that are wrong.


def png_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def whole(counts: Any, size: Any = SIZE) -> bytes:
    return json.dumps(
        [{"segmentation": {"size": size if isinstance(size, str) else [*size], "counts": counts}}]
    ).encode()


NOISE = np.random.default_rng(1).integers(0, 200, (4, 5), np.uint8)


def characters(number: int) -> str:
    """A number of compressed run lengths."""
    found = ""
    while True:
        low, number = number & 31, number >> 5
        ended = number == (-1 if low & 16 else 0)
        found += chr(48 + low + (0 if ended else 32))
        if ended:
            return found


def overflowing() -> str:
    """Compressed run lengths, none negative, whose sum is 2^64 + 20. In 64 bits that is the area of a whole mask."""
    largest, target = 2**34 - 1, 2**64 + 20
    steps, numbers, total = [largest] * 3, [largest] * 3, 3 * largest
    while total < target:
        steps.append(largest)
        numbers.append(numbers[-2] + largest)
        total += numbers[-1]
    # From the fourth number on, each step is in every second number after it.
    followers = len(range(3, len(steps), 2))
    steps[3] -= (total - target) // followers
    steps[-1] -= (total - target) % followers
    return "".join(map(characters, steps))


FULL = {"segmentation": {"size": [4, 5], "counts": [0, 20]}}
WRONG: dict[str, tuple[str, bytes, str]] = {
    "truncated png": ("a.png", png_bytes(NOISE)[:-30], "damaged mask: .*a.png"),
    "no png": ("a.png", b"\x89PNG", "damaged mask: .*a.png"),
    "another size": ("a.png", png_bytes(NOISE.T), r"a.png has 5 x 4 \(height x width\) pixels"),
    "colours": ("a.png", png_bytes(np.zeros((4, 5, 3), np.uint8)), "mode RGB; masks are numbers in one channel"),
    "several in one": ("a/0.png", png_bytes(NOISE), r"a/0.png holds several values .* as a\.png"),
    "empty folder": ("a/notes.txt", b"", "holds neither PNG files nor metadata.csv"),
    "empty json": ("a.json", b"", "a.json is no JSON"),
    "truncated json": ("a.json", whole([0, 20])[:-9], "a.json is no JSON"),
    "two lists": ("a.json", b"[] []", "something follows the list"),
    "no utf-8": ("a.json", b'[{"x": "\xff"}]', "a.json is no JSON in UTF-8"),
    "nested": ("a.json", b"[" * 100_000, "a.json is no JSON .*nested too deeply"),
    "number": ("a.json", b"[7]", "mask 1 has no segmentation"),
    "long number": ("a.json", b"[" + b"7" * 5000 + b"]", "a.json is no JSON"),
    "polygons": ("a.json", b'[{"segmentation": [[0, 0, 3, 0, 3, 3]]}]', "mask 1 has no segmentation with size"),
    "annotations missing": ("a.json", b'{"image": {}}', "holds 0 lists called annotations"),
    "annotations twice": ("a.json", b'{"annotations": [], "annotations": []}', "holds 2 lists called annotations"),
    "annotations no list": ("a.json", b'{"annotations": 3}', "a.json is no JSON"),
    "size swapped": ("a.json", whole([0, 20], (5, 4)), r"run lengths of the size \[5, 4\], .*has \[4, 5\]"),
    "size huge": ("a.json", whole([0, 10**12], (10**6, 10**6)), r"run lengths of the size \[1000000, 1000000\]"),
    "size text": ("a.json", whole([0, 20], "4x5"), "run lengths of the size 4x5"),
    "counts short": ("a.json", whole([3, 4]), "mask 1 has run lengths that do not cover the 4 x 5 pixels"),
    "counts long": ("a.json", whole([0, 10**30]), "mask 1 has run lengths that do not cover"),
    "counts negative": ("a.json", whole([25, -5]), "mask 1 has run lengths that do not cover"),
    "counts fractions": ("a.json", whole([0, 20.0]), "neither a list of whole numbers nor a text"),
    "counts true": ("a.json", whole([19, True]), "neither a list of whole numbers nor a text"),
    "counts no text": ("a.json", whole("é"), "compressed run lengths that are damaged"),
    "counts cut": ("a.json", whole("o"), "compressed run lengths that are damaged"),
    "counts overflow": ("a.json", whole(overflowing()), "mask 1 has run lengths that do not cover"),
    "bomb": ("a.json", json.dumps([FULL] * (MOST_LAYERS + 1)).encode(), "cover the image more than 50 times"),
    "many": ("a.json", json.dumps([{"segmentation": {"size": [4, 5], "counts": [20]}}] * 10_001).encode(), "10000"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_ends_in_one_line_that_names_it(name: str, tmp_path: Path) -> None:
    file, content, message = WRONG[name]
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(WsssError, match=message) as error:
        read_object_masks(tmp_path, ROW, RLE if path.suffix == ".json" else PNG)
    assert str(path) in str(error.value) or str(path.parent) in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_a_wrong_size_is_told_before_pixels_are_decoded(tmp_path: Path) -> None:
    """A header that names 9,900 x 9,000 pixels, with none of them behind it."""
    content = bytearray(png_bytes(NOISE))
    content[16:24] = struct.pack(">II", 9_000, 9_900)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (tmp_path / "a.png").write_bytes(content[:45])
    with pytest.raises(WsssError, match="has 9900 x 9000 "):
        read_object_masks(tmp_path, ROW, PNG)


def test_a_json_file_too_large_for_one_image_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(WsssError, match=r"a\.json is larger than 64 MiB"):
        read_object_masks(tmp_path, ROW, RLE)


def test_a_file_and_a_folder_of_one_image_are_refused(tmp_path: Path) -> None:
    masks = random_masks(SIZE, disjoint=True)
    write_grey(tmp_path, "a", masks)
    write_folder(tmp_path, "a", masks)
    with pytest.raises(WsssError, match=r"a\.png and the folder .*a may both be the masks of dataset/a\.jpg"):
        read_object_masks(tmp_path, ROW, PNG)


# The stage.


def dataset_of(folder: Path, ids: list[str], has_background: bool = True) -> Dataset:
    return prepared(folder, ["cat", "dog"], {"train": ids}, has_background=has_background)


def test_everything_wrong_is_named_at_once(tmp_path: Path) -> None:
    ids = [f"im{number:02}" for number in range(20)]
    dataset, folder = dataset_of(tmp_path / "data", ids), tmp_path / "masks"
    for image_id in ids[:5]:
        write_grey(folder, image_id, random_masks(SIZE, disjoint=True))
    check_object_masks(dataset, ids[:5], folder, PNG)
    (folder / "im01.png").write_bytes(b"")
    write_grey(folder, "im03", random_masks((5, 4), disjoint=True))
    told = []
    for workers in (1, 3):
        with pytest.raises(WsssError) as error:
            check_object_masks(dataset, ids, folder, PNG, workers)
        told.append(str(error.value))
    head, *lines, more = (line.strip() for line in told[0].split("\n"))
    assert told[0] == told[1]
    assert head == "the object masks of 17 of 20 images cannot be used:"
    assert len(lines) == 10
    assert "im01.png" in lines[0]
    assert "im03.png has 5 x 4" in lines[1]
    assert lines[2] == (
        f"image im05 (dataset/im05.jpg) has no masks: there is no file im05.png and no folder im05 in {folder}"
    )
    assert more == "and 7 more"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path / "data", ["a"])
    with pytest.raises(WsssError, match=f"no folder of object masks at {tmp_path}/gone"):
        check_object_masks(dataset, ["a"], tmp_path / "gone", PNG)


def shard(tmp_path: Path, dataset: Dataset, ids: list[str], masks: Path, name: str) -> Path:
    """The folder of a shard of merged labels, of the pseudo labels in tmp_path/pseudo."""
    out = tmp_path / name
    write_merged_shard(dataset, ids, listed(tmp_path / "pseudo"), masks, PNG, out, out / "0.tsv")
    return out


@pytest.mark.parametrize("has_background", [True, False])
def test_a_shard_holds_merged_labels_in_the_values_of_the_config(tmp_path: Path, has_background: bool) -> None:
    data = tmp_path / "data"
    dataset = dataset_of(data, ["a"], has_background)
    description = json.loads((data / "dataset.json").read_text()) | {"classes": {"cat": 8, "dog": 12}}
    (data / "dataset.json").write_text(json.dumps(description))
    list_file(data / "dataset.json")
    empty = 0 if has_background else 255
    pseudo = np.full(SIZE, empty, np.uint8)
    pseudo[:2, :3], pseudo[3, 0], pseudo[3, 4] = 8, 12, 255
    write_labels(label_path(tmp_path / "pseudo", "a"), pseudo)
    masks = np.zeros((2, *SIZE), np.uint8)
    masks[0, :2, :5] = 1  # takes the cat, and grows it
    masks[1, 2:, :3] = 1  # holds all of the dog
    write_folder(tmp_path / "masks", "a", masks)
    out = shard(tmp_path, dataset, ["a"], tmp_path / "masks", "merged")
    wanted = np.full(SIZE, empty, np.uint8)
    wanted[:2], wanted[2:, :3], wanted[3, 4] = 8, 12, 255
    np.testing.assert_array_equal(read_labels(label_path(out, "a")), wanted)
    assert damaged_rows(out / "0.tsv", out) == []


def test_the_bytes_do_not_depend_on_the_order_of_files(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path / "data", ["a"])
    rng = np.random.default_rng(5)
    write_labels(label_path(tmp_path / "pseudo", "a"), rng.integers(0, 3, SIZE).astype(np.uint8))
    masks = random_masks(SIZE, disjoint=False)
    write_folder(tmp_path / "one", "a", masks)
    (tmp_path / "other" / "a").mkdir(parents=True)
    for number in (2, 0, 3, 1):
        os.link(tmp_path / "one" / "a" / f"{number}.png", tmp_path / "other" / "a" / f"{9 - number}.png")
    folders = [shard(tmp_path, dataset, ["a"], tmp_path / name, f"out_{name}") for name in ("one", "other")]
    one, other = (label_path(folder, "a").read_bytes() for folder in folders)
    assert one == other


def test_a_shard_with_a_wrong_file_leaves_no_manifest(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path / "data", ["a", "b"])
    for image_id in "ab":
        write_labels(label_path(tmp_path / "pseudo", image_id), np.ones(SIZE, np.uint8))
    write_grey(tmp_path / "masks", "a", random_masks(SIZE, disjoint=True))
    with pytest.raises(WsssError, match=r"image b .* has no masks"):
        shard(tmp_path, dataset, ["a", "b"], tmp_path / "masks", "merged")
    assert not (tmp_path / "merged" / "0.tsv").exists()
    write_labels(label_path(tmp_path / "pseudo", "a"), np.ones((5, 4), np.uint8))
    with pytest.raises(WsssError, match=r"a\.png is of 5 x 4 pixels, and its image of 4 x 5; `wsss verify"):
        shard(tmp_path, dataset, ["a"], tmp_path / "masks", "merged")

"""Photographs as people have them: which way up, how many bits, how large, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from wsss.data.dataset import Dataset
from wsss.data.images import read_image, write_labels
from wsss.data.listing import Listing
from wsss.data.photographs import bounded_size, look, upright_image
from wsss.data.preparation import prepare
from wsss.errors import WsssError

# What each EXIF orientation does to the stored rows and columns, by the definition of the tag: whether height and width
# are swapped first, then which of the axes are reversed.
ORIENTATIONS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def pixels(height: int, width: int) -> np.ndarray:
    """Smooth pixels, which JPEG keeps nearly as they are, with four corners that differ."""
    down, across = np.mgrid[:height, :width]
    red, green = 250 * down // max(height - 1, 1), 250 * across // max(width - 1, 1)
    return np.stack([red, green, np.full_like(red, 90)], axis=-1).astype(np.uint8)


def by_definition(stored: np.ndarray, orientation: int) -> np.ndarray:
    swap, down, across = ORIENTATIONS[orientation]
    shown = stored.swapaxes(0, 1) if swap else stored
    return shown[:: -1 if down else 1, :: -1 if across else 1]


def saved(path: Path, image: Image.Image, orientation: int = 1, **options: Any) -> Path:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image.save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("orientation", list(ORIENTATIONS))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_every_orientation_is_turned_upright(tmp_path: Path, orientation: int, ending: str) -> None:
    stored = pixels(24, 40)
    lossless = {"lossless": True} if ending == "webp" else {"quality": 98} if ending == "jpg" else {}
    path = saved(tmp_path / f"a.{ending}", Image.fromarray(stored), orientation, **lossless)
    expected = by_definition(stored, orientation)
    found = np.asarray(upright_image(path))
    assert look(path).size == found.shape[:2] == expected.shape[:2]
    assert np.abs(found.astype(int) - expected).max() <= (8 if ending == "jpg" else 0)


def test_what_is_plain_reads_the_same_without_a_copy(tmp_path: Path) -> None:
    stored = Image.fromarray(pixels(9, 7))
    for name, image in (("rgb", stored), ("grey", stored.convert("L")), ("palette", stored.quantize(9))):
        image.save(tmp_path / f"{name}.png")
        assert look(tmp_path / f"{name}.png").plain
        np.testing.assert_array_equal(upright_image(tmp_path / f"{name}.png"), read_image(tmp_path / f"{name}.png"))
    stored.convert("CMYK").save(tmp_path / "cmyk.jpg")
    assert look(tmp_path / "cmyk.jpg").plain
    np.testing.assert_array_equal(upright_image(tmp_path / "cmyk.jpg"), read_image(tmp_path / "cmyk.jpg"))


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_of_sixteen_bits_the_high_eight_are_kept(tmp_path: Path, ending: str) -> None:
    deep = np.array([[0, 255, 256, 65_535], [4096, 32_768, 1, 51_200]], np.uint16)
    Image.fromarray(deep).save(tmp_path / f"a.{ending}")
    assert not look(tmp_path / f"a.{ending}").plain
    for channel in range(3):
        found = np.asarray(upright_image(tmp_path / f"a.{ending}"))[..., channel]
        assert found.tolist() == [[0, 0, 1, 255], [16, 128, 0, 200]]


def test_floats_from_0_to_1_become_0_to_255_and_others_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 0.5, 1, 0.25]], np.float32)).save(tmp_path / "a.tif")
    assert np.asarray(upright_image(tmp_path / "a.tif"))[0, :, 0].tolist() == [0, 128, 255, 64]
    for wrong in (1.5, -0.1, np.nan, np.inf):
        Image.fromarray(np.array([[0, wrong]], np.float32)).save(tmp_path / "b.tif")
        with pytest.raises(WsssError, match=r"b\.tif holds floats outside 0\.\.1: save it with 8 or 16 bits"):
            upright_image(tmp_path / "b.tif")


def test_integers_beyond_sixteen_bits_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 70_000]], np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(WsssError, match=r"a\.tif holds values outside 0\.\.65535"):
        upright_image(tmp_path / "a.tif")


def test_transparent_parts_become_white(tmp_path: Path) -> None:
    layered = np.array([[[200, 0, 0, 255], [200, 0, 0, 0], [0, 0, 0, 51]]], np.uint8)
    Image.fromarray(layered).save(tmp_path / "a.png")
    assert np.asarray(upright_image(tmp_path / "a.png")).tolist() == [[[200, 0, 0], [255, 255, 255], [204, 204, 204]]]
    indexed = Image.fromarray(np.array([[0, 1]], np.uint8))
    indexed.putpalette([10, 20, 30, 40, 50, 60])
    indexed.save(tmp_path / "b.png", transparency=1)
    assert np.asarray(upright_image(tmp_path / "b.png")).tolist() == [[[10, 20, 30], [255, 255, 255]]]


@pytest.mark.parametrize("ending", ["tif", "webp", "png"])
def test_files_of_several_images_are_refused_by_name(tmp_path: Path, ending: str) -> None:
    first = Image.fromarray(pixels(8, 8))
    first.save(tmp_path / f"a.{ending}", save_all=True, append_images=[first.rotate(90)])
    with pytest.raises(WsssError, match=rf"a\.{ending} holds 2 images \(an animation or pages\)"):
        look(tmp_path / f"a.{ending}")


def test_of_a_cameras_file_with_a_preview_the_photograph_is_taken(tmp_path: Path) -> None:
    stored = Image.fromarray(pixels(16, 24))
    stored.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[stored.resize((6, 4))], quality=95)
    assert look(tmp_path / "a.jpg").size == (16, 24)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "damaged image"), (b"\xff\xd8\xff\xe0 no image", "damaged image"), (None, "missing image")],
)
def test_damaged_and_missing_files_are_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(WsssError, match=rf"{message}: .*a\.jpg"):
        look(tmp_path / "a.jpg")


def test_a_truncated_file_is_found_where_its_pixels_are_read(tmp_path: Path) -> None:
    whole = saved(tmp_path / "a.jpg", Image.fromarray(pixels(200, 300)), 6).read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WsssError, match=r"damaged image: .*a\.jpg"):
        upright_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("size", [(10, 20), (3000, 4000), (1, 10_000_000), (5000, 10_000), (1415, 1415)])
def test_the_size_of_work_keeps_the_aspect_and_the_bound(size: tuple[int, int]) -> None:
    height, width = bounded_size(size, 2_000_000)
    assert height * width <= 2_000_000
    assert min(height, width) >= 1
    if size[0] * size[1] <= 2_000_000:
        assert (height, width) == size
    elif min(size) > 1:
        # One pixel more on each side would be beyond the bound or the aspect.
        assert (height + 1) * (width + 1) > 2_000_000
        assert abs(height / width - size[0] / size[1]) < 0.002 * size[0] / size[1]


def prepared(tmp_path: Path, names: list[str], masks: dict[str, str], most_pixels: int = 2_000_000) -> Dataset:
    ids = [Path(name).stem for name in names]
    splits = {"train": ids, "train_scored": ids, "val": ids}
    labels = {image_id: np.ones(1) for image_id in ids}
    listing = Listing(tmp_path, dict(zip(ids, names, strict=True)), splits, labels, {"cat": 8}, {}, masks)
    prepare(listing, tmp_path / "made", most_pixels=most_pixels)
    return Dataset(tmp_path / "made")


@pytest.mark.parametrize("orientation", list(ORIENTATIONS))
def test_image_and_mask_agree_whichever_way_the_mask_was_drawn(tmp_path: Path, orientation: int) -> None:
    """A mask as the camera stored the photograph, and one of the upright photograph."""
    stored, labels = pixels(24, 40), np.zeros((24, 40), np.uint8)
    labels[:7, :11] = 8
    expected = by_definition(labels, orientation) == 8
    saved(tmp_path / "a.png", Image.fromarray(stored), orientation)
    write_labels(tmp_path / "upright.png", by_definition(labels, orientation))
    write_labels(tmp_path / "stored.png", labels)
    masks = ["upright.png"] if orientation in (2, 3, 4) else ["upright.png", "stored.png"]
    for mask in masks:
        data = prepared(tmp_path, ["a.png"], {"a": mask})
        np.testing.assert_array_equal(read_image(data.image_path("a")), by_definition(stored, orientation))
        np.testing.assert_array_equal(data.truth("a"), expected)
        assert data.sizes["a"] == expected.shape


def test_a_photograph_above_the_bound_gets_a_smaller_copy_and_its_mask_follows(tmp_path: Path) -> None:
    stored, labels = pixels(120, 200), np.zeros((120, 200), np.uint8)
    labels[:60] = 8
    saved(tmp_path / "a.jpg", Image.fromarray(stored), quality=95)
    write_labels(tmp_path / "a.png", labels)
    data = prepared(tmp_path, ["a.jpg"], {"a": "a.png"}, most_pixels=6000)
    row = data.index["a"]
    assert (row.size, row.full_size, row.copy) == ((60, 100), (120, 200), "copies/a.jpg")
    shown = np.asarray(read_image(data.image_path("a"))).astype(int)
    assert np.abs(shown - stored.reshape(60, 2, 100, 2, 3).mean((1, 3))).mean() < 3
    np.testing.assert_array_equal(data.truth("a"), labels[::2, ::2] == 8)


def test_bad_images_are_left_out_where_the_config_says_so(tmp_path: Path) -> None:
    for name in ("a", "c"):
        Image.fromarray(pixels(8, 8)).save(tmp_path / f"{name}.jpg")
    (tmp_path / "b.jpg").write_bytes(b"no image")
    ids = ["a", "b", "c"]
    photographs = {image_id: f"{image_id}.jpg" for image_id in [*ids, "d"]}
    splits = {"train": ids, "train_scored": ids, "val": [], "test": ["d"]}
    listing = Listing(tmp_path, photographs, splits, {one: np.ones(1) for one in ids}, {"cat": 1})
    with pytest.raises(WsssError, match=r"damaged image: .*b\.jpg"):
        prepare(listing, tmp_path / "stopped")
    assert not (tmp_path / "stopped" / "images.tsv").exists()
    prepare(listing, tmp_path / "made", skip_bad_images=True)
    data = Dataset(tmp_path / "made")
    assert (data.ids("train"), data.ids("test"), list(data.index)) == (["a", "c"], [], ["a", "c"])
    assert [(one.id, one.reason.partition(":")[0]) for one in data.skipped] == [
        ("b", "damaged image"),
        ("d", "missing image"),
    ]


def test_a_wrong_mask_stops_the_run_also_where_bad_images_are_left_out(tmp_path: Path) -> None:
    Image.fromarray(pixels(8, 8)).save(tmp_path / "a.png")
    write_labels(tmp_path / "mask.png", np.full((8, 8), 7))
    splits = {"train": ["a"], "train_scored": ["a"]}
    listing = Listing(tmp_path, {"a": "a.png"}, splits, {"a": np.ones(1)}, {"cat": 8}, {}, {"a": "mask.png"})
    with pytest.raises(WsssError, match=r"mask\.png holds the value 7"):
        prepare(listing, tmp_path / "made", skip_bad_images=True)

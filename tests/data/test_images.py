"""Photographs and label images: what is read is what was written, and damaged files are named."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss.data.images import read_image, read_labels, read_pixels, voc_palette, write_labels
from wsss.data.photographs import look, upright_image
from wsss.errors import WsssError


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (1, 9), (16, 16)])
def test_labels_come_back(tmp_path: Path, shape: tuple[int, int]) -> None:
    labels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    write_labels(tmp_path / "labels" / "x.png", labels)
    found = read_labels(tmp_path / "labels" / "x.png")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, labels)


def test_all_values_are_shown_in_vocs_colours(tmp_path: Path) -> None:
    write_labels(tmp_path / "x.png", np.arange(256, dtype=np.uint8).reshape(16, 16))
    with Image.open(tmp_path / "x.png") as image:
        assert image.mode == "P"
        shown = np.asarray(image.convert("RGB")).reshape(256, 3)
    np.testing.assert_array_equal(shown, voc_palette())
    assert len(np.unique(shown, axis=0)) == 256


def test_the_palette_is_vocs() -> None:
    # Colours as the VOC development kit shows them.
    known = {
        0: (0, 0, 0),
        1: (128, 0, 0),
        2: (0, 128, 0),
        3: (128, 128, 0),
        4: (0, 0, 128),
        8: (64, 0, 0),
        15: (192, 128, 128),
        20: (0, 64, 128),
        255: (224, 224, 192),
    }
    palette = voc_palette()
    assert palette.shape == (256, 3)
    assert {index: tuple(int(value) for value in palette[index]) for index in known} == known


def test_equal_labels_give_equal_bytes(tmp_path: Path) -> None:
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for name, array in (("a", labels), ("b", np.asfortranarray(labels)), ("c", labels.astype(np.int64))):
        write_labels(tmp_path / f"{name}.png", array)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_grey_labels_are_read_and_coloured_ones_are_not(tmp_path: Path) -> None:
    labels = np.array([[0, 3], [255, 7]], np.uint8)
    Image.fromarray(labels).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "grey.png"), labels)
    Image.fromarray(labels).convert("RGB").save(tmp_path / "rgb.png")
    with pytest.raises(WsssError, match=r"rgb\.png is an image of mode RGB.*: save it as such"):
        read_labels(tmp_path / "rgb.png")


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_photographs_of_every_mode_become_rgb(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (5, 3)).save(tmp_path / "x.jpg")
    image = read_image(tmp_path / "x.jpg")
    assert (image.mode, image.size) == ("RGB", (5, 3))
    np.testing.assert_array_equal(read_pixels(tmp_path / "x.jpg", (tmp_path / "x.jpg").read_bytes()), np.asarray(image))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(61, 47), (1, 1), (16, 33)])
def test_pixels_are_those_of_pillow(tmp_path: Path, size: tuple[int, int], subsampling: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    path = tmp_path / "x.jpg"
    Image.fromarray(noise).save(path, "JPEG", subsampling=subsampling, progressive=subsampling == 1)
    np.testing.assert_array_equal(read_pixels(path, path.read_bytes()), np.asarray(read_image(path)))
    Image.fromarray(noise).save(path, "PNG")
    np.testing.assert_array_equal(read_pixels(path, path.read_bytes()), noise)


def jpeg() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"no image at all", jpeg()[:200], jpeg()[: len(jpeg()) // 2]],
    ids=["empty", "text", "head", "half"],
)
def test_damaged_files_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "2007_000032.jpg"
    path.write_bytes(content)
    with pytest.raises(WsssError, match=r"damaged image: .*2007_000032\.jpg"):
        read_image(path)
    with pytest.raises(WsssError, match=r"damaged image: .*2007_000032\.jpg"):
        read_pixels(path, path.read_bytes())
    with pytest.raises(WsssError, match=r"2007_000032\.jpg"):
        read_labels(path)


def tiff_whose_second_page_has_no_width() -> bytes:
    buffer = io.BytesIO()
    page = Image.new("L", (8, 8))
    page.save(buffer, "TIFF", save_all=True, append_images=[page])
    content = bytearray(buffer.getvalue())
    entries = int.from_bytes(content[8:10], "little")
    second = int.from_bytes(content[10 + 12 * entries : 14 + 12 * entries], "little")
    content[second + 2 : second + 4] = b"\x33\x33"  # the tag of the width
    return bytes(content)


def png(width: int, palette: bytes) -> bytes:
    """An indexed PNG of this width and palette, whatever they are; its pixels are those of 8 x 8."""
    header = struct.pack(">IIBBBBB", width, width, 8, 3, 0, 0, 0)
    parts = [(b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(bytes(72))), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(own)) + kind + own + struct.pack(">I", zlib.crc32(kind + own)) for kind, own in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def refusal(read: Callable[[Path], object], path: Path) -> WsssError | None:
    try:
        read(path)
    except WsssError as error:
        return error
    return None


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (tiff_whose_second_page_has_no_width(), "damaged"),
        (png(8, bytes(3 * 257)), "damaged"),
        (png(100_000, bytes(6)), "too large"),
        (POSTSCRIPT, "cannot identify"),
    ],
    ids=["tiff", "palette", "huge", "postscript"],
)
def test_whatever_pillow_raises_becomes_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    """PostScript is no photograph: Pillow would run Ghostscript on it."""
    path = tmp_path / "x.png"
    path.write_bytes(content)
    told = [str(error) for read in (look, upright_image, read_image, read_labels) if (error := refusal(read, path))]
    assert told
    assert all(reason in one and "x.png" in one and "\n" not in one for one in told)


def test_a_truncated_label_image_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    write_labels(path, np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WsssError, match=r"damaged label image: .*x\.png"):
        read_labels(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "one.png")
    for read in (read_image, read_labels, look):
        with pytest.raises(WsssError, match=r"one\.png is a pipe or a device"):
            read(tmp_path / "one.png")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"missing image: .*x\.jpg"):
        read_image(tmp_path / "x.jpg")
    with pytest.raises(WsssError, match=r"missing label image: .*x\.png"):
        read_labels(tmp_path / "x.png")

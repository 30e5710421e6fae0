"""Stores of one image: equal bytes for equal content, and clear errors for any other file."""

import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numcodecs.zstd import Zstd

from tests.reference import noise
from wsss.errors import WsssError
from wsss.manifests.rows import damaged_rows, read_manifest
from wsss.stores import image_store
from wsss.stores.image_store import read_store, write_store, write_store_shard

ARRAYS = {"a": noise("store/a", (3, 17, 23)), "b": noise("store/b", (5, 1)).astype(np.float16)}
FACTS = {"size": [67, 91], "scales": [1.0, 0.5], "weights": "sha", "nothing": []}


def write(path: Path, image_id: str = "2007_000032") -> None:
    write_store(path, "kind", image_id, ARRAYS, FACTS)


def test_content_comes_back_bit_by_bit(tmp_path: Path) -> None:
    write(tmp_path / "new" / "x.zarr.zip")
    content = read_store(tmp_path / "new" / "x.zarr.zip", "kind", "2007_000032")
    assert set(content.arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert content.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(content.arrays[name], array)
    assert {name: content.attributes[name] for name in FACTS} == FACTS
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.zarr.zip"]


@pytest.fixture
def other_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time, as zip entries would keep it, hours away."""
    monkeypatch.setenv("TZ", "XYZ+11" if time.localtime().tm_hour > 11 else "XYZ-11")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_equal_content_gives_equal_bytes_at_any_time(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    write(tmp_path / "a.zip")
    before = time.localtime()[:5]
    request.getfixturevalue("other_zone")
    assert time.localtime()[:5] != before
    write(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        entries = archive.infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    # The group, and for each array its description and one chunk.
    assert len(entries) == 1 + 2 * len(ARRAYS)


@pytest.mark.parametrize(
    "array",
    [
        noise("store/c", (2, 5, 7)),
        noise("store/d", (4, 6)).astype(np.float16).T,
        noise("store/e", (3, 4, 5)).astype(">f4")[:, ::2],
        np.arange(256, dtype=np.uint8),
        np.array(7, np.int64),
        np.ones((0, 4, 5), np.float32),
        np.zeros((2, 3, 4), np.float16),
    ],
    ids=["float32", "transposed float16", "big-endian, not contiguous", "uint8", "a number", "no rows", "zeros"],
)
def test_an_array_is_one_chunk_in_files_of_fixed_names(array: np.ndarray, tmp_path: Path) -> None:
    """Uncompressed in the zip file, and read back in the machine's own order of bytes."""
    write_store(tmp_path / "x.zip", "kind", "i", {"a": array}, FACTS)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        found = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    chunk = "/".join(["a", "c", *"0" * array.ndim])
    assert list(found) == sorted(["zarr.json", "a/zarr.json", *([chunk] if array.size else [])])
    described = json.loads(found["a/zarr.json"])
    assert described["chunk_grid"]["configuration"]["chunk_shape"] == [max(side, 1) for side in array.shape]
    assert [codec["name"] for codec in described["codecs"]] == ["bytes", "zstd"]
    if array.size:
        little_endian = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        assert bytes(Zstd().decode(found[chunk])) == little_endian
    np.testing.assert_array_equal(read_store(tmp_path / "x.zip", "kind", "i").arrays["a"], array)


def test_other_content_gives_other_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.zip")
    write_store(tmp_path / "b.zip", "kind", "2007_000032", ARRAYS | {"b": ARRAYS["b"] + 1}, FACTS)
    assert (tmp_path / "a.zip").read_bytes() != (tmp_path / "b.zip").read_bytes()


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.5, 0.9, 0.99, -1])
def test_a_truncated_store_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "x.zip"
    write(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] if share == -1 else whole[: int(share * len(whole))])
    with pytest.raises(WsssError, match=r"damaged store: .*x\.zip \(BadZipFile: .*run `wsss verify --repair`"):
        read_store(path, "kind", "2007_000032")


def test_a_flipped_byte_in_a_chunk_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    write(path)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("a/c/0/0/0")
    content[entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(WsssError, match="damaged store"):
        read_store(path, "kind", "2007_000032")


def test_missing_and_foreign_stores_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with pytest.raises(WsssError, match=r"missing store: .*x\.zip"):
        read_store(path, "kind", "2007_000032")
    write(path)
    with pytest.raises(WsssError, match=r"x\.zip: image_id is '2007_000032', expected '2007_000033'"):
        read_store(path, "kind", "2007_000033")
    with pytest.raises(WsssError, match=r"x\.zip: kind is 'kind', expected 'cam'"):
        read_store(path, "cam", "2007_000032")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no store")
    with pytest.raises(WsssError, match=r"x\.zip is no store of this project; run `wsss verify --repair`"):
        read_store(path, "kind", "2007_000032")


def test_a_store_that_unpacks_to_more_than_maps_of_its_image_is_refused(tmp_path: Path) -> None:
    """Zeros are packed ten thousandfold. Nothing is unpacked before the size is known."""
    path, size = tmp_path / "x.zip", [8, 8]
    write_store(path, "cam", "i", {"scale_0": np.zeros((8, 2048, 2048), np.float32)}, {"size": size})
    assert path.stat().st_size < 50_000
    with pytest.raises(WsssError, match=r"x\.zip unpacks to 134217728 bytes, more than \d+; run `wsss verify"):
        read_store(path, "cam", "i")
    write_store(path, "cam", "i", {"scale_0": np.zeros((8, 2048, 2048), np.float32)}, {"size": [1000, 1000]})
    assert read_store(path, "cam", "i").arrays["scale_0"].shape == (8, 2048, 2048)


def test_a_store_whose_file_is_packed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    write_store(path, "cam", "i", {"scale_0": np.zeros((1, 4, 4), np.float32)}, {"size": [4, 4]})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(WsssError, match=r"x\.zip is no store of this project"):
        read_store(path, "cam", "i")


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr(image_store, "FORMAT_VERSION", 2)
        write(tmp_path / "x.zip")
    with pytest.raises(WsssError, match=r"x\.zip: version is 2, expected 1"):
        read_store(tmp_path / "x.zip", "kind", "2007_000032")


@pytest.mark.parametrize("shape", [(0, 4, 5), (0, 0), (1, 1, 1)])
def test_arrays_without_rows_and_of_one_pixel(tmp_path: Path, shape: tuple[int, ...]) -> None:
    write_store(tmp_path / "x.zip", "kind", "i", {"a": np.ones(shape, np.float32)}, {})
    found = read_store(tmp_path / "x.zip", "kind", "i").arrays["a"]
    assert found.shape == shape
    assert found.dtype == np.float32
    assert (found == 1).all()


def test_a_store_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    write(path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_store(path, "kind", "2007_000032", ARRAYS, {"not json": object()})
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["x.zip"]


class Numbers:
    """What a store is written from; writing fails for one id."""

    def __init__(self, image_id: str) -> None:
        self.image_id = image_id

    def write(self, path: Path) -> None:
        if self.image_id == "broken":
            raise WsssError("no space left")
        write_store(path, "kind", self.image_id, ARRAYS, FACTS)


def read_id(image_id: str) -> str:
    if image_id == "damaged":
        raise WsssError("damaged image")
    return image_id


def test_a_shard_is_its_stores_and_a_manifest_of_all(tmp_path: Path) -> None:
    ids, manifest = ["a", "b", "c", "d"], tmp_path / "shards" / "0.tsv"
    write_store_shard(ids, lambda left: map(Numbers, map(read_id, left)), tmp_path, manifest, "stores")
    assert [row.id for row in read_manifest(manifest)] == ids
    assert damaged_rows(manifest, tmp_path) == []
    assert sorted(path.name for path in (tmp_path / "stores").iterdir()) == [f"{one}.zarr.zip" for one in ids]


@pytest.mark.parametrize(("failing", "message"), [("broken", "no space left"), ("damaged", "damaged image")])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_shard_that_fails_leaves_whole_stores_and_no_manifest(
    tmp_path: Path, failing: str, message: str, place: int
) -> None:
    ids = ["a", "b", "c", "d"]
    ids.insert(place, failing)
    with pytest.raises(WsssError, match=message):
        write_store_shard(ids, lambda left: map(Numbers, map(read_id, left)), tmp_path, tmp_path / "0.tsv", "stores")
    assert not (tmp_path / "0.tsv").exists()
    folder = tmp_path / "stores"
    left = sorted(folder.iterdir()) if folder.is_dir() else []
    assert [path.name for path in left] == [f"{one}.zarr.zip" for one in ids[:place]]
    for path in left:
        read_store(path, "kind", path.name.removesuffix(".zarr.zip"))

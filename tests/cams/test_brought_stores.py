"""This project's own CAM stores as files that somebody brings: the same bytes, and nothing but their one form."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cams.brought import FULL, KEYS, ONE, bare_dataset, maps, of_format
from wsss.cams.files.reading import CamFileReader
from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.stores.cam_store import CamStore

SETTINGS, SMALL = of_format("store"), maps(size=(10, 13))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return bare_dataset(tmp_path_factory.mktemp("data"))


def read(dataset: Dataset, folder: Path) -> CamStore:
    return CamFileReader(dataset, folder, SETTINGS).read(ONE)


def own_store(finished: bool = False, size: tuple[int, int] = FULL, keys: np.ndarray = KEYS) -> CamStore:
    cams = [5 * maps(size=(3, 4)).astype(np.float16), 7 * maps(size=(5, 7)).astype(np.float16)]
    if finished:
        cams = [cam / 8 for cam in cams]
    return CamStore(ONE, size, keys, (1.0, 2.0), cams, "sum of the weights", finished)


def unchecked(**other: Any) -> CamStore:
    """A store that nobody could make, to be written as somebody else may have."""
    store = object.__new__(CamStore)
    for name, value in {**vars(own_store()), **other}.items():
        object.__setattr__(store, name, value)
    return store


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("folder", ["", "stores"])
def test_own_stores_come_back_to_the_byte(dataset: Dataset, tmp_path: Path, folder: str, finished: bool) -> None:
    path = tmp_path / folder / f"{ONE}.zarr.zip"
    own_store(finished).write(path)
    store = read(dataset, tmp_path)
    store.write(tmp_path / "again.zarr.zip")
    assert (tmp_path / "again.zarr.zip").read_bytes() == path.read_bytes()
    assert store.finished == finished


def test_stores_that_are_cut_off_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / f"{ONE}.zarr.zip"
    own_store().write(path)
    whole = path.read_bytes()
    for content in (*(whole[: len(whole) * part // 7] for part in range(7)), b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(WsssError, match="damaged") as error:
            read(dataset, tmp_path)
        assert "\n" not in str(error.value)
        assert str(path) in str(error.value)


def edited(path: Path, change: Callable[[dict[str, bytes]], Any], packing: int = zipfile.ZIP_STORED) -> None:
    """A store with other content in its zip file."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    change(content)
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, member in content.items():
            archive.writestr(name, member)


def replaced(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(content: dict[str, bytes]) -> None:
        assert old in content[name]
        content[name] = content[name].replace(old, new)

    return change


def consolidated(content: dict[str, bytes]) -> None:
    """The description of the first array, which zarr would believe, in the group's own."""
    facts = json.loads(content["zarr.json"])
    arrays = {"scale_0": json.loads(content["scale_0/zarr.json"])}
    facts["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": arrays}
    content["zarr.json"] = json.dumps(facts).encode()


# zstd's frame of 10 GB, by its header alone.
BOMB = b"\x28\xb5\x2f\xfd\xc0\x00" + (10**10).to_bytes(8, "little")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda content: content.update({".zgroup": b"{}"}), "no store of this project"),
        (lambda content: content.update({"scale_0/.zarray": b"{}"}), "no store of this project"),
        (lambda content: content.update({"../evil": b"{}"}), "no store of this project"),
        (replaced("scale_0/zarr.json", b'"zstd"', b'"gzip"'), "packed in another way"),
        (replaced("scale_0/zarr.json", b'"float16"', b'"string"'), "damaged"),
        (lambda content: content.update({"scale_0/c/0/0/0": BOMB}), "another size than it names"),
        (lambda content: content.update({"scale_0/c/0/0/0": b"12"}), "no frame of zstd"),
        (lambda content: content.update({"scale_0/zarr.json": b" " * 10**5}), "too long"),
        (lambda content: content.update({"zarr.json": b"[]"}), "damaged"),
        (consolidated, "described in another place"),
        (replaced("zarr.json", b'"weights"', b'"weight"'), "damaged"),
        (replaced("zarr.json", b'"scales"', b'"scale"'), "damaged"),
        (lambda content: content.pop("scale_1/c/0/0/0"), "an array has no content"),
    ],
)
def test_stores_of_another_form_are_refused(dataset: Dataset, tmp_path: Path, change: Any, told: str) -> None:
    path = tmp_path / f"{ONE}.zarr.zip"
    own_store().write(path)
    read(dataset, tmp_path)
    edited(path, change)
    with pytest.raises(WsssError, match=told) as error:
        read(dataset, tmp_path)
    assert "\n" not in str(error.value)
    assert "wsss verify" not in str(error.value)


def enlarged(content: dict[str, bytes]) -> None:
    """The first array names 40 GB. Its chunk says the same, and holds nothing."""
    facts = json.loads(content["scale_0/zarr.json"])
    facts["shape"] = facts["chunk_grid"]["configuration"]["chunk_shape"] = [2, 10**5, 10**5]
    content["scale_0/zarr.json"] = json.dumps(facts).encode()
    content["scale_0/c/0/0/0"] = BOMB[:6] + (4 * 10**10).to_bytes(8, "little")


def test_a_store_that_would_unpack_to_too_much_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / f"{ONE}.zarr.zip"
    own_store().write(path)
    edited(path, enlarged)
    with pytest.raises(WsssError, match=r"unpacks to 400000\d* bytes, more than"):
        read(dataset, tmp_path)
    own_store().write(path)
    edited(path, lambda content: None, zipfile.ZIP_DEFLATED)
    with pytest.raises(WsssError, match="no store of this project"):
        read(dataset, tmp_path)


@pytest.mark.parametrize(
    ("store", "told"),
    [
        (own_store(size=(38, 50)), "of an image of 38 x 50, and it has 37 x 50"),
        (own_store(keys=np.array([0, 1])), r"classes \[0, 1\], and those of the image are \[0, 2\]"),
        (unchecked(keys=np.array([0])), "no maps of 1 classes at 2 scales"),
        (CamStore(ONE, FULL, KEYS, (1.0,), [-SMALL], "w"), "below 0"),
        (unchecked(scales=(1.0,), cams=[SMALL * np.float32(np.nan)]), r"not finite: .*scale_0: nan at \[0, 0, 0\]"),
        (CamStore(ONE, FULL, KEYS, (1.0,), [SMALL * 2], "w", True), "above 1"),
        (unchecked(scales=(1.0,)), "no maps of 2 classes at 1 scales"),
        (CamStore(ONE, FULL, KEYS, (), [], "w"), "no maps of its classes"),
        (CamStore("2007_000039", FULL, KEYS, (1.0,), [SMALL], "w"), "image_id is '2007_000039'"),
    ],
)
def test_stores_that_do_not_fit_are_refused(dataset: Dataset, tmp_path: Path, store: CamStore, told: str) -> None:
    store.write(tmp_path / f"{ONE}.zarr.zip")
    with pytest.raises(WsssError, match=told):
        read(dataset, tmp_path)

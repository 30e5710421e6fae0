"""Arrays of .npz files: what numpy writes comes back, and nothing is run or unpacked beyond its bounds."""

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from wsss.data.npz_arrays import MOST_ARRAYS, read_npz_arrays
from wsss.errors import WsssError

GIVEN = {
    "cam": np.random.default_rng(0).random((2, 3, 4)),
    "half": np.arange(6, dtype=np.float16),
    "columns": np.asfortranarray(np.arange(12, dtype=np.int16).reshape(3, 4)),
    "big-endian": np.array([1, 2, 3], ">i4"),
    "truth": np.array([True, False]),
    "one": np.array(3.5),
    "none": np.zeros((0, 3), np.uint8),
}


def member(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def packed(path: Path, members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back(tmp_path: Path, save: Callable[..., None]) -> None:
    save(tmp_path / "a.npz", **GIVEN)
    found = read_npz_arrays(tmp_path / "a.npz", 10**4)
    assert list(found) == list(GIVEN)
    for name, wanted in GIVEN.items():
        np.testing.assert_array_equal(found[name], wanted, strict=True)


def test_the_bound_counts_all_arrays(tmp_path: Path) -> None:
    content = member(np.zeros(1000))
    path = packed(tmp_path / "a.npz", {"a": content, "b": content})
    assert path.stat().st_size < len(content)
    assert len(read_npz_arrays(path, 2 * len(content))) == 2
    with pytest.raises(WsssError, match=rf"a\.npz unpacks to {2 * len(content)} bytes, more than"):
        read_npz_arrays(path, 2 * len(content) - 1)


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bomb_that_declares_little_unpacks_to_little(tmp_path: Path, packing: int) -> None:
    """100 MB of zeros, whose size in the archive's directory is given as 1000."""
    content = member(np.zeros(100 * 2**20, np.uint8))
    path = packed(tmp_path / "a.npz", {"a": content}, packing)
    written = path.read_bytes()
    assert len(written) < 10**6
    assert written.count(struct.pack("<I", len(content))) == 2
    path.write_bytes(written.replace(struct.pack("<I", len(content)), struct.pack("<I", 1000)))
    del content
    tracemalloc.start()
    with pytest.raises(WsssError, match=r"a\.npz is damaged"):
        read_npz_arrays(path, 2000)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2 * 10**6


def test_an_array_that_names_another_shape_than_it_has_is_refused(tmp_path: Path) -> None:
    content = member(np.zeros((1000, 10), np.uint8))
    for old, new in [(b"(1000, 10)", b"(9999, 99)"), (b"(1000, 10)", b"(999, 9)  "), (b"'|u1'", b"'|O'")]:
        assert content.count(old) == 1
        with pytest.raises(WsssError, match=r"a\.npz is damaged"):
            read_npz_arrays(packed(tmp_path / "a.npz", {"a": content.replace(old, new)}), 10**5)


@pytest.mark.parametrize(
    "array",
    [np.array([{}], object), np.array(["a"]), np.array([b"a"]), np.array([1j]), np.zeros(2, [("a", "f4")])],
)
def test_anything_but_numbers_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.savez(tmp_path / "a.npz", array)
    with pytest.raises(WsssError, match=r"a\.npz is damaged"):
        read_npz_arrays(tmp_path / "a.npz", 10**5)


def test_too_many_arrays_are_refused(tmp_path: Path) -> None:
    content = member(np.zeros(0))
    path = packed(tmp_path / "a.npz", {str(number): content for number in range(MOST_ARRAYS + 1)})
    with pytest.raises(WsssError, match="holds 1001 arrays"):
        read_npz_arrays(path, 10**9)


def test_a_file_with_any_byte_changed_or_cut_gives_arrays_or_one_line(tmp_path: Path) -> None:
    content = packed(tmp_path / "a.npz", {"a": member(np.ones(3)), "b": member(np.ones((2, 2)))}).read_bytes()
    path, rng = tmp_path / "b.npz", np.random.default_rng(0)
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place])
        with pytest.raises(WsssError, match=r"b\.npz is damaged"):
            read_npz_arrays(path, 10**5)
        path.write_bytes(content[:place] + bytes([rng.integers(256)]) + content[place + 1 :])
        with suppress(WsssError):
            assert isinstance(read_npz_arrays(path, 10**5), dict)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"missing file: .*a\.npz"):
        read_npz_arrays(tmp_path / "a.npz", 1)

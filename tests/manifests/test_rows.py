"""Manifests list sizes and sums, and tell every kind of damage."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from wsss.errors import WsssError
from wsss.files import write_bytes
from wsss.manifests.rows import ManifestRow, damaged_rows, read_manifest, write_manifest

FILES = [("2007_000032", "labels/2007_000032.png"), ("a.1", "labels/a.1.png")]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """The manifest of two files; the second is empty."""
    write_bytes(tmp_path / FILES[0][1], b"content")
    write_bytes(tmp_path / FILES[1][1], b"")
    write_manifest(tmp_path / "shards" / "train" / "0-of-1.tsv", tmp_path, FILES)
    return tmp_path / "shards" / "train" / "0-of-1.tsv"


def test_a_manifest_lists_sizes_and_sums(tmp_path: Path, manifest: Path) -> None:
    sums = [hashlib.sha256(content).hexdigest() for content in (b"content", b"")]
    rows = [ManifestRow(*FILES[0], 7, sums[0]), ManifestRow(*FILES[1], 0, sums[1])]
    assert read_manifest(manifest) == rows
    lines = ["id\tfile\tbytes\tsha256", *(f"{row.id}\t{row.file}\t{row.bytes}\t{row.sha256}" for row in rows)]
    text = "".join(f"{line}\n" for line in lines)
    last = f"total\t2\t{len(text)}\t{hashlib.sha256(text.encode()).hexdigest()}\n"
    assert manifest.read_text() == text + last
    assert damaged_rows(manifest, tmp_path) == []


def test_a_manifest_without_files(tmp_path: Path) -> None:
    write_manifest(tmp_path / "x.tsv", tmp_path, [])
    assert read_manifest(tmp_path / "x.tsv") == []
    assert damaged_rows(tmp_path / "x.tsv", tmp_path) == []


def remove(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [remove, truncate, lengthen, flip, make_folder])
def test_every_damage_to_a_file_is_found(tmp_path: Path, manifest: Path, damage: Callable[[Path], None]) -> None:
    damage(tmp_path / FILES[0][1])
    assert [row.id for row in damaged_rows(manifest, tmp_path)] == ["2007_000032"]


def test_a_file_listed_but_not_there_is_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_manifest(tmp_path / "x.tsv", tmp_path, FILES)
    assert not list(tmp_path.iterdir())


HEADER = b"id\tfile\tbytes\tsha256\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"x\.tsv is not a manifest"),
        (b"id\tfile\n", r"x\.tsv is not a manifest"),
        (b"\x89PNG\xff\xfe", r"x\.tsv is not a manifest"),
        (HEADER, r"x\.tsv is damaged \(its last line does not fit its rows\)"),
        (HEADER + b"\n", r"x\.tsv is damaged"),
        (HEADER + b"a\tlabels/a.png\t7\tab\n", r"x\.tsv is damaged"),
        (HEADER + b"a\tlabels/a.png\t7\tab\ntotal\t1\t7\tab\n", r"x\.tsv is damaged"),
        (HEADER + "a\tlabels/a.png\t²\tab\n".encode(), r"x\.tsv is damaged"),
    ],
)
def test_damaged_manifests_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.tsv").write_bytes(content)
    with pytest.raises(WsssError, match=message):
        read_manifest(tmp_path / "x.tsv")

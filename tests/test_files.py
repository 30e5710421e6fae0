"""Files written whole or not at all, and manifests that tell every kind of damage."""

import errno
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from wsss.errors import WsssError
from wsss.files import atomic_path, remove_tree, sha256_of, write_bytes, write_json, write_text
from wsss.manifests.rows import ManifestRow, damaged_rows, read_manifest, write_manifest


def test_a_file_takes_its_name_at_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.bin"
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        assert not path.exists()
        assert temporary.parent == path.parent
        temporary.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_removed_link_leaves_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    remove_tree(tmp_path / "link")
    remove_tree(tmp_path / "nothing")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    remove_tree(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def write_half(path: Path, error: BaseException) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        raise error


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), OSError(errno.EIO, "input/output error")])
@pytest.mark.parametrize("before", [None, b"old"])
def test_a_block_that_fails_changes_nothing(tmp_path: Path, error: BaseException, before: bytes | None) -> None:
    path = tmp_path / "x.bin"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(type(error)) as caught:
        write_half(path, error)
    assert caught.value is error
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == ([("x.bin", before)] if before else [])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_in_one_line(tmp_path: Path, number: int) -> None:
    path = tmp_path / "x.bin"
    with pytest.raises(WsssError, match=r"^no space left while writing .*x\.bin: free some space"):
        write_half(path, OSError(number, "full"))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_device_that_is_full_is_noticed(tmp_path: Path) -> None:
    def write_to_device(path: Path) -> None:
        with atomic_path(path) as temporary:
            temporary.symlink_to("/dev/full")
            temporary.write_bytes(b"content")

    with pytest.raises(WsssError, match="no space left"):
        write_to_device(tmp_path / "x.bin")
    assert not list(tmp_path.iterdir())


def test_text_is_utf_8_and_json_keeps_its_order(tmp_path: Path) -> None:
    write_text(tmp_path / "x.txt", "Größe\n")
    assert (tmp_path / "x.txt").read_bytes() == "Größe\n".encode()
    write_json(tmp_path / "x.json", {"b": [1, 2.5], "a": None})
    assert (tmp_path / "x.json").read_text() == '{\n  "b": [\n    1,\n    2.5\n  ],\n  "a": null\n}\n'
    write_bytes(tmp_path / "x.bin", b"\0\xff")
    assert (tmp_path / "x.bin").read_bytes() == b"\0\xff"


@pytest.mark.parametrize("content", [b"", b"abc", bytes(300_000)])
def test_sums_are_sha_256(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert sha256_of(tmp_path / "x") == hashlib.sha256(content).hexdigest()


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
    assert manifest.read_text().splitlines() == [
        "id\tfile\tbytes\tsha256",
        *(f"{row.id}\t{row.file}\t{row.bytes}\t{row.sha256}" for row in rows),
    ]
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
        (HEADER + b"a\tlabels/a.png\t7\n", r"x\.tsv, line 2 is damaged"),
        (HEADER + b"a\tlabels/a.png\t7\tab\tcd\n", r"x\.tsv, line 2 is damaged"),
        (HEADER + b"a\tlabels/a.png\t7\tab\na\tb\t-1\tcd\n", r"x\.tsv, line 3 is damaged"),
        (HEADER + b"a\tlabels/a.png\tseven\tab\n", r"x\.tsv, line 2 is damaged"),
        (HEADER + "a\tlabels/a.png\t²\tab\n".encode(), r"x\.tsv, line 2 is damaged"),
        (HEADER + b"\n", r"x\.tsv, line 2 is damaged"),
    ],
)
def test_damaged_manifests_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.tsv").write_bytes(content)
    with pytest.raises(WsssError, match=message):
        read_manifest(tmp_path / "x.tsv")


def test_a_garbled_row_is_a_damaged_file(tmp_path: Path, manifest: Path) -> None:
    manifest.write_bytes(manifest.read_bytes().replace(b"labels/a.1", b"labels/\xff\xfe"))
    assert [row.id for row in damaged_rows(manifest, tmp_path)] == ["a.1"]


def test_a_manifest_cut_short_names_its_last_file(tmp_path: Path, manifest: Path) -> None:
    manifest.write_text(manifest.read_text()[:-5])
    assert [row.id for row in damaged_rows(manifest, tmp_path)] == ["a.1"]

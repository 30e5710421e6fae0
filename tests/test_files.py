"""Files written whole or not at all, and their sums."""

import errno
import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from wsss import files
from wsss.errors import WsssError
from wsss.files import atomic_path, remove_leftovers, remove_tree, sha256_of, write_bytes, write_json, write_text


def test_a_file_takes_its_name_at_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.bin"
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        assert not path.exists()
        assert temporary.parent == path.parent
        temporary.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


LEFT = [".a[1].png.{ended}.tmp", ".a[1].png.{running}.tmp", ".b.png.{ended}.tmp", ".a[1].png.x.tmp", ".note.tmp"]


@pytest.fixture
def left(tmp_path: Path) -> dict[str, Path]:
    """Files as killed processes leave them, and others, by the names in LEFT."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    paths = {name: tmp_path / name.format(ended=ended.pid, running=os.getppid()) for name in LEFT}
    for path in paths.values():
        path.touch()
    return paths


def test_leftovers_of_a_file_go_and_others_stay(tmp_path: Path, left: dict[str, Path]) -> None:
    path = tmp_path / "a[1].png"
    path.touch()
    remove_leftovers(path)
    assert path.exists()
    assert [name for name in LEFT if left[name].exists()] == LEFT[2:]


def test_a_job_removes_what_killed_ones_have_left_of_what_it_writes(
    tmp_path: Path, left: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a[1].png"
    write_bytes(path, b"of a command, beside which others may write")
    assert all(file.exists() for file in left.values())
    monkeypatch.setattr(files._Writing, "found", {})
    write_bytes(path, b"of a job")
    assert [name for name in LEFT if left[name].exists()] == LEFT[1:]
    assert path.read_bytes() == b"of a job"


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

"""The digest of a folder: it follows the content alone, and known sums are not computed anew."""

import json
import os
import shutil
from pathlib import Path

import pytest

from wsss.data.folder_digest import digest_of_place
from wsss.errors import WsssError

# In nanoseconds since 1970: long ago, so that sums are remembered.
LONG_AGO = 10**18


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "cams"
    (found / "inner").mkdir(parents=True)
    for name, content in (("a.npy", "1"), ("b.npy", "2"), ("inner/c.npy", "3"), ("notes.txt", "4")):
        (found / name).write_text(content)
    return found


def digest(folder: Path, memory: Path | None = None) -> str:
    return digest_of_place(folder, ".npy", memory or folder.parent / "unused" / str(os.urandom(8).hex()))


def test_it_follows_the_content(folder: Path) -> None:
    seen = [digest(folder)]
    for name, content in (("a.npy", "9"), ("inner/c.npy", "33"), ("d.npy", "")):
        (folder / name).write_text(content)
        seen.append(digest(folder))
    (folder / "b.npy").rename(folder / "e.npy")
    seen.append(digest(folder))
    (folder / "e.npy").unlink()
    seen.append(digest(folder))
    assert len(set(seen)) == len(seen) == 6
    assert all(len(one) == 12 for one in seen)


def test_contents_of_two_files_are_told_apart(folder: Path) -> None:
    before = digest(folder)
    (folder / "a.npy").write_text("2")
    (folder / "b.npy").write_text("1")
    assert digest(folder) != before


def test_other_files_places_and_times_do_not_count(folder: Path, tmp_path: Path) -> None:
    before = digest(folder)
    (folder / "notes.txt").write_text("other")
    (folder / ".a.npy.tmp.npy").write_text("hidden")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.npy").write_text("hidden")
    (folder / "dangling.npy").symlink_to("nowhere")
    os.utime(folder / "a.npy", ns=(LONG_AGO, LONG_AGO))
    assert digest(folder) == before
    shutil.copytree(folder, tmp_path / "elsewhere" / "copy", symlinks=True)
    assert digest(tmp_path / "elsewhere" / "copy") == before
    (tmp_path / "link").symlink_to(folder)
    assert digest(tmp_path / "link") == before


def test_a_folder_without_such_files_has_none(tmp_path: Path) -> None:
    assert digest(tmp_path) == digest(tmp_path / "missing") == ""


def remembered(folder: Path, memory: Path) -> list[str]:
    """The files whose sums the memory has."""
    return list(json.loads(memory.read_text()))


def make_old(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a minute pass."""
    import time

    now = time.time_ns()
    monkeypatch.setattr("wsss.data.folder_digest.time.time_ns", lambda: now + 60 * 10**9)


def test_known_sums_are_not_computed_anew(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen by a wrong sum in the memory: it is believed as long as its file does not change."""
    memory = tmp_path / "memory.json"
    make_old(folder, monkeypatch)
    right = digest(folder, memory)
    assert remembered(folder, memory) == ["a.npy", "b.npy", "inner/c.npy"]
    known = json.loads(memory.read_text())
    known["a.npy"][-1] = "0" * 64
    memory.write_text(json.dumps(known))
    assert digest(folder, memory) != right
    (folder / "a.npy").write_text("1")
    make_old(folder, monkeypatch)
    assert digest(folder, memory) == right


def test_a_change_is_seen_with_the_memory_too(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same size, and with the old time of change set back."""
    memory = tmp_path / "memory.json"
    make_old(folder, monkeypatch)
    before, state = digest(folder, memory), (folder / "a.npy").stat()
    (folder / "a.npy").write_text("9")
    os.utime(folder / "a.npy", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert digest(folder, memory) != before


def test_files_that_have_just_changed_are_not_remembered(folder: Path, tmp_path: Path) -> None:
    memory = tmp_path / "memory.json"
    first = digest(folder, memory)
    assert remembered(folder, memory) == []
    assert digest(folder, memory) == first


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a.npy": 3}', b'{"a.npy": [1, 2, 3, 4, 5]}', b"\xff"])
def test_a_damaged_memory_counts_as_none(folder: Path, tmp_path: Path, content: bytes) -> None:
    memory = tmp_path / "memory.json"
    memory.write_bytes(content)
    assert digest(folder, memory) == digest(folder)


def test_a_memory_that_cannot_be_written_is_done_without(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert digest(folder, tmp_path / "file" / "memory.json") == digest(folder)


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "z.npy").symlink_to("/proc/self/mem")
    with pytest.raises(WsssError, match=r"z\.npy cannot be read: Input/output error"):
        digest(folder)


def test_a_file_has_the_digest_of_its_content_alone(tmp_path: Path) -> None:
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    first.write_bytes(b"one")
    second.write_bytes(b"one")
    memory = tmp_path / "memory"
    assert digest_of_place(first, "", memory) == digest_of_place(second, "", memory) != ""
    second.write_bytes(b"two")
    assert digest_of_place(first, "", memory) != digest_of_place(second, "", memory)
    assert digest_of_place(tmp_path / "c", "", memory) == ""

"""A shard that was interrupted goes on where it was, if it is the same job, and with files that are whole."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.stores.test_image_store import Numbers
from wsss.data.label_values import LabelValues
from wsss.manifests.rows import damaged_rows, read_manifest
from wsss.stores.image_store import write_store_shard
from wsss.stores.journal import allow_continuing, journal_of
from wsss.stores.label_images import write_label_shard

IDS = ["c", "a", "b", "d"]
VALUES = LabelValues({"x": 7}, {})


class Interrupted(BaseException):
    """The process has ended."""


def labels(folder: Path, made: list[str], stop_at: str = "") -> None:
    def labels_of(image_id: str) -> np.ndarray:
        if image_id == stop_at:
            raise Interrupted
        made.append(image_id)
        return np.full((2, 3), image_id == "b", np.uint8)

    write_label_shard(VALUES, IDS, labels_of, folder, folder / "shards" / "train" / "0.tsv", "labels")


def stores(folder: Path, made: list[str], stop_at: str = "") -> None:
    def store_of(image_id: str) -> Numbers:
        if image_id == stop_at:
            raise Interrupted
        made.append(image_id)
        return Numbers(image_id)

    write_store_shard(IDS, lambda left: map(store_of, left), folder, folder / "shards" / "train" / "0.tsv", "stores")


Write = Callable[..., None]
WAYS = pytest.mark.parametrize("write", [labels, stores])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def interrupted(write: Write, folder: Path, stop_at: str, fingerprint: str = "code, settings") -> Path:
    """The manifest of a shard that was interrupted at an image."""
    manifest = folder / "shards" / "train" / "0.tsv"
    allow_continuing(manifest, fingerprint)
    with pytest.raises(Interrupted):
        write(folder, [], stop_at)
    assert not manifest.exists()
    return manifest


@WAYS
@pytest.mark.parametrize("place", range(4))
def test_a_shard_goes_on_where_it_was(tmp_path: Path, write: Write, place: int) -> None:
    manifest, made = interrupted(write, tmp_path / "a", IDS[place]), []
    allow_continuing(manifest, "code, settings")
    write(tmp_path / "a", made)
    assert made == IDS[place:]
    assert [row.id for row in read_manifest(manifest)] == IDS
    assert damaged_rows(manifest, tmp_path / "a") == []
    # The journal is gone, and everything is as without an interruption.
    write(tmp_path / "b", [])
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@WAYS
def test_another_job_starts_anew(tmp_path: Path, write: Write) -> None:
    manifest, made = interrupted(write, tmp_path, "d"), []
    allow_continuing(manifest, "other code")
    write(tmp_path, made)
    assert made == IDS


@WAYS
def test_files_that_are_not_listed_are_made_again(tmp_path: Path, write: Write) -> None:
    """Without a journal it is not known what they were made from."""
    made: list[str] = []
    journal_of(interrupted(write, tmp_path, "d")).unlink()
    write(tmp_path, made)
    assert made == IDS


def cut_off(journal: Path) -> None:
    journal.write_bytes(journal.read_bytes()[:-9])


def garbled(journal: Path) -> None:
    journal.write_bytes(journal.read_bytes().replace(b'["a"', b'["b"').replace(b'["c"', b"{[c"))


def of_other_lines(journal: Path) -> None:
    journal.write_text(journal.read_text().splitlines()[0] + '\n["a"]\n{"a": 1}\n7\n[["a"], 1, 2, 3]\n')


@WAYS
@pytest.mark.parametrize("damage", [cut_off, garbled, of_other_lines])
def test_a_damaged_journal_costs_no_more_than_work(
    tmp_path: Path, write: Write, damage: Callable[[Path], None]
) -> None:
    manifest, made = interrupted(write, tmp_path / "a", "d"), []
    damage(journal_of(manifest))
    allow_continuing(manifest, "code, settings")
    write(tmp_path / "a", made)
    assert made
    write(tmp_path / "b", [])
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@WAYS
def test_a_file_that_is_damaged_is_made_again(tmp_path: Path, write: Write) -> None:
    manifest, made = interrupted(write, tmp_path, "d"), []
    (file,) = tmp_path.glob("*/a.*")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    allow_continuing(manifest, "code, settings")
    write(tmp_path, made)
    assert made == ["a", "d"]
    assert damaged_rows(manifest, tmp_path) == []

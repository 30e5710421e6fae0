"""Loader processes and the shared memory that their batches lie in."""

import logging
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from wsss.training import shared_memory
from wsss.training.shared_memory import Loaders, loaders_that_fit

MB = 10**6
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """The bytes that are free, to be changed."""
    found = [64 * MB]
    monkeypatch.setattr(shared_memory, "FOLDER", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(0, 0, found[0]))
    return found


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (MB, Loaders(8, 4)),  # 32 batches ahead
        (2 * MB, Loaders(8, 3)),
        (7 * MB, Loaders(7, 1)),
        (21 * MB, Loaders(1, 1)),
        (22 * MB, Loaders(0, 1)),
        (100 * MB, Loaders(0, 1)),
    ],
)
def test_batches_fit_into_what_is_free(free: list[int], batch: int, expected: Loaders) -> None:
    assert loaders_that_fit(8, batch) == expected
    assert expected.processes * expected.ahead * batch + shared_memory.IN_USE * batch <= free[0] or not expected[0]


def test_one_line_says_what_is_missing_and_the_way_out(free: list[int], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "wsss"):
        loaders_that_fit(8, MB)
    assert caplog.messages == []
    with caplog.at_level(logging.INFO, "wsss"):
        loaders_that_fit(8, 7 * MB)
    (told,) = caplog.messages
    assert "has 64 MB free, and a batch takes 7 MB: 7 of 8 loader processes are used, with 1 batches ahead" in told
    assert told.endswith("Give a container more, such as docker run --shm-size=8g")


def test_where_there_is_no_such_folder_nothing_is_limited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shared_memory, "FOLDER", tmp_path / "none")
    assert loaders_that_fit(8, 10**18) == Loaders(8, 4)
    assert loaders_that_fit(0, 10**18) == Loaders(0, 4)

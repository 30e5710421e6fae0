"""Progress passes items on untouched and says how far it is, at what rate, and how long it will take."""

import logging
import time
from collections.abc import Iterator

import pytest

from wsss import progress
from wsss.progress import track


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "wsss")
    return caplog


@pytest.mark.parametrize("items", [[], ["a"], ["a", "b", "c"]])
def test_items_come_in_order(items: list[str]) -> None:
    assert list(track(items, len(items), "reading")) == items


def test_items_are_taken_one_at_a_time() -> None:
    taken = []

    def source() -> Iterator[int]:
        for number in range(5):
            taken.append(number)
            yield number

    tracked = track(source(), 5, "reading")
    assert next(tracked) == 0
    assert taken == [0]


def test_the_end_is_told_even_when_nothing_was_to_do(log: pytest.LogCaptureFixture) -> None:
    list(track([], 0, "reading"))
    list(track([1, 2], 2, "training", "step"))
    assert log.messages[0].startswith("reading: 0 images in 0.0 s")
    assert log.messages[1].startswith("training: 2 steps in ")


def test_lines_tell_rate_and_time_left(log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds an item, by a clock of the test's own."""
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 6.0)
    list(track(range(7), 107, "training", "step", start=100))
    assert log.messages == [
        "training: 103/107 steps, 0.50 steps/s, 0:08 left",
        "training: 106/107 steps, 0.50 steps/s, 0:02 left",
        "training: 7 steps in 16.0 s (0.44/s)",
    ]


def test_long_times_left_are_in_minutes(log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    next_but_one = track(range(90), 90, "reading")
    for _ in range(2):
        next(next_but_one)
    assert log.messages == ["reading: 1/90 images, 0.05 images/s, 29:40 left"]


def test_errors_come_through() -> None:
    with pytest.raises(ZeroDivisionError):
        list(track((1 // number for number in (1, 0)), 2, "reading"))

"""A byte that flips anywhere in a finished run is found where the file is opened, or changes nothing."""

from collections import Counter

from tests.faults.flips import files_by_kind, flips
from tests.workflow.conftest import Workplace

FLIPS = 130


def test_no_flip_is_silent(copy_of_finished: Workplace) -> None:
    found = list(flips(copy_of_finished.work, FLIPS, seed=29))
    assert [flip for flip in found if flip.outcome] == []
    counts = Counter(flip.kind for flip in found)
    assert counts.keys() == files_by_kind(copy_of_finished.work).keys()
    assert min(counts.values()) > 5

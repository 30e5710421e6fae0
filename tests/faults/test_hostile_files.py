"""A short part of the campaign of bad and hostile files: each is read, or refused in one line, and runs nothing."""

import pytest

from tests.faults.hostile_files import KINDS, Room, hostile_files, make_room, outcome

FILES = 208


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    return make_room(tmp_path_factory.mktemp("hostile") / "room")


def test_sound_files_are_read(room: Room) -> None:
    """What the campaign calls refused is refused for what was done to it."""
    for name, kind in KINDS.items():
        assert outcome(room, kind, 2**60) == "read", name


def test_hostile_files_are_read_or_refused_in_a_line(room: Room) -> None:
    found = list(hostile_files(room, FILES, seed=1))
    assert [one for one in found if one[2] not in ("read", "refused")] == []
    assert {kind for kind, _, _ in found} == KINDS.keys()
    refused = sum(end == "refused" for _, _, end in found)
    assert FILES / 2 < refused < FILES

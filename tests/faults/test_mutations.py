"""A short part of the campaign of mutated inputs: none gives a traceback, hangs, or is refused without words."""

from pathlib import Path

from tests.faults.mutations import READERS, campaign, make_place, outcome, sound


def test_mutated_inputs_are_read_or_refused_in_words(tmp_path: Path) -> None:
    found = list(campaign(make_place(tmp_path), 200, seed=1))
    assert [(kind, end, content) for kind, end, content in found if end not in ("read", "refused")] == []
    assert {kind for kind, _, _ in found} == READERS.keys()
    refused = sum(end == "refused" for _, end, _ in found)
    assert 50 < refused < 200


def test_sound_inputs_are_read(tmp_path: Path) -> None:
    """What the campaign calls refused is refused for its mutation."""
    import random

    place = make_place(tmp_path)
    for kind in READERS:
        assert outcome(place, kind, sound(place, kind, random.Random(0))) == "read", kind

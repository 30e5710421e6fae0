"""The record of who made an artifact, beside it."""

import json
from pathlib import Path

import pytest

from wsss.runtime.made_by import CLONE_FILE, clone_name, is_of_another, read_record, record_of, write_record


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a" / "classifier").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a")
    return tmp_path


def test_a_record_lies_beside_its_artifact_and_says_what_made_it(here: Path) -> None:
    output = Path("classifier/classifier.safetensors")
    write_record(output, "train_classifier", {"code": "0123", "settings": "{}"})
    assert record_of(output) == Path("classifier/.made_by/classifier.safetensors.json")
    made = read_record(output)
    assert made is not None
    assert (made.rule, made.params, made.folder) == (
        "train_classifier",
        {"code": "0123", "settings": "{}"},
        str(here / "a"),
    )
    assert not is_of_another(output)


def test_a_moved_clone_keeps_its_name_and_another_has_its_own(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = Path("classifier/classifier.safetensors")
    write_record(output, "train_classifier", {})
    (here / "a").rename(here / "moved")
    monkeypatch.chdir(here / "moved")
    assert not is_of_another(output)
    (here / "b").mkdir()
    monkeypatch.chdir(here / "b")
    assert is_of_another(here / "moved" / output)
    assert clone_name() == CLONE_FILE.read_text().strip()


@pytest.mark.parametrize("content", ["", "[]", '{"rule": "x"}', '{"params": 3}', "\0"])
def test_a_damaged_record_is_none(here: Path, content: str) -> None:
    output = Path("classifier/classifier.safetensors")
    assert read_record(output) is None
    record_of(output).parent.mkdir()
    record_of(output).write_text(content)
    assert read_record(output) is None
    assert not is_of_another(output)


def test_parameters_are_what_they_were(here: Path) -> None:
    output = Path("classifier/x.tsv")
    write_record(output, "draw_panels", {"panels": 8, "code": "é\n"})
    assert json.loads(record_of(output).read_text())["params"] == {"panels": 8, "code": "é\n"}

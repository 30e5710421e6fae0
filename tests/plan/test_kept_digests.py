"""Digests of code that are kept: they are used as long as every source is the same, and at no other time."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from wsss.plan import kept_digests
from wsss.plan.kept_digests import kept_code_digest, sources_digest


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[str, int]]:
    """Ask for the digest of a script as a new process does. Returns it, and how often it was computed.

    The sources are a copy: `package` and `scripts`.
    """
    shutil.copytree(PROJECT / "wsss" / "plan", tmp_path / "package", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "workflow_scripts", tmp_path / "scripts")
    (tmp_path / "package" / "page.html").write_text("<p>")
    monkeypatch.setattr(kept_digests, "PACKAGE", tmp_path / "package")
    monkeypatch.setattr(kept_digests, "KEPT", tmp_path / "package" / "__pycache__" / "kept.json")

    def started() -> tuple[str, int]:
        computed = []

        def digest(script: Path, parts: frozenset[str]) -> str:
            computed.append(script)
            return sources_digest(script.parent)[:12]

        monkeypatch.setattr(kept_digests, "code_digest", digest)
        kept_digests._sources.cache_clear()
        kept_digests._digests.cache_clear()
        return kept_code_digest(tmp_path / "scripts" / "make_cams.py", frozenset({"b", "a"})), len(computed)

    return started


def test_it_is_computed_once(start: Callable[[], tuple[str, int]]) -> None:
    first, times = start()
    assert times == 1
    assert start() == (first, 0)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a module": lambda root: (root / "package/plan.py").write_text("X = 1\n"),
    "a new module": lambda root: (root / "package/new.py").write_text(""),
    "a module's name": lambda root: (root / "package/plan.py").rename(root / "package/plan2.py"),
    "a module less": lambda root: (root / "package/plan.py").unlink(),
    "a template": lambda root: (root / "package/page.html").write_text("<b>"),
    "another script": lambda root: (root / "scripts/step.py").write_text("X = 1\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_after_any_change_of_the_sources_it_is_computed_again(
    start: Callable[[], tuple[str, int]], tmp_path: Path, change: Callable[[Path], object]
) -> None:
    before, _ = start()
    change(tmp_path)
    after, times = start()
    assert (times, after != before) == (1, True)
    assert start() == (after, 0)


def test_no_damaged_digest_is_used(start: Callable[[], tuple[str, int]], tmp_path: Path) -> None:
    right, _ = start()
    kept = tmp_path / "package" / "__pycache__" / "kept.json"
    sound = kept.read_text()
    other = "0" if right[0] != "0" else "1"
    for damaged in ("", "{", "[]", "null", sound.replace(right, other + right[1:]), sound.replace("digests", "digest")):
        kept.write_text(damaged)
        assert start() == (right, 1)
    assert kept.read_text() == sound


def test_what_cannot_be_kept_is_computed_each_time(start: Callable[[], tuple[str, int]], tmp_path: Path) -> None:
    (tmp_path / "package" / "__pycache__").write_text("no folder")
    assert start() == start()
    assert start()[1] == 1


def test_a_source_that_is_edited_meanwhile_is_not_kept_for_the_old_one(
    start: Callable[[], tuple[str, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    kept = tmp_path / "package" / "__pycache__" / "kept.json"
    before = json.loads(kept.read_text())

    def edited(script: Path, parts: frozenset[str]) -> str:
        (tmp_path / "package/plan.py").write_text("X = 1\n")
        return "of the new one"

    monkeypatch.setattr(kept_digests, "code_digest", edited)
    assert kept_code_digest(tmp_path / "scripts" / "score_labels.py") == "of the new one"
    assert json.loads(kept.read_text()) == before

"""Two workflows never make the same artifact at once: claims, held by real processes."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from wsss.plan.claims import CLAIMS, SECONDS_KEPT, Claims, Conflict

# Holds a claim until it is told to end.
HOLDER = """
import sys
from pathlib import Path
from wsss.plan.claims import Claims
claims = Claims(Path("results"))
print("found" if claims.hold(sys.argv[1].split(","), sys.argv[2].split(",")) else "held", flush=True)
sys.stdin.read()
"""
# Claims one file, again and again until it has it, and notes when it held it.
RACER = """
import os, sys, time
from pathlib import Path
from wsss.plan.claims import Claims
while conflict := (claims := Claims(Path("results"))).hold(["results/a"], []):
    conflict.wait()
try:
    os.close(os.open("held", os.O_CREAT | os.O_EXCL))
except FileExistsError:
    sys.exit("two at once")
made = Path("results/a")
print("used" if made.exists() else "made")
made.touch()
os.unlink("held")
"""


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    (tmp_path / "results").mkdir()
    return Path("results")


def started(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.fixture
def holder(results: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that makes results/a from results/in."""
    process = started(HOLDER, "results/a", "results/in")
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def conflict_of(results: Path, outputs: list[str], inputs: list[str]) -> Conflict | None:
    return Claims(results).hold(outputs, inputs)


def test_what_another_makes_or_reads_is_not_made_and_what_it_makes_is_not_read(
    results: Path, holder: subprocess.Popen[str]
) -> None:
    for outputs, inputs, shared in (
        (["results/a"], [], "a"),
        (["results/in"], [], "in"),
        (["results/b"], ["results/a"], "a"),
    ):
        found = conflict_of(results, outputs, inputs)
        assert found is not None
        assert found.file == f"results/{shared}"
        assert f"process {holder.pid} on " in str(found.claim)
    # Both may read the same files.
    assert conflict_of(results, ["results/b"], ["results/in"]) is None


def test_a_claim_ends_with_its_process_however_that_ends(results: Path, holder: subprocess.Popen[str]) -> None:
    found = conflict_of(results, ["results/a"], [])
    assert found is not None
    holder.kill()
    found.wait()
    assert holder.wait() != 0
    assert conflict_of(results, ["results/a"], []) is None


def test_a_workflow_that_ends_while_the_plan_is_made_is_a_reason_to_plan_anew(
    results: Path, holder: subprocess.Popen[str]
) -> None:
    before = Claims(results)
    holder.kill()
    holder.wait()
    # Another start sees that it has ended, and notes it.
    assert Claims(results).hold(["results/c"], []) is None
    found = before.hold(["results/a"], [])
    assert found is not None
    found.wait()
    assert conflict_of(results, ["results/a"], []) is None


def test_of_many_that_start_at_once_one_makes_it_and_the_others_use_it(results: Path) -> None:
    racers = [started(RACER) for _ in range(8)]
    said = sorted(racer.communicate()[0] for racer in racers)
    assert [racer.returncode for racer in racers] == [0] * 8
    assert said == ["made\n", *["used\n"] * 7]


def test_claims_that_ended_long_ago_are_removed(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        ended = started(HOLDER, "results/a", "results/in")
        ended.communicate("")
    folder = results / CLAIMS
    now = time.time()
    assert conflict_of(results, ["results/a"], []) is None
    assert len(list(folder.glob("*.ended"))) >= 1
    monkeypatch.setattr(time, "time", lambda: now + SECONDS_KEPT + 60)
    kept = Claims(results)
    assert kept.hold(["results/b"], []) is None
    assert list(folder.glob("*.ended")) == []
    assert list(folder.glob("*.tmp")) == []

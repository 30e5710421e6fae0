"""What Snakemake knows of artifacts lies in the results."""

from pathlib import Path

import pytest

from wsss.errors import WsssError
from wsss.plan.shared_results import share_provenance


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    return tmp_path


def test_records_of_before_are_moved_once_and_newer_ones_stay(here: Path) -> None:
    old = Path(".snakemake/metadata")
    (old / "@long").mkdir(parents=True)
    (old / "a").write_text("old")
    (old / "@long" / "b").write_text("long")
    shared = here / "shared" / ".snakemake" / "metadata"
    shared.mkdir(parents=True)
    (shared / "a").write_text("newer")
    Path("results").symlink_to(here / "shared")
    for _ in range(2):
        share_provenance()
        assert old.is_symlink()
        assert ((old / "a").read_text(), (old / "@long" / "b").read_text()) == ("newer", "long")
    assert Path(".snakemake/incomplete").resolve() == here / "shared" / ".snakemake" / "incomplete"


def test_a_plan_alone_makes_no_results(here: Path) -> None:
    share_provenance()
    assert not Path("results").exists()


def test_the_links_lead_to_the_results_also_after_a_move(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("results").mkdir()
    share_provenance()
    Path(".snakemake/metadata/a").write_text("known")
    (here / "clone").rename(here / "moved")
    monkeypatch.chdir(here / "moved")
    share_provenance()
    assert Path("results/.snakemake/metadata/a").read_text() == "known"


def test_results_whose_disk_is_away_are_named(here: Path) -> None:
    Path("results").symlink_to(here / "unmounted")
    with pytest.raises(WsssError, match=r"^results leads to \S+unmounted, which is not there: mount its disk"):
        share_provenance()
    assert not (here / "unmounted").exists()

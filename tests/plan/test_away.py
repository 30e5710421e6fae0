"""A disk that is away: what was made from it stays, for every kind of dataset."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.conftest import PROJECT
from wsss.errors import WsssError
from wsss.plan.away import is_away
from wsss.plan.plan import Plan
from wsss.plan.start import PlannedJob, refuse_without_disk
from wsss.runtime.made_by import write_record
from wsss.settings.config import merge, read_config

TINY = yaml.safe_load((PROJECT / "tests" / "workflow" / "tiny.yaml").read_text())
OWN_LISTS = {"train": "few.txt", "train_scored": "few.txt", "val": "few.txt"}
KINDS: dict[str, dict[str, Any]] = {
    "folder": {"kind": "folder", "name": "mine", "classes": {"cat": 1, "dog": 2}},
    "images": {"kind": "images", "name": "mine", "labels": "folders"},
    "coco": {"kind": "coco", "name": "mine", "train": "annotations/a.json"},
    "coco14": {"kind": "coco14"},
    "voc12": {"kind": "voc12"},
    "voc12 with lists of one's own": {"kind": "voc12", "lists": OWN_LISTS},
}
FILES = ("image_labels.csv", "ImageSets/Segmentation/train.txt", "annotations/a.json", "cat/1.jpg", "JPEGImages/a.jpg")


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files that every kind looks at."""
    monkeypatch.chdir(tmp_path)
    for name in (*FILES, "lists/few.txt"):
        file = tmp_path / "disk" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path / "disk"


def plan_of(kind: str, disk: Path) -> Plan:
    lists = {"lists": str(disk / "lists")} if "own" in kind else {}
    named = {"data": KINDS[kind], "locations": {"dataset": str(disk), **lists}}
    without = {key: value for key, value in TINY.items() if key != "data"}
    return Plan(read_config(merge(without, named)), PROJECT / "workflow_scripts")


def data_of(plan: Plan) -> str:
    return next(iter(plan.dataset_folders()))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def made(kind: str, disk: Path) -> SimpleNamespace:
    """The index of a dataset, with its record, and the digest of its tables."""
    plan = plan_of(kind, disk)
    data = SimpleNamespace(data=data_of(plan))
    digest = plan.tables_of(data)
    index = Path("results", data.data, "images.tsv")
    index.parent.mkdir(parents=True)
    index.write_text("id\n")
    write_record(index, "prepare", {"tables": digest})
    return SimpleNamespace(wildcards=data, digest=digest, index=index)


@pytest.mark.parametrize("left", ["nothing", "the empty folder that it was mounted on"])
def test_tables_count_as_they_were(kind: str, disk: Path, made: SimpleNamespace, left: str) -> None:
    disk.rename(disk.with_name("unmounted"))
    if left != "nothing":
        (disk / "lost+found").mkdir(parents=True)
    assert plan_of(kind, disk).tables_of(made.wildcards) == made.digest
    # What was never made is not finished.
    made.index.unlink()
    if made.digest:
        assert plan_of(kind, disk).tables_of(made.wildcards) != made.digest


def test_a_job_that_reads_from_it_is_refused(kind: str, disk: Path, made: SimpleNamespace) -> None:
    index = str(made.index)
    jobs = [
        PlannedJob("train_classifier", ["results/x"], [index], {}, False),
        PlannedJob("r", ["results/y"], [], {}, False),
    ]
    refuse_without_disk(jobs, plan_of(kind, disk))
    disk.rename(disk.with_name("unmounted"))
    refuse_without_disk(jobs[1:], plan_of(kind, disk))
    line = rf"^nothing is at {disk}, and train_classifier has to read it: mount its disk, or correct locations\.dataset"
    with pytest.raises(WsssError, match=line):
        refuse_without_disk(jobs, plan_of(kind, disk))


def test_what_counts_as_away(disk: Path) -> None:
    empty, file = disk / "empty", disk / "image_labels.csv"
    empty.mkdir()
    assert [is_away(place) for place in (disk, file, empty, disk / "nowhere")] == [False, False, True, True]
    (empty / ".hidden").touch()
    assert is_away(empty)
    (disk / "link").symlink_to(disk / "gone")
    assert is_away(disk / "link")

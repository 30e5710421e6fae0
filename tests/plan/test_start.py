"""Before the first job: what another clone has made is not made again unasked."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from wsss.errors import WsssError
from wsss.plan.start import PlannedJob, plan_anew, planned_jobs, refuse_to_remake, refuse_unwritable
from wsss.runtime.made_by import write_record

CLASSIFIER = "results/data-x-000000/classifier-000000/classifier.safetensors"
CAMS = "results/data-x-000000/classifier-000000/cams-000000/train.tsv"
PAGE = "results/runs/default-000000/report.html"


def job(rule: str, output: str, *inputs: str, code: str = "new", asked: bool = False) -> PlannedJob:
    return PlannedJob(rule, [output], inputs, {"code": code}, asked)


TRAIN = job("train_classifier", CLASSIFIER)
LIST = job("list_files", "results/data-x-000000/between.tsv", CLASSIFIER)
MAKE_CAMS = job("make_cams", CAMS, LIST.outputs[0])
REPORT = job("write_report", PAGE, CAMS)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a second clone. The first one has made everything."""
    for clone in ("first", "second"):
        (tmp_path / clone).mkdir()
        monkeypatch.chdir(tmp_path / clone)
        (tmp_path / clone / "results").symlink_to(tmp_path / "shared")
        if clone == "first":
            for one in (TRAIN, MAKE_CAMS, REPORT):
                output = Path(one.outputs[0])
                (tmp_path / "shared" / output.relative_to("results")).parent.mkdir(parents=True, exist_ok=True)
                output.write_text("made")
                write_record(output, one.rule, {"code": "old"})
    return tmp_path


def test_the_line_names_who_made_it_from_what_and_the_ways_out(here: Path) -> None:
    with pytest.raises(WsssError) as refused:
        refuse_to_remake([MAKE_CAMS, LIST, REPORT, TRAIN])
    line = str(refused.value)
    assert line.startswith(f"{CLASSIFIER} is of ")
    assert f" in {here / 'first'} on " in line
    assert "made from other code, and would be made again (and 1 more jobs)" in line
    # CAMs follow from the classifier, also through a file that nobody has recorded.
    assert line.endswith("or make it again for all with --forcerun train_classifier")


def test_what_is_asked_for_is_made_and_so_are_pages_and_what_is_missing(here: Path) -> None:
    refuse_to_remake([job("train_classifier", CLASSIFIER, asked=True), REPORT])
    Path(CLASSIFIER).unlink()
    refuse_to_remake([TRAIN])
    with pytest.raises(WsssError, match="make_cams"):
        refuse_to_remake([TRAIN, MAKE_CAMS])


def test_the_clone_that_made_it_may_make_it_again(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here / "first")
    refuse_to_remake([TRAIN, MAKE_CAMS, REPORT])


def test_inputs_that_are_newer_are_named(here: Path) -> None:
    with pytest.raises(WsssError, match="made from older inputs, and would be made again\\."):
        refuse_to_remake([job("train_classifier", CLASSIFIER, code="old")])


class Node:
    """A job of Snakemake's graph, as far as it is looked at."""

    def __init__(self, name: str, *before: "Node", forced: bool = False, unfinished: bool = False) -> None:
        self.rule, self.output, self.input, self.params = (
            SimpleNamespace(name=name),
            [name],
            [],
            SimpleNamespace(items=dict),
        )
        self.before, self.reason = (
            before,
            SimpleNamespace(forced=forced, incomplete_output={name} if unfinished else set()),
        )


def test_what_follows_from_a_forced_job_is_asked_for() -> None:
    forced = Node("forced", forced=True)
    nodes = [Node("after", Node("between", forced)), forced, Node("alone"), Node("unfinished", unfinished=True)]
    dag = SimpleNamespace(
        needrun_jobs=lambda: nodes,
        reason=lambda one: one.reason,
        needrun=lambda one: True,
        dependencies={node: node.before for node in [*nodes, *nodes[0].before]},
    )
    asked = {one.rule: one.asked for one in planned_jobs(dag)}
    assert asked == {"after": True, "forced": True, "alone": False, "unfinished": True}


def test_a_disk_without_space_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_unwritable([tmp_path, tmp_path / "missing"])
    for space, inodes, what in ((10, 10**6, "space"), (10**6, 3, "inodes")):
        left = SimpleNamespace(f_bavail=space, f_frsize=4096, f_files=10**6, f_favail=inodes)
        monkeypatch.setattr("os.statvfs", lambda _, left=left: left)
        with pytest.raises(WsssError, match=f"^no {what} left on the disk of {tmp_path}"):
            refuse_unwritable([tmp_path])


def test_where_snakemake_is_no_command_the_user_runs_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["a_notebook.py"])
    with pytest.raises(WsssError, match="run this one again"):
        plan_anew(tmp_path)

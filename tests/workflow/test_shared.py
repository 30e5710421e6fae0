"""One folder of results for several clones and workflows, and disks that are away, read-only or full."""

import re
import shlex
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.workflow.conftest import TINY, Outcome, Workplace, environment, folder_config, new_workplace, rewrite
from tests.workflow.mounts import why_no_mounts
from tests.workflow.warm_python import warm_python
from wsss.plan.claims import Claims

NOTHING = "Nothing to be done"


def clone_of(results: Path, root: Path) -> Workplace:
    """A new clone whose results are those in another folder."""
    place = new_workplace(root)
    (place.work / "results").symlink_to(results)
    return place


def state(place: Workplace) -> dict[Path, tuple[int, int]]:
    """Time and size of every artifact."""
    files = [path for path in place.work.glob("results/[a-z]*/**/*") if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def refusal(outcome: Outcome) -> str:
    """The one line of a workflow that was refused before its first job."""
    (line,) = re.findall(r"^error: .+$", outcome.output, re.MULTILINE)
    assert outcome.code != 0
    assert "Traceback" not in outcome.output
    assert "Finished jobid" not in outcome.output
    return str(line)


def finished_rules(output: str) -> list[str]:
    """The rules of the jobs that were done, sorted."""
    return sorted(re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", output, re.MULTILINE))


@pytest.fixture
def second(copy_of_finished: Workplace, tmp_path: Path) -> Workplace:
    """A second clone with the results of a finished one."""
    return clone_of(copy_of_finished.work / "results", tmp_path / "second")


def test_a_second_clone_uses_what_the_first_has_made(second: Workplace) -> None:
    before = state(second)
    outcome = second.snakemake()
    assert outcome.code == 0, outcome.output
    assert NOTHING in outcome.output
    assert state(second) == before


def test_other_code_makes_again_only_what_is_asked_for(
    finished: Workplace, copy_of_finished: Workplace, second: Workplace
) -> None:
    code = second.project / "wsss" / "evaluation" / "cam_curve.py"
    text = code.read_text()
    changed = text.replace("from wsss", "CHANGED = 1\nfrom wsss", 1).replace("    return", "    CHANGED\n    return", 1)
    rewrite(code, changed)
    before = state(second)
    assert second.planned("cam_curve") == {"make_cam_curve": 2, "cam_curve": 1}
    line = refusal(second.snakemake("cam_curve"))
    # Where the first clone was before it moved.
    assert f" in {finished.work} on " in line
    assert "made from other code" in line
    assert "--forcerun make_cam_curve" in line
    assert state(second) == before
    # The digests lie beside the artifacts.
    records = second.only("results/data-*/classifier-*/cams-*/cam_curve-*/.made_by")
    assert {path.name for path in records.iterdir()} == {"train.json.json", "val.json.json"}
    # Asked for, they are made. Then the first clone has other code.
    outcome = second.snakemake("cam_curve", "--forcerun", "make_cam_curve")
    assert outcome.code == 0, outcome.output
    assert finished_rules(outcome.output) == ["cam_curve", "make_cam_curve", "make_cam_curve"]
    assert not second.planned("cam_curve")
    assert f" in {second.work} on " in refusal(copy_of_finished.snakemake("cam_curve"))
    rewrite(copy_of_finished.project / "wsss" / "evaluation" / "cam_curve.py", changed)
    assert not copy_of_finished.planned("cam_curve")


def test_two_clones_that_need_the_same_at_once_make_it_once(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    clones = [clone_of(tmp_path / "shared", tmp_path / name) for name in ("first", "second")]
    with ThreadPoolExecutor() as pool:
        outcomes = list(pool.map(lambda clone: clone.snakemake("classifier"), clones))
    said = "".join(outcome.output for outcome in outcomes)
    assert [outcome.code for outcome in outcomes] == [0, 0], said
    assert finished_rules(said) == ["classifier", "generate_synthetic", "make_backbone", "train_classifier"]
    assert len(re.findall(r"^waiting: \S+ is in use by snakemake of \S+ in \S+ \(process \d+", said, re.MULTILINE)) == 1
    assert NOTHING in said


def test_a_workflow_in_the_same_folder_waits_for_what_another_makes(copy_of_finished: Workplace) -> None:
    place = copy_of_finished
    page = place.only("results/runs/default-*/report.html")
    page.unlink()
    other = Claims(place.work / "results")
    assert other.hold([str(page.relative_to(place.work))], []) is None
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(place.snakemake)
        output = place.root / "output.txt"
        while "waiting: " not in (output.read_text() if output.exists() else ""):
            assert not waiting.done(), waiting.result().output
            time.sleep(0.1)
        # The other one makes the page, and ends.
        page.write_text("made by the other")
        del other
        outcome = waiting.result()
    assert outcome.code == 0, outcome.output
    assert NOTHING in outcome.output
    assert page.read_text() == "made by the other"


@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
def test_a_dataset_whose_disk_is_away_costs_nothing(copy_of_folder_run: Workplace, left: str) -> None:
    place = copy_of_folder_run
    folder = place.root / "dataset"
    config = place.write_config(folder_config(folder), ("data",))
    assert not place.planned(config=config)
    folder.rename(place.root / "unmounted")
    if left == "an empty folder":
        folder.mkdir()
    before = state(place)
    outcome = place.snakemake(config=config)
    assert outcome.code == 0, outcome.output
    assert NOTHING in outcome.output
    changed = place.write_config(folder_config(folder, pseudo_labels={"method": "crf"}), ("data",))
    line = refusal(place.snakemake(config=changed))
    assert line.startswith(f"error: nothing is at {folder}, and ")
    assert "mount its disk, or correct locations.dataset" in line
    assert state(place) == before


@pytest.fixture(scope="module")
def mounting() -> None:
    """Skips tests where disks cannot be mounted for one process alone."""
    if why := why_no_mounts():
        pytest.skip(f"no disks can be mounted here: {why}")


def mounted(place: Workplace, mounts: str, *arguments: str, config: Path = TINY) -> Outcome:
    """Run snakemake after shell commands that mount disks, which nobody else sees."""
    command = [str(warm_python()), "-m", "snakemake", *arguments, "--cores", "2"]
    command += ["--snakefile", str(place.project / "Snakefile"), "--configfile", str(config)]
    shell = f"set -e; {mounts}; cd {shlex.quote(str(place.work))}; exec {shlex.join(command)}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", shell],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    return Outcome(done.returncode, done.stdout)


def read_only(folder: Path) -> str:
    named = shlex.quote(str(folder))
    return f"mount --bind {named} {named}; mount -o remount,bind,ro {named}"


LATE = {"prediction_labels": {"crf": {"iterations": 1}}}


@pytest.mark.usefixtures("mounting")
def test_results_on_a_read_only_disk_stay_finished(copy_of_finished: Workplace) -> None:
    place = copy_of_finished
    results = read_only(place.work / "results")
    for arguments in ([], ["-n"]):
        outcome = mounted(place, results, *arguments)
        assert outcome.code == 0, outcome.output
        assert NOTHING in outcome.output
        assert not re.search("warning|Traceback", outcome.output)
    late = place.write_config(LATE)
    line = refusal(mounted(place, results, config=late))
    assert line.startswith(f"error: {place.work / 'results'} cannot be written, and jobs write there")
    line = refusal(mounted(place, read_only(place.work / "logs"), config=late))
    assert line.startswith(f"error: {place.work / 'logs'} cannot be written, and jobs write there")


@pytest.mark.usefixtures("mounting")
def test_a_folder_that_is_read_only_names_the_way_out_which_works(
    second: Workplace, copy_of_finished: Workplace
) -> None:
    line = refusal(mounted(copy_of_finished, read_only(copy_of_finished.work), "-n"))
    assert "let `results` in it be a link to these results, and run snakemake --snakefile there" in line
    outcome = mounted(second, read_only(copy_of_finished.work))
    assert NOTHING in outcome.output, outcome.output


@pytest.mark.usefixtures("mounting")
def test_a_full_disk_ends_in_one_line_and_the_same_command_goes_on(workplace: Workplace) -> None:
    """The dataset fits, the weights do not. Nothing half-written stays, and nothing that was there is made again."""
    work = shlex.quote(str(workplace.work))
    data, weights = (
        f"results/{folder}"
        for folder in (
            "data-synthetic-191b4a/images.tsv",
            "backbone-efficientnet_lite0-imagenet-d3fa24/weights.safetensors",
        )
    )
    command = [str(warm_python()), "-m", "snakemake", data, weights, "--cores", "1"]
    command += ["--snakefile", str(workplace.project / "Snakefile"), "--configfile", str(TINY)]
    run = f"{shlex.join(command)} || echo failed"
    grown = f"echo then; find results -name '*.tmp'; ls {weights} || true; mount -o remount,size=64m {work}"
    outcome = mounted(
        workplace, f"mount -t tmpfs -o size=6m none {work}; cd {work}; {run}; {grown}; {run}; true", "--version"
    )
    full, after = outcome.output.split("\nthen\n")
    assert re.findall(r"^error: .+$", full, re.MULTILINE) == [
        f"error: no space left while writing {weights}: free some space and run the same command again"
    ]
    # Snakemake begins with either.
    before = finished_rules(full)
    assert before in ([], ["generate_synthetic"])
    assert f"ls: cannot access '{weights}'" in after
    assert sorted([*before, *finished_rules(after)]) == ["generate_synthetic", "make_backbone"]
    assert "Traceback" not in outcome.output
    assert ".tmp" not in after


@pytest.mark.usefixtures("mounting")
def test_a_disk_without_inodes_ends_in_one_line(workplace: Workplace) -> None:
    work = shlex.quote(str(workplace.work))
    line = refusal(mounted(workplace, f"mount -t tmpfs -o nr_inodes=40 none {work}", "classifier"))
    assert line.startswith("error: no inodes left on the disk of ")

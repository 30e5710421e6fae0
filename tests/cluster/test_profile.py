"""The miniature through profiles/slurm: what arrives at SLURM, what happens to killed jobs, and what is refused."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Submitting
from tests.cluster.slurm import Cluster
from tests.workflow.conftest import TINY, Workplace, made_once, new_workplace
from tests.workflow.warm_python import warm_python

# Long enough to be stopped at several of its checkpoints.
STEPS = 32
CHANGES: dict[str, Any] = {"classifier": {"epochs": STEPS // 2}, "shards": 1}
# A job that does nothing.
NOTHING = ["--comment", "urgent", "--output", "/dev/null", "--wrap", "true"]
# Added to the training loop: it saves at every row of its log, and at some steps waits for what stops it.
STOPS = {"memory": 10, "cancel": 20, "preempt": 30}
STOPPING = """

SECONDS_BETWEEN_CHECKPOINTS = 0.0
_rate_share = rate_share


def rate_share(plan: Plan, step: int) -> float:
    stop = {step: Path(folder) / kind for kind, step in STOPS.items()}.get(step)
    if stop is not None and not stop.exists():
        stop.touch()
        hoard = []
        for _ in range(600):
            time.sleep(0.1)
            if stop.name == "memory":
                hoard.append(bytes([1]) * 200_000_000)
    return _rate_share(plan, step)
"""


@pytest.fixture(scope="package")
def submitted(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A workplace where the miniature was submitted, from nothing to its report. To be read only.

    `jobs.json` has what SLURM told of the jobs, and of the devices of their steps.
    """

    def make(folder: Path) -> None:
        place = new_workplace(folder)
        config = place.write_config(CHANGES)
        outcome = Submitting(place, cluster).snakemake("--configfile", config, python=warm_python())
        assert outcome.code == 0, outcome.output
        jobs = [(job.rule, job.asked, job.fields) for job in cluster.jobs()]
        (folder / "jobs.json").write_text(json.dumps([jobs, {key: list(v) for key, v in cluster.devices().items()}]))

    return Workplace(made_once(tmp_path_factory, "submitted", make))


# The rules of the miniature: how many jobs, and what each asks for.
GPU = "gres:gpu:1"
ASKED = {
    "generate_synthetic": (1, ("cpu", 4, "2000M", "", "00:30:00")),
    "train_classifier": (1, ("gpu", 8, "16000M", GPU, "06:40:00")),
    "make_cams": (2, ("gpu", 8, "12000M", GPU, "04:00:00")),
    "make_cam_crf": (2, ("cpu", 1, "4000M", "", "04:00:00")),
    "make_cam_curve": (2, ("cpu", 1, "4000M", "", "02:00:00")),
    "make_confident_labels": (1, ("cpu", 1, "4000M", "", "08:00:00")),
    "train_irnet": (1, ("gpu", 8, "16000M", GPU, "01:30:00")),
    "make_pseudo_labels": (1, ("gpu", 4, "8000M", GPU, "08:00:00")),
    "train_segmentation": (1, ("gpu", 8, "16000M", GPU, "1-12:40:00")),
    "make_prediction": (1, ("gpu", 8, "8000M", GPU, "04:00:00")),
    "make_prediction_labels": (1, ("cpu", 1, "4000M", "", "08:00:00")),
    "score_labels": (5, ("cpu", 2, "4000M", "", "01:00:00")),
    # Four jobs of a group, one after the other: the cores and the memory of one, and the time of all.
    "pages_collect_metrics_draw_panels_write_report": (1, ("cpu", 1, "4000M", "", "01:40:00")),
}


def test_jobs_get_what_their_rules_ask_for(submitted: Workplace) -> None:
    jobs, devices = json.loads((submitted.root / "jobs.json").read_text())
    asked = Counter((rule, without_payload(*values)) for rule, values, _ in jobs)
    assert asked == {(rule, values): count for rule, (count, values) in ASKED.items()}
    for rule, values, fields in jobs:
        assert fields["JobState"] == "COMPLETED"
        seen = devices[fields["JobId"]]
        assert len(seen) == 1
        assert (seen[0] in ("0", "1")) == (values[0] == "gpu"), (rule, seen)
    # Both shards of the CAMs ran at once, each on a device of its own.
    assert {devices[fields["JobId"]][0] for rule, _, fields in jobs if rule == "make_cams"} == {"0", "1"}
    assert submitted.only("results/runs/default/report.html").stat().st_size > 10_000


def test_a_job_that_was_killed_goes_on_from_its_checkpoint(
    submitted: Workplace, cluster: Cluster, tmp_path: Path
) -> None:
    """Out of memory, then cancelled, then preempted: the weights are those of the training that nothing stopped."""
    shutil.copytree(submitted.root, tmp_path / "place", symlinks=True)
    place = Workplace(tmp_path / "place")
    shutil.rmtree(place.only("results/data-*/classifier-*"))
    stops = tmp_path / "stops"
    stops.mkdir()
    edit(place.project / "wsss/training/loop.py", lambda text: text + stopping(stops))
    edit(place.project / "rules/classification.smk", lambda text: text.replace("growing(16000)", "growing(2000)"))
    log = f"logs/{place.only('results/data-*').name}/classifier-*/training.log"
    running = Submitting(place, cluster)
    known = {job.fields["JobId"] for job in cluster.jobs()}
    workflow = running.start("classifier", "--configfile", place.only("../config-0.yaml"))
    try:
        wait_for((stops / "cancel").exists, running)
        assert "resuming from step 10" in place.only(log).read_text()
        cluster.run("scancel", newest(cluster))
        wait_for((stops / "preempt").exists, running)
        assert "resuming from step 20" in place.only(log).read_text()
        urgent = cluster.run("sbatch", "--parsable", "-p", "urgent", "-c", "16", *NOTHING)
        assert workflow.wait(timeout=600) == 0, running.output.read_text()
    finally:
        workflow.kill()
    assert "resuming from step 30" in place.only(log).read_text()
    jobs = [job for job in cluster.jobs() if job.fields["JobId"] not in {*known, urgent.strip()}]
    assert [(job.asked[2], job.asked[4], job.fields["Restarts"]) for job in jobs] == [
        ("2000M", "06:40:00", "0"),
        ("4000M", "13:20:00", "0"),
        ("6000M", "20:00:00", "1"),
    ]
    assert [job.fields["JobState"] for job in jobs[1:]] == ["CANCELLED", "COMPLETED"]
    weights = [one.only("results/data-*/classifier-*/classifier.safetensors") for one in (place, submitted)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_jobs_that_can_never_start_are_named_before_any_is_submitted(cluster: Cluster, tmp_path: Path) -> None:
    before = len(cluster.jobs())
    more = ["--set-threads", "train_classifier=99", "--max-threads", "99"]
    more += ["--set-resources", "train_segmentation:runtime=2500"]
    outcome = Submitting(new_workplace(tmp_path / "place"), cluster).snakemake(*more, "--configfile", TINY)
    assert outcome.code == 1
    assert [line for line in outcome.output.splitlines() if line.startswith(("error:", "warning:"))] == [
        "error: jobs that can never start: "
        "train_classifier asks for 99 cores, 16000 MB, 1 GPU, 400 minutes, and partition gpu gives at most 16 cores; "
        "train_segmentation asks for 8 cores, 16000 MB, 1 GPU, 2500 minutes, and partition gpu gives at most "
        "2400 minutes: see docs/cluster.md, 'A job can never start'"
    ]
    assert len(cluster.jobs()) == before


def without_payload(partition: str, cores: int, memory: str, gpus: str, time: str) -> tuple[str, int, str, str, str]:
    """What a job asks for. The payload of an array adds a megabyte, and jobs are an array if they are ready at once."""
    return partition, cores, f"{int(memory.removesuffix('M')) // 1000 * 1000}M", gpus, time


def edit(file: Path, change: Callable[[str], str]) -> None:
    before = file.read_text()
    assert change(before) != before
    file.write_text(change(before))


def stopping(folder: Path) -> str:
    return STOPPING.replace("STOPS", repr(STOPS)).replace("folder", repr(str(folder)))


def newest(cluster: Cluster) -> str:
    return max((job.fields["JobId"] for job in cluster.jobs()), key=int)


def wait_for(there: Callable[[], bool], running: Submitting) -> None:
    for _ in range(3000):
        if there():
            return
        time.sleep(0.1)
    raise TimeoutError(running.output.read_text())

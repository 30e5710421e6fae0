"""Before the first job: what another workflow is making, what another clone has made, and what disk is away.

Snakemake deletes the outputs of a job before it starts. So what may not be made again is told before.
"""

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from wsss.errors import WsssError
from wsss.plan.away import is_away
from wsss.plan.claims import Claims
from wsss.plan.paths import stage_of
from wsss.plan.plan import Plan
from wsss.plan.stages import ROOT, STAGES
from wsss.runtime.made_by import MadeBy, is_of_another, read_record

# What parameters of jobs stand for, in messages.
MEANING = {
    "code": "other code",
    "settings": "other settings",
    "tables": "other lists or labels",
    "content": "other files",
}

# With less, Snakemake could not even write what it does.
LEAST_BYTES, LEAST_INODES = 2**20, 100


@dataclass(frozen=True)
class PlannedJob:
    """A job that is going to run.

    Parameters
    ----------
    rule : str
        Its rule.
    outputs, inputs : Sequence[str]
        Its files.
    params : Mapping[str, Any]
        Its parameters by their name.
    asked : bool
        Whether it runs because the user asks for it (`--forcerun`), or because it was interrupted.
    """

    rule: str
    outputs: Sequence[str]
    inputs: Sequence[str]
    params: Mapping[str, Any]
    asked: bool

    @property
    def folders(self) -> set[str]:
        """The names of all folders in the paths of its files."""
        return {part for file in (*self.outputs, *self.inputs) for part in Path(file).parts[:-1]}

    @property
    def has_outputs(self) -> bool:
        """Whether some of its outputs are there already."""
        return any(Path(file).exists() for file in self.outputs)


def planned_jobs(dag: Any) -> list[PlannedJob]:
    """The jobs that are going to run, from Snakemake's graph of jobs."""

    @cache
    def is_forced(job: Any) -> bool:
        return bool(dag.reason(job).forced) or any(is_forced(one) for one in dag.dependencies[job] if dag.needrun(one))

    return [
        PlannedJob(
            job.rule.name,
            list(map(str, job.output)),
            list(map(str, job.input)),
            dict(job.params.items()),
            is_forced(job) or bool(dag.reason(job).incomplete_output),
        )
        for job in dag.needrun_jobs()
        if job.output
    ]


def wait_for_others(jobs: Collection[PlannedJob], claims: Claims) -> bool:
    """Claim the files of jobs for this workflow. If another one makes some of them, return when it has ended.

    Parameters
    ----------
    jobs : Collection[PlannedJob]
        The jobs.
    claims : Claims
        The claims of all workflows.

    Returns
    -------
    bool
        Whether there was another workflow. Then the plan does not hold any more.

    Raises
    ------
    WsssError
        If the folder of the results cannot be written.
    """
    outputs, inputs = {file for job in jobs for file in job.outputs}, {file for job in jobs for file in job.inputs}
    conflict = claims.hold(outputs, inputs)
    if conflict is None:
        return False
    print(f"waiting: {conflict.file} is in use by {conflict.claim}", file=sys.stderr, flush=True)
    conflict.wait()
    return True


def plan_anew(started_in: Path) -> None:
    """Let this process begin anew, because Snakemake cannot change a plan.

    Parameters
    ----------
    started_in : Path
        The folder where the user started snakemake.

    Raises
    ------
    WsssError
        If snakemake was not started as a command.
    """
    if Path(sys.argv[0]).name not in ("snakemake", "__main__.py"):
        raise WsssError("another workflow has made what this one needs, and has ended: run this one again")
    os.chdir(started_in)
    os.execv(sys.executable, [sys.executable, "-P", "-m", "snakemake", *sys.argv[1:]])


def refuse_to_remake(jobs: Collection[PlannedJob]) -> None:
    """Raise WsssError if a job would make again what another clone has made, and the user has not asked for it.

    Pages of runs and comparisons are made again. They cost seconds.
    """
    found = [(job, made) for job in jobs if (made := _made_by_another(job)) is not None]
    if not found:
        return
    roots = _first_in_line([job for job, _ in found], jobs)
    job, made = next(pair for pair in found if pair[0] is roots[0])
    differing = [text for name, text in MEANING.items() if made.params.get(name) != job.params.get(name)]
    more = f" (and {len(found) - 1} more jobs)" if len(found) > 1 else ""
    rules = " ".join(sorted({root.rule for root in roots}))
    raise WsssError(
        f"{job.outputs[0]} is of {made.user} in {made.folder} on {made.host}, made from "
        f"{' and '.join(differing) or 'older inputs'}, and would be made again{more}. Nothing was changed: take the "
        f"same code and data, let `results` lead to another folder, or make it again for all with --forcerun {rules}"
    )


def _made_by_another(job: PlannedJob) -> MadeBy | None:
    first = Path(job.outputs[0])
    is_artifact = first.parts[0] == ROOT and stage_of(first.parts[1]) in STAGES
    if job.asked or not is_artifact or not job.has_outputs or not is_of_another(first):
        return None
    return read_record(first)


def _first_in_line(some: Sequence[PlannedJob], jobs: Collection[PlannedJob]) -> list[PlannedJob]:
    """Those of some jobs that need none of the others, also not through further jobs."""
    reached = {file for job in some for file in job.outputs}
    while more := {file for job in jobs if reached & set(job.inputs) for file in job.outputs} - reached:
        reached |= more
    return [job for job in some if not reached & set(job.inputs)]


def refuse_unwritable(folders: Sequence[Path]) -> None:
    """Raise WsssError if jobs could not write their logs or results, or if there is no space for them."""
    for folder in filter(Path.exists, folders):
        if not os.access(folder, os.W_OK):
            raise WsssError(
                f"{folder.absolute()} cannot be written, and jobs write there: make it writable, or work elsewhere"
            )
        disk = os.statvfs(folder)
        what = "space" if disk.f_bavail * disk.f_frsize < LEAST_BYTES else "inodes"
        if what == "space" or (disk.f_files and disk.f_favail < LEAST_INODES):
            raise WsssError(
                f"no {what} left on the disk of {folder.absolute()}: free some and run the same command again"
            )


def refuse_without_disk(jobs: Collection[PlannedJob], plan: Plan) -> None:
    """Raise WsssError if a job reads files of the user whose disk is away, and something was made from them already."""
    for name, place in plan.dataset_folders().items():
        rules = [job.rule for job in jobs if name in job.folders]
        if rules and (Path(ROOT) / name / STAGES["data"].file).exists() and is_away(place):
            _refuse(place, rules[0], "locations.dataset")
    for name, place in plan.file_places().items():
        rules = [job.rule for job in jobs if "content" in job.params and name in job.folders and job.has_outputs]
        if rules and is_away(place):
            _refuse(place, rules[0], f"locations.{stage_of(name)}")


def _refuse(place: Path, rule: str, key: str) -> None:
    raise WsssError(
        f"nothing is at {place}, and {rule} has to read it: mount its disk, or correct {key}. Nothing was changed"
    )

"""Names jobs that a SLURM cluster can never start.

SLURM takes a job that asks for more cores or more time than its partition has, and keeps it waiting without a word. So
each kind of job is compared with the partitions and their nodes before the first job is submitted.
"""

import logging
import math
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wsss.errors import WsssError

WAY_OUT = "see docs/cluster.md, 'A job can never start'"
NODES = ["sinfo", "--noheader", "--Node", "--format=%R|%c|%m|%G"]
PARTITIONS = ["scontrol", "--oneliner", "show", "partition"]
SECONDS = 60


@dataclass(frozen=True)
class Amounts:
    """What a job asks for, or the most that a node of a partition gives one job.

    Parameters
    ----------
    cores : float
        CPU cores.
    memory : float
        Megabytes.
    gpus : float
        GPUs.
    minutes : float
        Minutes until the job is ended.
    """

    cores: float
    memory: float
    gpus: float
    minutes: float

    def __str__(self) -> str:
        return ", ".join(_counted(value, unit) for value, unit in zip(self._values(), UNITS, strict=True) if value)

    def above(self, other: "Amounts") -> list[int]:
        """Positions of the amounts that are larger than those of `other`."""
        return [at for at, (own, its) in enumerate(zip(self._values(), other._values(), strict=True)) if own > its]

    def most(self, other: "Amounts") -> "Amounts":
        """The larger one of each amount."""
        return Amounts(*map(max, self._values(), other._values()))

    def only(self, positions: Iterable[int]) -> str:
        """Some of the amounts as words, zeros included."""
        return " and ".join(_counted(self._values()[at], UNITS[at]) for at in positions)

    def _values(self) -> tuple[float, float, float, float]:
        return self.cores, self.memory, self.gpus, self.minutes


UNITS = ("core", "MB", "GPU", "minute")


def check_cluster(workflow: Any) -> None:
    """Where Snakemake submits to SLURM, end it with one line if a job could never start; else do nothing.

    Parameters
    ----------
    workflow : Workflow
        Snakemake's workflow, with a plan, before the first job.
    """
    if workflow.executor_plugin.name != "slurm":
        return
    try:
        for warning in refuse_jobs_that_cannot_start(workflow.dag, workflow.scheduler.get_executor):
            print(f"warning: {warning}", file=sys.stderr)
    except WsssError as error:
        sys.exit(f"error: {error}")


def refuse_jobs_that_cannot_start(dag: Any, executor_of: Callable[[Any], Any]) -> list[str]:
    """Compare every planned job, in all of its attempts, with the partition that it will be submitted to.

    A later attempt that fits on no node is not made.

    Parameters
    ----------
    dag : DAG
        Snakemake's plan of this run. The number of attempts is lowered in its rules.
    executor_of : Callable[[Any], Any]
        Gives the executor of a job, which chooses the partition.

    Returns
    -------
    list[str]
        A warning for each kind of job that is tried less often.

    Raises
    ------
    WsssError
        If the first attempt of a job fits on no node of its partition, or if SLURM does not answer.
    """
    limits = read_limits(_answer(NODES), _answer(PARTITIONS))
    faults: dict[tuple[str, int, Amounts], str] = {}
    for job in _submitted_jobs(dag):
        for attempt, asked, partition in _attempts(job, executor_of(job)):
            if fault := why_never(asked, partition, limits):
                faults[job.name, attempt, asked] = fault
                _stop_before(job, attempt)
                break
    said = [(attempt, f"{name} asks for {asked}, and {fault}") for (name, attempt, asked), fault in faults.items()]
    if never := sorted(text for attempt, text in said if attempt == 1):
        raise WsssError(f"jobs that can never start: {'; '.join(never)}: {WAY_OUT}")
    return sorted(f"no attempt {attempt}: {text}: {WAY_OUT}" for attempt, text in said)


def read_limits(nodes: str, partitions: str) -> dict[str, list[Amounts]]:
    """What each kind of node gives one job, partition by partition.

    Parameters
    ----------
    nodes : str
        Lines of `sinfo`: partition, cores, megabytes and generic resources of a node, with bars between them.
    partitions : str
        Lines of `scontrol --oneliner show partition`.

    Returns
    -------
    dict[str, list[Amounts]]
        A list for each partition, without repetitions.
    """
    most = {}
    for line in partitions.splitlines():
        fields = dict(re.findall(r"(\w+)=(\S*)", line))
        if "PartitionName" in fields:
            bounds = (_number(fields.get(key)) for key in ("MaxCPUsPerNode", "MaxMemPerNode"))
            most[fields["PartitionName"]] = (*bounds, _minutes(fields.get("MaxTime", "")))
    limits: dict[str, list[Amounts]] = {name: [] for name in most}
    for line in nodes.splitlines():
        name, cores, memory, gres = line.strip().split("|")
        if name in most:
            most_cores, most_memory, minutes = most[name]
            gpus = sum(map(int, re.findall(r"(?:^|,)gpu:(?:[^:,(]+:)?(\d+)", gres)))
            node = Amounts(min(int(cores), most_cores), min(int(memory), most_memory), gpus, minutes)
            limits[name] += [node] if node not in limits[name] else []
    return limits


def why_never(asked: Amounts, partition: str, limits: Mapping[str, list[Amounts]]) -> str:
    """Why no node of a partition can ever run a job that asks for so much; empty if one can."""
    nodes = limits.get(partition)
    if nodes is None:
        return f"there is no partition {partition}"
    if not nodes:
        return f"partition {partition} has no nodes"
    if any(not asked.above(node) for node in nodes):
        return ""
    most = nodes[0]
    for node in nodes[1:]:
        most = most.most(node)
    beyond = asked.above(most)
    if not beyond:
        return f"no node of partition {partition} has all of that"
    return f"partition {partition} gives at most {most.only(beyond)}"


def _submitted_jobs(dag: Any) -> Iterator[Any]:
    """Jobs and groups of jobs that will be submitted, each once."""
    seen = set()
    for job in dag.needrun_jobs():
        submitted = dag.get_job_group(job) or job
        if not submitted.is_local and submitted not in seen:
            seen.add(submitted)
            yield submitted


def _attempts(job: Any, executor: Any) -> Iterator[tuple[int, Amounts, str]]:
    """Each attempt of a job: its number, what it asks for, and the partition that the executor chooses."""
    # The choice is told again when the job is submitted.
    logging.disable(logging.INFO)
    try:
        for attempt in range(1, job.restart_times + 2):
            job.attempt = attempt
            values = (job.resources.get(key, 0) for key in ("mem_mb", "gpu", "runtime"))
            words = shlex.split(executor.get_partition_arg(job))
            numbers = (value if isinstance(value, int) else 0 for value in values)
            yield attempt, Amounts(job.threads, *numbers), words[-1] if words else ""
    finally:
        job.attempt = 1
        logging.disable(logging.NOTSET)


def _stop_before(job: Any, attempt: int) -> None:
    """Let the rules of a job, or of a group of jobs, fail for good before this attempt."""
    for member in job.jobs if job.is_group() else [job]:
        member.rule.restart_times = min(member.rule.restart_times, max(attempt - 2, 0))


def _answer(command: list[str]) -> str:
    """What a command of SLURM prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WsssError(f"SLURM does not answer ({error}): run snakemake on a node where sinfo works") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split())
        raise WsssError(f"SLURM does not answer ({command[0]}: {said}): run snakemake on a node where sinfo works")
    return done.stdout


def _number(text: str | None) -> float:
    return int(text) if text is not None and text.isdigit() else math.inf


def _minutes(text: str) -> float:
    """Minutes of SLURM's days-hours:minutes:seconds; infinite where there is no limit."""
    found = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d+):(\d+)", text)
    if not found:
        return math.inf
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return (days * 24 + hours) * 60 + minutes + seconds / 60


def _counted(value: float, unit: str) -> str:
    plural = "" if value == 1 or unit == "MB" else "s"
    return f"{value:g} {unit}{plural}" if value < 1e6 else f"{value:.0f} {unit}{plural}"

"""Processes of a workflow are killed at random moments. Afterwards, one plain command must make what is missing."""

import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.workflow.conftest import Outcome, Workplace, environment
from tests.workflow.forks import run_snakemake, start_snakemake
from wsss.files import sha256_of

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
VICTIMS = ("workflow", "everything", "job", "loader")
SCRIPT = re.compile(r"\.snakemake/scripts/tmp\w+\.(\w+)\.py")
# Of the signals, so many are sent after the first job has begun, the others at any time from the start of snakemake.
SHARE_WITH_JOBS = 0.8
# So many are sent in the first second of a job whose rule was not hit before, if one runs in time.
SHARE_AT_NEW_RULES = 0.6
# Nothing of a workflow that was killed may run after this time.
SECONDS_TO_END = 30
OWN_CODE = re.compile(r'File "\S+/(?:wsss|workflow_scripts)/\S+\.py", line')
# They hold the time of the run, or where it ran.
NOT_COMPARED = re.compile(r"\.snakemake|\.claims|\.made_by|\.checkpoint$|\.journal$")


@dataclass(frozen=True)
class Kill:
    """A signal that was sent, and what came of it.

    Parameters
    ----------
    victim : str
        What got it: the workflow, a job, one of its loader processes, or everything, as by Ctrl-C on a terminal.
    number : signal.Signals
        The signal.
    rules : tuple[str, ...]
        The scripts of the jobs that ran.
    faults : tuple[str, ...]
        What was not as it should be.
    """

    victim: str
    number: signal.Signals
    rules: tuple[str, ...]
    faults: tuple[str, ...] = ()


class Storm:
    """A workflow that is killed again and again.

    Parameters
    ----------
    place : Workplace
        Where it runs.
    arguments : Sequence[str]
        The arguments of the plain command.
    rng : random.Random
        Chooses moments, victims and signals.
    longest : float
        The longest time in seconds from that start to a signal.
    hit : set[str] or None
        Scripts whose jobs ran at earlier signals. Those of this storm are added.
    """

    def __init__(
        self,
        place: Workplace,
        arguments: Sequence[str],
        rng: random.Random,
        longest: float = 15.0,
        hit: set[str] | None = None,
    ) -> None:
        self._place, self._arguments, self._rng, self._longest = place, list(arguments), rng, longest
        self._hit = set() if hit is None else hit

    def kills(self, most: int) -> Iterator[Kill]:
        """Start the command and send a signal, until this was done `most` times or nothing is left to do."""
        for _ in range(most):
            kill = self._kill()
            if kill is None:
                return
            yield kill

    def finish(self) -> Outcome:
        """The plain command without a signal."""
        code = run_snakemake(self._arguments, self._place.work, environment(), self._place.output, sys.executable)
        return Outcome(code, self._place.output.read_text())

    def _kill(self) -> Kill | None:
        fork = start_snakemake(self._arguments, self._place.work, environment(), self._place.output, sys.executable)
        workflow = psutil.Process(fork.pid)
        self._wait_for_moment(workflow, fork.is_alive)
        number, below = self._rng.choice(SIGNALS), _below(workflow)
        victim, chosen = self._chosen(self._rng.choice(VICTIMS), workflow, below)
        rules = _scripts_of(below)
        if not fork.is_alive():
            return None
        for process in chosen:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        fork.join(timeout=300)
        faults = [] if fork.exitcode is not None else ["hangs"]
        fork.kill()
        left = _still_running(below)
        faults += [f"{len(left)} processes go on"] if left else []
        faults += faults_of(self._place.output.read_text())
        self._hit |= rules
        return Kill(victim, number, tuple(sorted(rules)), tuple(faults))

    def _wait_for_moment(self, workflow: psutil.Process, is_alive: Callable[[], bool]) -> None:
        if self._rng.random() < SHARE_WITH_JOBS:
            wait_until(time.monotonic() + 60, lambda: is_alive() and not _scripts_of(_below(workflow)))
        seconds = self._rng.uniform(0, self._longest)
        if self._rng.random() < SHARE_AT_NEW_RULES:
            end = time.monotonic() + 2 * seconds
            wait_until(end, lambda: is_alive() and _scripts_of(_below(workflow)) <= self._hit)
            seconds = self._rng.uniform(0, min(1, self._longest))
        wait_until(time.monotonic() + seconds, is_alive)

    def _chosen(
        self, wanted: str, workflow: psutil.Process, below: list[psutil.Process]
    ) -> tuple[str, list[psutil.Process]]:
        """What gets the signal, and its processes: a job if there is no loader just now, the workflow if no job."""
        scripts = [process for process in below if _script_of(process)]
        loaders = [process for process in scripts if _is_below(process, scripts)]
        jobs = [process for process in scripts if process not in loaders]
        if wanted == "everything":
            return wanted, [workflow, *below]
        if wanted == "loader" and loaders:
            return wanted, [self._rng.choice(loaders)]
        if wanted in ("job", "loader") and jobs:
            return "job", [self._rng.choice(jobs)]
        return "workflow", [workflow]


def artifacts(work: Path) -> dict[str, str]:
    """The sums of all files in the results."""
    files = (path for path in work.glob("results/**/*") if path.is_file() and not path.is_symlink())
    names = {str(path.relative_to(work)): path for path in files}
    return {name: sha256_of(path) for name, path in sorted(names.items()) if not NOT_COMPARED.search(name)}


def differing(work: Path, undisturbed: Path, below: str = "results/") -> list[str]:
    """Files that are not there, or not with the same bytes, in both of two places."""
    ours, wanted = artifacts(work), artifacts(undisturbed)
    names = [name for name in sorted({*ours, *wanted}) if name.startswith(below)]
    return [name for name in names if ours.get(name) != wanted.get(name)]


def wait_until(end: float, still: Callable[[], bool]) -> None:
    """Sleep to a time of the monotonic clock, or until `still()` is false."""
    while time.monotonic() < end and still():
        time.sleep(0.1)


def _below(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)][1:]
    return []


def _script_of(process: psutil.Process) -> str:
    """The name of the script that a process runs; empty if it runs none, or is the shell around it."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        command = process.cmdline()
        if len(command) > 1 and "python" in Path(command[0]).name and (found := SCRIPT.search(command[1])):
            return found[1]
    return ""


def _scripts_of(processes: Iterable[psutil.Process]) -> set[str]:
    return {name for process in processes if (name := _script_of(process))}


def _is_below(process: psutil.Process, others: list[psutil.Process]) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.ppid() in {other.pid for other in others}
    return False


def _still_running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended in time. Zombies wait for their parent and do nothing."""
    end = time.monotonic() + SECONDS_TO_END
    while (left := [process for process in processes if _runs(process)]) and time.monotonic() < end:
        time.sleep(0.05)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            os.kill(process.pid, signal.SIGKILL)
    return left


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def faults_of(output: str) -> list[str]:
    """What is wrong in the output of a command: a lock that stayed, or a traceback of a job."""
    # Snakemake shows tracebacks of its own, for Ctrl-C while it plans or before a job has reached the project's code.
    faults = ["locked"] if "LockException" in output else []
    if re.search(r'File "\S+\.snakemake/scripts/', output) and OWN_CODE.search(output):
        frames = re.findall(r'File "\S+?([\w.-]+/[\w.-]+)", line \d+, in (\S+)', output)
        faults.append("traceback of a job, in {} of {}".format(*reversed(frames[-1])))
    return faults

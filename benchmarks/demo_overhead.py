"""The workflow's own overhead in the demo: the seconds in which jobs start, and the seconds in which no job runs.

python benchmarks/demo_overhead.py    # runs the demo in a folder of its own: minutes, not part of `make bench`

The start of a job is the start of the interpreter and all imports, as Python itself measures them. The overhead is the
sum of all starts and of the seconds without any job (planning, and gaps between jobs). It is given as a share of the
rest of the jobs, which are the seconds inside the library's functions.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from measure import median_seconds
from record import Row, command_line, write_record

PROJECT = Path(__file__).resolve().parent.parent
PARTS = ("Snakefile", "config.yaml", "rules", "workflow_scripts", "profiles", "envs", "wsss")
# Jobs write Python's profile of imports to standard error. Snakemake itself does not, because it is already running.
RUN = (
    "import os, snakemake.cli; os.environ['PYTHONPROFILEIMPORTTIME'] = '1'; snakemake.cli.main(['--cores', '{cores}'])"
)
IMPORT = re.compile(r"^import time: +(\d+) \|", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """When a job began and ended, in seconds of the clock."""

    start: float
    end: float


def copy_project(folder: Path) -> None:
    """Copy the files that a run needs, without results."""
    for part in PARTS:
        source = PROJECT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)


def read_jobs(logs: Path) -> list[Job]:
    """Jobs by their benchmark files, which Snakemake writes at their end."""
    jobs = []
    for file in logs.rglob("*.benchmark.tsv"):
        with file.open() as lines:
            seconds = float(next(csv.DictReader(lines, delimiter="\t"))["s"])
        end = file.stat().st_mtime
        jobs.append(Job(end - seconds, end))
    return sorted(jobs, key=lambda job: job.start)


def covered(jobs: list[Job]) -> float:
    """Seconds in which at least one of `jobs`, sorted by their start, runs."""
    total, reached = 0.0, 0.0
    for job in jobs:
        total += max(job.end - max(job.start, reached), 0)
        reached = max(reached, job.end)
    return total


def imports(profile: str) -> float:
    """Seconds of all imports in Python's profile."""
    return sum(map(int, IMPORT.findall(profile))) / 1e6


def overhead(jobs: list[Job], profile: str, wall: float, interpreter: float) -> Row:
    """The overhead of a run of `wall` seconds, of which an interpreter's bare start takes `interpreter`."""
    starts = imports(profile) + interpreter * len(jobs)
    idle = wall - covered(jobs)
    work = sum(job.end - job.start for job in jobs) - starts
    share = (starts + idle) / work
    return Row(
        "workflow's own overhead in the demo",
        f"{len(jobs)} jobs in {wall:.0f} s: {work:.0f} s of work, {starts:.0f} s of starts, {idle:.0f} s without a job",
        ours=100 * share,
        unit="%",
        threads=os.cpu_count() or 1,
        goal="under 15%",
        met=share < 0.15,
    )


def main() -> None:
    """Run the demo anew and print its overhead last."""
    parser = command_line(__doc__)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy_project(Path(folder))
        start = time.perf_counter()
        environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        command = [sys.executable, "-c", RUN.format(cores=given.cores)]
        ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        wall = time.perf_counter() - start
        if ran.returncode:
            sys.exit("\n".join(line for line in ran.stderr.splitlines() if not IMPORT.match(line)))
        jobs = read_jobs(Path(folder) / "logs")
    bare = {"start": lambda: subprocess.run([sys.executable, "-S", "-c", ""], check=True)}
    row = overhead(jobs, ran.stderr, wall, median_seconds(bare, {"start": 5})["start"])
    write_record(given.record, [row])
    print(f"{row.claim}: {row.ours:.1f}%; {row.sizes}")


if __name__ == "__main__":
    main()

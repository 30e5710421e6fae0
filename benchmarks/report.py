"""Run the benchmarks, each in a process of its own, and write docs/performance.md.

python benchmarks/report.py                   # all of them: a quarter of an hour
python benchmarks/report.py affinity_loss     # one anew; the others' records of earlier runs stay
python benchmarks/report.py demo_overhead     # runs the demo, so it is run only when it is named
python benchmarks/report.py finished_run_labels --run results/runs/default    # likewise, as it needs that run
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from record import Record, Row, read_record

HERE = Path(__file__).resolve().parent
RECORDS, PAGE = HERE / "records", HERE.parent / "docs" / "performance.md"
# Threads that a script may use: claims are for one, but where cores share the work.
THREADS = {
    "random_walk": 1,
    "finished_run_labels": os.cpu_count() or 1,
    "affinity_loss": 1,
    "input_pipeline": 1,
    "dense_crf": 1,
    "cams": os.cpu_count() or 1,
    "workflow": 1,
    "growth": 1,
    "demo_overhead": os.cpu_count() or 1,
}
ONLY_WHEN_NAMED = frozenset({"demo_overhead", "finished_run_labels"})


def run(name: str, options: Sequence[str]) -> None:
    """Run a script with its own options; its record goes into benchmarks/records."""
    print(f"== {name}", flush=True)
    start = time.perf_counter()
    command = [sys.executable, str(HERE / f"{name}.py"), "--record", str(RECORDS / f"{name}.json"), *options]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": str(THREADS[name])})
    print(f"== {name}: {time.perf_counter() - start:.0f} s", flush=True)


def page(records: Mapping[str, Record], date: str) -> str:
    """The page, in Markdown, of records by the script's name."""
    rows = [row for record in records.values() for row in record.rows]
    missed = [row for row in rows if row.met is False]
    lines = [
        "# Performance",
        "",
        f"Written on {date} by `benchmarks/report.py` from the last run of each script; `make bench` runs them anew.",
        "Each line is one run of our method and of the reference's, side by side on the same input, in medians of",
        "alternating repetitions; errors are differences between both results.",
        "",
        *(f"- `{name}`: {record.machine}" for name, record in records.items()),
        "",
        "| claim | size | threads | reference | ours | ratio | error | share of the peak | goal |",
        "|---|---|---|---|---|---|---|---|---|",
        *map(table_line, rows),
        "",
        "## Goals that are not met",
        "",
        *(f"- {row.claim}: the goal is {row.goal}. {row.note}".rstrip() for row in missed),
        *([] if missed else ["None."]),
        "",
        "## Notes",
        "",
        *(f"- {row.claim}: {row.note}" for row in rows if row.note and row.met is not False),
        "",
        "## How cost grows",
        "",
        "![Seconds and memory against image size, classes and images](growth.png)",
        "",
        "The dashed guide is linear; the values are in [growth.csv](growth.csv).",
        "",
        "## GPU",
        "",
        "Not measured yet.",
    ]
    return "\n".join(lines) + "\n"


def table_line(row: Row) -> str:
    """A row of the page's table."""
    goal = {None: row.goal, True: f"{row.goal}: met", False: f"**{row.goal}: missed**"}[row.met]
    cells = [
        row.claim,
        row.sizes,
        str(row.threads),
        "" if row.reference is None else f"{figure(row.reference)} {row.unit}",
        f"{figure(row.ours)} {row.unit}",
        "" if row.ratio is None else figure(row.ratio),
        row.error,
        row.peak,
        goal,
    ]
    return f"| {' | '.join(cells)} |"


def figure(value: float) -> str:
    """A number with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> None:
    """Run what was named, or everything, and write the page from all records that are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", nargs="*", metavar="script", help=", ".join(THREADS))
    parser.add_argument("--run", help="a finished run, for finished_run_labels")
    given = parser.parse_args()
    names = given.scripts or [name for name in THREADS if name not in ONLY_WHEN_NAMED]
    if unknown := sorted(set(names) - set(THREADS)):
        parser.error(f"no such script: {', '.join(unknown)}; there are {', '.join(THREADS)}")
    if ("finished_run_labels" in names) != (given.run is not None):
        parser.error("finished_run_labels and --run belong together")
    for name in names:
        run(name, ["--run", given.run] if name == "finished_run_labels" else [])
    found = {name: file for name in THREADS if (file := RECORDS / f"{name}.json").exists()}
    PAGE.write_text(page({name: read_record(file) for name, file in found.items()}, time.strftime("%d %B %Y")))


if __name__ == "__main__":
    main()

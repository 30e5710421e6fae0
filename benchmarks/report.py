"""Run the benchmarks, each in a process of its own, and write docs/performance.md, or docs/performance_gpu.md.

python benchmarks/report.py                   # all of them: a quarter of an hour, and two minutes more on a GPU
python benchmarks/report.py affinity_loss     # one anew; the others' records of earlier runs stay
python benchmarks/report.py demo_overhead     # runs the demo, so it is run only when it is named
python benchmarks/report.py finished_run_labels --run results/runs/default    # likewise, as it needs runs
"""

import argparse
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from measure import has_tiles
from record import Record, Row, read_record

HERE = Path(__file__).resolve().parent
RECORDS, DOCS = HERE / "records", HERE.parent / "docs"
# Threads that a script may use. Claims are for one thread, except where the work is divided among cores.
THREADS = {
    "random_walk": 1,
    "finished_run_labels": os.cpu_count() or 1,
    "affinity_loss": 1,
    "input_pipeline": 1,
    "checked_reading": 1,
    "dense_crf": 1,
    "cams": os.cpu_count() or 1,
    "workflow": 1,
    "growth": 1,
    "coco_masks": os.cpu_count() or 1,
    "preflight": 1,
    "segment_folder": os.cpu_count() or 1,
    "special_paths": 1,
    "demo_overhead": os.cpu_count() or 1,
    "large_photographs": os.cpu_count() or 1,
    "gpu_refinement": os.cpu_count() or 1,
    "gpu_cams": os.cpu_count() or 1,
    "gpu_training": os.cpu_count() or 1,
    "gpu_step": os.cpu_count() or 1,
    "gpu_workflow": os.cpu_count() or 1,
}
ON_GPU = frozenset({"gpu_refinement", "gpu_cams", "gpu_training", "gpu_step", "gpu_workflow"})
ONLY_WHEN_NAMED = frozenset(
    {
        "gpu_step",
        "gpu_workflow",
        "large_photographs",
        "coco_masks",
        "preflight",
        "demo_overhead",
        "finished_run_labels",
    }
)
# Records with their own table: measured ones, and recorded ones that need a GPU or an earlier commit.
SPECIAL = ("special_paths", "special_paths_recorded")


def run(name: str, options: Sequence[str]) -> None:
    """Run a script with its own options. Its record is written to benchmarks/records."""
    print(f"== {name}", flush=True)
    start = time.perf_counter()
    # The goals of CAMs depend on the processor, so each kind of processor has its own record.
    kind = "_amx" if name == "cams" and has_tiles() else ""
    record = RECORDS / f"{name}{kind}.json"
    command = [sys.executable, str(HERE / f"{name}.py"), "--record", str(record), *options]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": str(THREADS[name])})
    print(f"== {name}: {time.perf_counter() - start:.0f} s", flush=True)


CPU_ONLY = """
## How cost grows

{growth}

![Seconds and memory against image size, classes and images](growth.png)

The dashed line is linear growth. The values are in [growth.csv](growth.csv).

## GPU

On a page of its own: [performance_gpu.md](performance_gpu.md).
"""
GPU_ONLY = """
## What these figures leave open

Photographs here are of one size. The cost of many sizes, and what else was seen on a GPU, is in
[decisions.md](decisions.md#on-a-gpu). Not yet measured, because no GPU was there. The scripts are ready:

- `python benchmarks/report.py gpu_step`: faster ways for the training step of DeepLabV2, with their losses. The goals
  are 2.5 times today's images a second in float32, and 4 times in bfloat16. No way is built in before it is measured.
- `python benchmarks/report.py gpu_workflow`: whole runs, stage by stage. The demo and 200 photographs of 150 sizes
  stand against two CPU cores; a dataset of VOC's shape gives hours and memory.
"""
# Claims whose ratio of times is in a page's answer, with their words there.
ANSWERS = {
    "random walk, accelerated": "the random walk",
    "affinity loss, time": "the affinity loss",
    "decoding and augmenting made images of 500x375": "decoding and augmenting",
    "CAMs, float32, against the released loop in float32": "CAMs in float32",
    "CAMs, bfloat16, against the released loop in float32": "CAMs in bfloat16",
    "random walk on a GPU, accelerated": "the random walk",
    "affinity loss on a GPU": "the affinity loss",
    "CAMs on a GPU, float32, the network against the released loop in float32": "CAMs in float32",
    "CAMs on a GPU, bfloat16, the network against the released loop in float32": "CAMs in bfloat16",
}
# How the claims of benchmarks/growth.py begin.
GROWTH = "growth of "


def kept_page(on_gpu: bool) -> tuple[Path, str]:
    """The page of all existing records of benchmarks on a GPU, or on a CPU: its file and its text."""
    names = [name for name in THREADS if (name in ON_GPU) == on_gpu]
    files = [RECORDS / f"{name}{kind}.json" for name in names for kind in ("", "_amx")]
    records = {file.stem: read_record(file) for file in files if file.exists()}
    if on_gpu:
        return DOCS / "performance_gpu.md", page("Performance on a GPU", records, GPU_ONLY)
    records.pop("special_paths", None)
    rows = [row for record in records.values() for row in record.rows]
    special = [read_record(file) for name in SPECIAL if (file := RECORDS / f"{name}.json").exists()]
    return DOCS / "performance.md", page(
        "Performance", records, special_section(special) + CPU_ONLY.format(growth=growth_answer(rows))
    )


def special_section(records: Sequence[Record]) -> str:
    """The table of special code for speed: how much it saves, and whether it was kept."""
    lines = [
        "",
        "## What each special path buys",
        "",
        "A way that is only there for speed stays where it makes a stage of a run shorter by 5% or more. With it and",
        "without it in turns; seconds are the processor's on one thread, of the stage without its start.",
        "",
        *(f"- {record.date}: {record.machine}" for record in records),
        "",
        "| path | stage | without | with | shorter by | decided |",
        "|---|---|---|---|---|---|",
        *(special_line(row) for record in records for row in record.rows),
    ]
    return "\n".join(lines) + "\n"


def special_line(row: Row) -> str:
    """A row of that table. A path that no stage of a config uses was not measured."""
    seconds = ["" if value is None else f"{figure(value)} {row.unit}" for value in (row.reference, row.ours)]
    gain = "" if row.reference is None else f"{1 - row.ours / row.reference:.1%}"
    return f"| {' | '.join([row.claim, row.sizes, *(seconds if gain else ['', '']), gain, row.note])} |"


def page(title: str, records: Mapping[str, Record], end: str) -> str:
    """A page, in Markdown, of records by the script's name."""
    rows = [row for record in records.values() for row in record.rows]
    missed = [row for row in rows if row.met is False]
    lines = [
        f"# {title}",
        "",
        *textwrap.wrap(answer(rows), 120, break_on_hyphens=False),
        "",
        "Written by `benchmarks/report.py` from the last run of each script; `make bench` runs them anew. Each line of",
        "the table is one run of our method and of the reference on the same input, in turns. Times are medians of",
        "these repetitions. Errors are differences between both results.",
        "",
        *(f"- `{name}`, {record.date}: {record.machine}" for name, record in records.items()),
        "",
        "| claim | size | threads | reference | ours | ratio | error | share of the peak | memory | goal |",
        "|---|---|---|---|---|---|---|---|---|---|",
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
    ]
    return "\n".join(lines) + "\n" + end


def answer(rows: Sequence[Row]) -> str:
    """The number of goals that are met, and how many times faster our methods are than the reference methods."""
    with_goal = [row for row in rows if row.met is not None]
    met = sum(row.met is True for row in with_goal)
    ratios: dict[str, list[str]] = {}
    for row in rows:
        if row.claim in ANSWERS and row.ratio is not None:
            ratios.setdefault(ANSWERS[row.claim], []).append(figure(row.ratio))
    text = f"**{met} of {len(with_goal)} goals are met.**"
    if met < len(with_goal):
        text += " [The others](#goals-that-are-not-met) are listed with their reasons."
    if ratios:
        found = ", ".join(f"{name} {' and '.join(times)}" for name, times in ratios.items())
        text += f" Times as fast as the reference method: {found}."
    if any(len(times) > 1 for times in ratios.values()):
        text += " Two figures are of two processors."
    return text


def growth_answer(rows: Sequence[Row]) -> str:
    """Which costs grow linearly at most, and which do not."""
    grown = [row for row in rows if row.claim.startswith(GROWTH)]
    steeper = [f"{row.claim.removeprefix(GROWTH)} ({figure(row.ours)})" for row in grown if row.met is False]
    text = f"**{len(grown) - len(steeper)} of {len(grown)} costs grow linearly at most (exponent up to 1.1).**"
    if steeper:
        text += f" Steeper: {', '.join(steeper)}."
    return text


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
        row.memory,
        goal,
    ]
    return f"| {' | '.join(cells)} |"


def figure(value: float) -> str:
    """A number with three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> None:
    """Run the named benchmarks, or all, and write the page from all existing records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", nargs="*", metavar="script", help=", ".join(THREADS))
    parser.add_argument("--run", nargs="+", help="finished runs, for finished_run_labels")
    given = parser.parse_args()
    left_out = ONLY_WHEN_NAMED | (frozenset() if torch.cuda.is_available() else ON_GPU)
    names = given.scripts or [name for name in THREADS if name not in left_out]
    if unknown := sorted(set(names) - set(THREADS)):
        parser.error(f"no such script: {', '.join(unknown)}; there are {', '.join(THREADS)}")
    if ("finished_run_labels" in names) != (given.run is not None):
        parser.error("finished_run_labels and --run belong together")
    for name in names:
        run(name, ["--run", *given.run] if name == "finished_run_labels" else [])
    for on_gpu in sorted({name in ON_GPU for name in names}):
        file, content = kept_page(on_gpu)
        file.write_text(content)


if __name__ == "__main__":
    main()

"""Seconds of planning: `snakemake -n` on PASCAL VOC 2012 and on MS COCO 2014, without their data.

python benchmarks/workflow.py    # half a minute

Sizes are those of the datasets' lists. Planning reads no image, so it takes the same time with the data.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from demo_overhead import copy_project
from measure import median_seconds
from record import Row, command_line, write_record

PROJECT = Path(__file__).resolve().parent.parent
CONFIGS = {"VOC 2012": "voc12-vwl-l.yaml", "COCO 2014": "coco14-vwl-l.yaml"}
# Numbers of images of both datasets, and the seconds that planning may take.
IMAGES = {"VOC 2012": (12_031, 5), "COCO 2014": (122_218, 10)}


def plan(folder: Path, config: Path) -> int:
    """Plan in a folder of its own and return the number of jobs. Raises CalledProcessError with Snakemake's words."""
    command = [sys.executable, "-m", "snakemake", "-n", "--directory", str(folder), "--configfile", str(config)]
    ran = subprocess.run(
        [*command, "--snakefile", str(folder / "Snakefile")], cwd=folder, capture_output=True, text=True, check=True
    )
    total = re.search(r"^total +(\d+)$", ran.stdout + ran.stderr, re.MULTILINE)
    assert total is not None
    return int(total[1])


def measure_plans(configs: Mapping[str, Path], folder: Path, repetitions: int) -> dict[str, tuple[float, int]]:
    """Seconds and jobs of each plan, all of them in a copy of the project."""
    copy_project(folder)
    jobs = {name: plan(folder, config) for name, config in configs.items()}
    calls = {name: partial(plan, folder, config) for name, config in configs.items()}
    seconds = median_seconds(calls, dict.fromkeys(calls, repetitions))
    return {name: (seconds[name], jobs[name]) for name in configs}


def main() -> None:
    """Print the seconds and jobs of both plans."""
    parser = command_line(__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    configs = {name: PROJECT / "configs" / file for name, file in CONFIGS.items()}
    with tempfile.TemporaryDirectory() as folder:
        plans = measure_plans(configs, Path(folder), given.repetitions)
    rows = [
        Row(
            f"snakemake -n, {name}",
            f"{IMAGES[name][0]:,} images, {jobs} jobs",
            ours=seconds,
            unit="s",
            threads=1,
            goal=f"under {IMAGES[name][1]} s",
            met=seconds < IMAGES[name][1],
        )
        for name, (seconds, jobs) in plans.items()
    ]
    write_record(given.record, rows)
    for row in rows:
        print(f"{row.claim}: {row.ours:.1f} s, {row.sizes}; {row.goal}")


if __name__ == "__main__":
    main()

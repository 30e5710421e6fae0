"""How long the workflow plans: `snakemake -n` on PASCAL VOC 2012 and on MS COCO 2014, without their data.

python benchmarks/workflow.py    # half a minute

Sizes are those of the datasets' lists; a plan looks at no image, so that it takes as long with the data there.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from demo_overhead import copy_project
from measure import median_seconds
from record import Row, command_line, write_record

PROJECT = Path(__file__).resolve().parent.parent
VOC = PROJECT / "configs" / "voc12-vwl-l.yaml"


def plan(folder: Path, config: Path) -> int:
    """Plan in a folder of its own and return the number of jobs. Raises CalledProcessError with Snakemake's words."""
    command = [sys.executable, "-m", "snakemake", "-n", "--directory", str(folder), "--configfile", str(config)]
    ran = subprocess.run(
        [*command, "--snakefile", str(folder / "Snakefile")], cwd=folder, capture_output=True, text=True, check=True
    )
    total = re.search(r"^total +(\d+)$", ran.stdout + ran.stderr, re.MULTILINE)
    assert total is not None
    return int(total[1])


def folder_config(name: str, classes: int, shards: int) -> dict[str, Any]:
    """VOC's config for a dataset that lies in a folder."""
    config: dict[str, Any] = yaml.safe_load(VOC.read_text())
    numbered = {f"class_{number:02d}": number for number in range(1, classes + 1)}
    config["data"] = {"kind": "folder", "name": name, "classes": numbered}
    return config | {"shards": shards, "locations": {"dataset": "dataset"}}


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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        coco = folder / "coco14.yaml"
        coco.write_text(yaml.safe_dump(folder_config("coco14", 80, 64)))
        plans = measure_plans({"VOC 2012": VOC, "COCO 2014": coco}, folder, given.repetitions)
    images = {"VOC 2012": (12_031, 5), "COCO 2014": (122_218, 10)}
    rows = [
        Row(
            f"snakemake -n, {name}",
            f"{images[name][0]:,} images, {jobs} jobs",
            ours=seconds,
            unit="s",
            threads=1,
            goal=f"under {images[name][1]} s",
            met=seconds < images[name][1],
        )
        for name, (seconds, jobs) in plans.items()
    ]
    write_record(given.record, rows)
    for row in rows:
        print(f"{row.claim}: {row.ours:.1f} s, {row.sizes}; {row.goal}")


if __name__ == "__main__":
    main()

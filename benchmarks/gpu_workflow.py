"""Whole runs on a GPU, stage by stage: seconds, memory of the host and of the card; small runs against two CPU cores.

python benchmarks/gpu_workflow.py demo          # the demo, on the GPU and on two CPU cores: ten minutes
python benchmarks/gpu_workflow.py sizes         # 200 photographs of 150 sizes, three networks: half an hour
python benchmarks/gpu_workflow.py voc           # 10,582 made photographs to the report, as configs/voc12-vwl-l.yaml

Without a scenario, all three. Where there is no GPU, only two CPU cores are measured. `--images N` makes a smaller
dataset, to try the script.
"""

import csv
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from demo_overhead import copy_project
from gpu import card
from made_dataset import make_dataset
from photographs import photograph
from record import Row, command_line, write_record

from wsss.settings.data import VOC_CLASSES

PROJECT = Path(__file__).resolve().parent.parent
CPU_CORES, SECONDS_BETWEEN_LOOKS = 2, 0.5
SCENARIOS = ("demo", "sizes", "voc")
NETWORKS = ("efficientnet_lite0", "resnet50", "timm/mobilenetv3_small_100")
CLASSES = {name: value for value, name in enumerate(VOC_CLASSES, 1)}
Config = Mapping[str, Any]


@dataclass
class Used:
    """What the jobs of a rule used: seconds of all, and the most MB of a job, in the host and on the card."""

    seconds: float = 0.0
    host: float = 0.0
    card: float = 0.0


def sized_photographs(folder: Path, images: int) -> None:
    """`images` photographs of three quarters as many sizes, up to 500 pixels, with a table of two classes each."""
    folder.mkdir(parents=True)
    rows = ["filename,labels"]
    for number in range(images):
        size = number % max(images * 3 // 4, 1)
        height, width = 240 + size % 25 * 10, 320 + size // 25 * 25
        photograph(width, height, number).save(folder / f"made_{number:04d}.jpg", quality=90)
        rows.append(f"made_{number:04d}.jpg,{VOC_CLASSES[number % 6]};{VOC_CLASSES[6 + number % 5]}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")


def sizes_config(photographs: Path, network: str) -> Config:
    """A run of a few epochs over a folder of photographs, with one network in all places."""
    backbone = {"name": network, "weights": "scratch"}
    return {
        "data": {"kind": "images", "name": "sizes"},
        "locations": {"dataset": str(photographs)},
        "classifier": {"backbone": backbone, "epochs": 1, "long_side": [320, 512], "crop": 320, "batch": 8},
        "irnet": {"backbone": backbone, "epochs": 1, "crop": 320, "batch": 8},
        "segmentation": {
            "backbone": backbone,
            "steps": 50,
            "output_stride": "native",
            "dilated": False,
        },
    }


def voc_config(source: Path) -> Config:
    """The preset of VOC 2012 on a folder of its size. Weights are not downloaded."""
    config: dict[str, Any] = yaml.safe_load((PROJECT / "configs" / "voc12-vwl-l.yaml").read_text())
    lists = {"train": "train", "train_scored": "train", "val": "val"}
    config["data"] = {"kind": "folder", "name": "made", "classes": CLASSES, "lists": lists}
    config["locations"] = {"dataset": str(source)}
    config.pop("comparisons"), config.pop("runs")
    for stage in ("classifier", "irnet", "segmentation"):
        config[stage]["backbone"] = {**config[stage]["backbone"], "weights": "scratch"}
    return config


@contextmanager
def looks_at_card(looks: list[tuple[float, float]]) -> Iterator[None]:
    """Note the time and the MB that are in use on the card, twice a second."""
    command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            looks.append((time.time(), float(told.split()[0])))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def used_by_rules(logs: Path, looks: list[tuple[float, float]]) -> dict[str, Used]:
    """What each rule used, from the benchmark files of its jobs. A look counts for each job that ran then."""
    rules: dict[str, Used] = defaultdict(Used)
    for file in logs.rglob("*.benchmark.tsv"):
        with file.open(newline="") as lines:
            (row,) = csv.DictReader(lines, delimiter="\t")
        used, seconds, end = rules[row["rule_name"]], float(row["s"]), file.stat().st_mtime
        used.seconds += seconds
        # Jobs of less than a second are not measured by Snakemake.
        used.host = max(used.host, 0.0 if row["max_rss"] in ("NA", "-", "") else float(row["max_rss"]))
        used.card = max([used.card, *(mb for moment, mb in looks if end - seconds <= moment <= end)])
    return dict(rules)


def run(config: Config | None, gpu: bool) -> dict[str, Used]:
    """Run the workflow in a folder of its own. None is the demo's config."""
    looks: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_project(folder)
        more = []
        if config is not None:
            (folder / "measured.yaml").write_text(yaml.safe_dump(dict(config)))
            more = ["--configfile", "measured.yaml"]
        cores = os.cpu_count() or 1 if gpu else CPU_CORES
        command = [sys.executable, "-m", "snakemake", "--benchmark-extended", "--cores", str(cores), *more]
        environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
        if gpu:
            with looks_at_card(looks):
                subprocess.run(command, cwd=folder, env=environment, check=True)
        else:
            subprocess.run(command, cwd=folder, env=environment | {"CUDA_VISIBLE_DEVICES": ""}, check=True)
        return used_by_rules(folder / "logs", looks)


def rows_of(name: str, on_gpu: dict[str, Used] | None, on_cpu: dict[str, Used] | None) -> list[Row]:
    """A row for each rule."""
    rows = []
    for rule in on_gpu or on_cpu or {}:
        gpu, cpu = (found[rule] if found else None for found in (on_gpu, on_cpu))
        ours = gpu or cpu
        assert ours is not None
        ratio = cpu.seconds / gpu.seconds if gpu and cpu else None
        rows.append(
            Row(
                f"{name}: {rule}",
                "all jobs of the rule, their starts included",
                ours=ours.seconds,
                unit="s",
                threads=CPU_CORES if gpu is None else os.cpu_count() or 1,
                reference=cpu.seconds if gpu and cpu else None,
                ratio=ratio,
                memory=f"host {ours.host:,.0f} MB, card {ours.card:,.0f} MB",
                goal="not slower than two CPU cores" if ratio else "",
                met=ratio >= 1 if ratio else None,
            )
        )
    return rows


def measured_rows(scenario: str, images: int | None, folder: Path) -> Iterator[Row]:
    """Rows of a scenario."""
    has_gpu = torch.cuda.is_available()
    runs: dict[str, Config | None] = {"demo": None}
    if scenario == "sizes":
        sized_photographs(folder / "photographs", images or 200)
        runs = {network: sizes_config(folder / "photographs", network) for network in NETWORKS}
    if scenario == "voc":
        make_dataset(folder, images or 10_582)
        runs = {"VOC's shape": voc_config(folder / "source")}
    for name, config in runs.items():
        on_gpu = run(config, gpu=True) if has_gpu else None
        on_cpu = run(config, gpu=False) if scenario != "voc" or not has_gpu else None
        yield from rows_of(name, on_gpu, on_cpu)


def main() -> None:
    """Measure scenarios, write the record, and print every row."""
    parser = command_line(__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help="demo, sizes or voc")
    parser.add_argument("--images", type=int, help="photographs of the dataset, fewer to try the script")
    given = parser.parse_args()
    if unknown := set(given.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    rows = []
    for scenario in given.scenarios or SCENARIOS:
        with tempfile.TemporaryDirectory() as name:
            for row in measured_rows(scenario, given.images, Path(name)):
                rows.append(row)
                print(f"{row.claim}: {row.ours:,.0f} s; {row.memory}; {row.ratio or 0:.2f} times", flush=True)
    write_record(given.record, rows, card() if torch.cuda.is_available() else None)


if __name__ == "__main__":
    main()

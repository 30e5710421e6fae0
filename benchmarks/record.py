"""Results of a benchmark for docs/performance.md: one row for every claim, as JSON."""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from measure import machine


@dataclass(frozen=True)
class Row:
    """A claim and what was measured for it.

    `sizes`: sizes of the input. `unit`: unit of `ours` and `reference`. `ratio`: how many times better ours is.
    `error`: the difference between both results, in words or as a number. `peak`: speed as a share of the machine's
    speed in a product or a copy. `memory`: memory needed, if it was measured. `met`: whether `goal` is reached, None
    without a goal. `note`: why it is not reached, or other facts.
    """

    claim: str
    sizes: str
    ours: float
    unit: str
    threads: int
    reference: float | None = None
    ratio: float | None = None
    error: str = ""
    peak: str = ""
    memory: str = ""
    goal: str = ""
    met: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Record:
    """A script's rows, with the day and the machine that they were measured on."""

    date: str
    machine: str
    rows: list[Row]


def command_line(description: str | None) -> argparse.ArgumentParser:
    """A parser that knows `--record FILE`, which every benchmark takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", type=Path, metavar="FILE", help="write what was measured, as JSON")
    return parser


def write_record(file: Path | None, rows: Sequence[Row], card: str | None = None) -> None:
    """Print the line of the machine or of a GPU's `card`. If `file` is given, write it with the rows to that file."""
    line = card or machine()
    print(line, flush=True)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(Record(time.strftime("%d %B %Y"), line, list(rows))), indent=1) + "\n")


def read_record(file: Path) -> Record:
    """Read a file of `write_record`. Raises TypeError if a row has other keys."""
    content = json.loads(file.read_text())
    return Record(content["date"], content["machine"], [Row(**row) for row in content["rows"]])

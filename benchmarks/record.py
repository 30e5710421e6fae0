"""What a benchmark leaves for docs/performance.md: a line for every claim, as JSON."""

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

    `sizes`: what it was measured on; `unit`: that of `ours` and `reference`; `ratio`: how many times better ours is;
    `error`: the difference between both results, in words or as a number; `peak`: the share of the machine's own
    product or copy; `memory`: what it took, where that was measured; `met`: whether `goal` is reached, None where there
    is none; `note`: why not, or what else to know.
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
    """Print the machine's line, or that of a GPU's `card`; where there is a file, write it with the rows."""
    line = card or machine()
    print(line, flush=True)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(Record(time.strftime("%d %B %Y"), line, list(rows))), indent=1) + "\n")


def read_record(file: Path) -> Record:
    """What `write_record` wrote. Raises TypeError where a row has other keys."""
    content = json.loads(file.read_text())
    return Record(content["date"], content["machine"], [Row(**row) for row in content["rows"]])

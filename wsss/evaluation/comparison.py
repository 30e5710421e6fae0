"""Runs side by side, over seeds: a table with mean and spread, and each row against the first, paired by seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from wsss.errors import printable
from wsss.evaluation.metrics import Record
from wsss.files import write_csv

Scores = Mapping[str, Mapping[int, Record]]
COLUMNS = (
    "row",
    "split",
    "seeds",
    "mean",
    "deviation",
    "lowest",
    "highest",
    "difference",
    "difference_error",
    "ratio",
    "published",
)


@dataclass(frozen=True)
class Line:
    """One row of a comparison on one split; mIoU in percent.

    `deviation`: sample standard deviation over the seeds. `difference`: mean over the seeds of this row minus the first
    row. `difference_error`: standard error of that mean. `deviation` and `difference_error` are None for a single seed.
    A row of a user's files, of which nothing was trained, has a single score.
    `ratio`: this row's mean divided by the first row's. `published`: a paper's figure, None if there is none.
    """

    row: str
    split: str
    scores: tuple[float, ...]
    mean: float
    deviation: float | None
    difference: float
    difference_error: float | None
    ratio: float
    published: float | None


def compare(scores: Scores, split: str, published: Mapping[str, float]) -> list[Line]:
    """Rows side by side over seeds. The other rows are compared with the first row, seed by seed.

    Parameters
    ----------
    scores : Scores
        Records of the split, by row and seed.
    split : str
        The split that the records are of.
    published : Mapping[str, float]
        A paper's figures on that split, mIoU in percent, by row.

    Returns
    -------
    list[Line]
        A line for each row.
    """
    shares = {row: {seed: 100 * item.miou for seed, item in seeds.items()} for row, seeds in scores.items()}
    first = next(iter(shares.values()))
    lines = []
    for row, found in shares.items():
        trained = any(item.seed is not None for item in scores[row].values())
        values = tuple(found.values()) if trained else tuple(found.values())[:1]
        differences = [found[seed] - first[seed] for seed in found]
        lines.append(
            Line(
                row,
                split,
                values,
                mean(values),
                stdev(values) if len(values) > 1 else None,
                mean(differences),
                stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else None,
                mean(values) / mean(first.values()),
                published.get(row),
            )
        )
    return lines


def write_table(lines: Sequence[Line], path: Path) -> None:
    """Write the lines as CSV, mIoU in percent with two decimals. Spreads are empty for a single seed."""
    rows = []
    for line in lines:
        numbers = (
            line.mean,
            line.deviation,
            min(line.scores),
            max(line.scores),
            line.difference,
            line.difference_error,
        )
        cells = ["" if number is None else f"{number:.2f}" for number in numbers]
        values = [line.row, line.split, len(line.scores), *cells, f"{line.ratio:.3f}", _published(line)]
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    write_csv(path, rows)


def markdown(lines: Sequence[Line]) -> str:
    """The lines as a Markdown table, with a paper's figures if there are any."""
    first = lines[0].row
    beside = any(line.published is not None for line in lines)
    head = ["", "split", "seeds", "mIoU % (mean ± sd)", f"against {first} (± standard error)", f"ratio to {first}"]
    if beside:
        head.append("published")
    rows = [head, ["---"] * len(head)]
    for line in lines:
        spread = "" if line.deviation is None else f" ± {line.deviation:.1f}"
        error = "" if line.difference_error is None else f" ± {line.difference_error:.1f}"
        # Adding 0 turns -0.0 into 0.0.
        against = "–" if line.row == first else f"{round(line.difference, 1) + 0:+.1f}{error}"
        cells = [line.row, line.split, str(len(line.scores)), f"{line.mean:.1f}{spread}", against, f"{line.ratio:.3f}"]
        rows.append([*cells, _published(line) or "–"] if beside else cells)
    return "\n".join(map(table_line, rows)) + "\n"


def table_line(cells: Sequence[str]) -> str:
    """A line of a table of Markdown. Bars inside cells are escaped, and so are line breaks and control characters."""
    return f"| {' | '.join(printable(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _published(line: Line) -> str:
    return "" if line.published is None else f"{line.published:.1f}"

"""Rows and columns of a table in a text file, whatever program has written it."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from wsss.data.sources.lists import ENDING
from wsss.data.sources.own_files import read_own_text, refuse
from wsss.errors import WsssError

DELIMITERS = (",", ";", "\t", "|")
WHAT = "table of image-level labels"
# The first line by which spreadsheets are told the delimiter.
DELIMITER_LINE = re.compile(r'"?sep=(?P<delimiter>[^\r\n])"?(?:\r\n|\r|\n|$)', re.IGNORECASE)


class Row(NamedTuple):
    """A row of a table: its line in the file, from 1, and its cells without blanks at their ends."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class Table:
    """A table of text.

    Parameters
    ----------
    path : Path
        The file.
    header : list[str]
        Names of the columns, each different from the others.
    rows : list[Row]
        The rows below the header, at least one, each with a cell for every column.
    """

    path: Path
    header: list[str]
    rows: list[Row]

    def column(self, index: int) -> list[str]:
        """The cells of a column."""
        return [row.cells[index] for row in self.rows]


def read_table(path: Path) -> Table:
    """Read a table whose cells are divided by commas, semicolons, tabs or bars.

    A first line `sep=;` names the delimiter. Without it, the delimiter is the one that gives the header most columns.
    A table without a header is known by the photograph's ending in its first cell. It then has two columns. Empty rows,
    and empty columns without a name, are left out.

    Parameters
    ----------
    path : Path
        A text file in UTF-8, or in UTF-16 with a byte-order mark, with any ends of lines.

    Returns
    -------
    Table
        The table.

    Raises
    ------
    WsssError
        If the file is missing or no such table. The message names the line.
    """
    text = read_own_text(path, WHAT)
    named = DELIMITER_LINE.match(text)
    body = text[named.end() :] if named else text
    delimiter = named["delimiter"] if named else _delimiter(path, body)
    rows = _rows(path, body, delimiter, bool(named))
    if rows and ENDING.search(rows[0].cells[0]):
        if len(rows[0].cells) != 2:
            raise WsssError(
                f"{path}, line {rows[0].line}: no header: write the names of the columns into the first line, "
                f"such as image_id{delimiter}cat{delimiter}dog"
            )
        rows.insert(0, Row(0, ["image_id", "labels"]))
    if len(rows) < 2:
        raise WsssError(f"{path} is no {WHAT}: it needs a header and at least one row below it")
    return _squared(path, rows)


def _delimiter(path: Path, text: str) -> str:
    """The delimiter that gives the header most columns; among equal ones, one that gives the next row as many."""
    counts = {one: [len(row.cells) for row in _rows(path, text, one, False, most=2)] for one in DELIMITERS}
    most = max((own[0] for own in counts.values() if own), default=0)
    best = [one for one, own in counts.items() if own and own[0] == most]
    return next((one for one in best if counts[one][-1] == most), best[0] if best else ",")


def _rows(path: Path, text: str, delimiter: str, below: bool, most: int | None = None) -> list[Row]:
    """Rows that are not empty. `below` says that a line above the text was taken away.

    With `most`, only so many rows are read, and quotes may be wrong, because the delimiter is a guess.
    """
    lines, strict = io.StringIO(text, newline=""), most is None
    reader = csv.reader(lines, delimiter=delimiter, strict=strict, skipinitialspace=True)
    rows: list[Row] = []
    line = below + 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(Row(line, [cell.strip() for cell in cells]))
            line = below + reader.line_num + 1
            if len(rows) == most:
                break
    except csv.Error as error:
        raise WsssError(f"{path} is no {WHAT}: the row from line {line} on cannot be read ({error})") from None
    return rows


def _squared(path: Path, rows: list[Row]) -> Table:
    """A table with as many cells in each row as there are columns. Raises WsssError for a row with other cells."""
    header = rows[0].cells
    while not header[-1]:
        header = header[:-1]
    width = len(header)
    refuse(f"{path}, line {row.line}: {_misfit(row, width)}" for row in rows[1:] if _misfit(row, width))
    named = [index for index, name in enumerate(header) if name or any(row.cells[index] for row in rows[1:])]
    kept = [header[index] for index in named]
    if twice := [name for name in kept if kept.count(name) > 1]:
        raise WsssError(f"{path}: the header names the column {twice[0]!r} twice: rename or delete one of them")
    return Table(path, kept, [Row(row.line, [row.cells[index] for index in named]) for row in rows[1:]])


def _misfit(row: Row, width: int) -> str:
    """What is wrong with the number of cells of a row; empty if nothing is."""
    if len(row.cells) < width:
        return f"{len(row.cells)} cells for {width} columns: fill in what is missing"
    if any(row.cells[width:]):
        return f"{len(row.cells)} cells for {width} columns: name every column, and put a list of classes in quotes"
    return ""

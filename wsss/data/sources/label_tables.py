"""Image-level labels in tables: a list of class names for each image, or a 0/1 column for each class."""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from wsss.data.npy_dictionaries import read_npy_dictionary
from wsss.data.sources.lists import ENDING
from wsss.data.sources.own_files import refuse
from wsss.data.sources.table_rows import Table, read_table
from wsss.errors import WsssError
from wsss.settings.own_images import why_no_class
from wsss.settings.values import MOST_CLASSES

logger = logging.getLogger("wsss")
# Columns of photographs' names and of lists of classes, the first of them before the others.
NAME_COLUMNS = ("image_id", "image", "filename", "file", "file_name", "name", "id", "path")
LIST_COLUMNS = ("labels", "label", "classes", "class", "tags", "category")
SPLIT_COLUMN = "split"
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
PRESENT = ("1", "1.0", "true", "yes")
ABSENT = ("0", "0.0", "false", "no", "-1", "-1.0")
FLAGS = {**dict.fromkeys(PRESENT, 1), **dict.fromkeys(ABSENT, 0)}
# What programs write where there is nothing.
NO_VALUE = ("nan", "none", "null", "na", "n/a")
BRACKETS = {"[": "]", "(": ")", "{": "}"}
QUOTED = re.compile(r"""'([^']*)'|"([^"]*)"|([^,'"\s][^,'"]*)""")
IRNET_ID = re.compile(r"\d{10}")


@dataclass(frozen=True)
class LabelTable:
    """Image-level labels as a table has them, row by row.

    Parameters
    ----------
    path : Path
        The table.
    places : Sequence[str]
        Where each row is, for messages: `line 3`.
    names : Sequence[str]
        The photograph's name in each row, as the table writes it.
    labels : np.ndarray
        Zeros and ones, uint8 (rows, n).
    classes : Sequence[str]
        The n classes: in the order of 0/1 columns, else of the alphabet.
    splits : Sequence[str] or None
        `train`, `val` or `test` for each row. None if no column says it.
    one_class_a_row : bool
        Whether no row names several classes. An image of several classes then has several rows.
    may_have_others : bool
        Whether rows without a photograph are no mistake.
    """

    path: Path
    places: Sequence[str]
    names: Sequence[str]
    labels: np.ndarray
    classes: Sequence[str]
    splits: Sequence[str] | None = None
    one_class_a_row: bool = False
    may_have_others: bool = False


def read_label_table(
    path: Path,
    known: Collection[str] | None = None,
    split_column: str | None = None,
    use_split: bool = True,
) -> LabelTable:
    """Read a table of image-level labels.

    The photograph's name is in a column `image_id`, `image`, `filename`, `file`, `file_name`, `name`, `id` or `path`,
    else in the first one. Classes are in a column of lists: `labels`, `label`, `classes`, `class`, `tags` or
    `category`. Its cells name classes with commas, semicolons, bars or tabs between them, or as `['cat', 'dog']`. An
    empty cell is an image without any class. Other columns are then not used. If no column is called so, every column
    is a class of 1, true, yes or 0, false, no, -1. In tables with -1 for absent classes, 0 stands for VOC's
    "difficult", a class that can hardly be seen. It counts as absent.

    Parameters
    ----------
    path : Path
        The table; see `wsss.data.sources.table_rows.read_table`.
    known : Collection[str] or None
        The classes there may be. None: any.
    split_column : str or None
        The column that says train, val or test.
    use_split : bool
        Whether a column `split` is used if `split_column` is None.

    Returns
    -------
    LabelTable
        The labels.

    Raises
    ------
    WsssError
        If it is no such table. The message names line and column.
    """
    table = read_table(path)
    split = _split_index(table, split_column, known)
    name = _name_index(table, split)
    listed = _list_index(table, known, {name, split})
    if listed is None:
        classes, labels = _flags(table, known, {name, split})
        several = True
    else:
        classes, labels = _lists(table, listed, known)
        several = bool((labels.sum(axis=1) > 1).any())
    if split is not None and split_column is None and not use_split:
        logger.info("%s: the column split is not used, because the config says which images are val", path)
        split = None
    splits = None if split is None else _splits(table, split)
    places = [f"line {row.line}" for row in table.rows]
    return LabelTable(path, places, _names(table, name), labels, classes, splits, not several)


def read_cls_labels(path: Path, classes: Sequence[str] | None) -> LabelTable:
    """Read the `cls_labels.npy` of other projects: a dictionary from ids to a 0/1 row. Nothing in the file is run.

    IRNet writes ids of VOC as numbers: 2007000032 is 2007_000032. Ids without a photograph are passed over, because
    such a file often names all images of a dataset.

    Parameters
    ----------
    path : Path
        The file.
    classes : Sequence[str] or None
        The names of the columns.

    Returns
    -------
    LabelTable
        The labels.

    Raises
    ------
    WsssError
        If the file is no such dictionary, or no names are given, or another number of them.
    """
    found = read_npy_dictionary(path)
    if not found:
        raise WsssError(f"{path} names no image")
    rows = [np.asarray(row) for row in found.values()]
    width = rows[0].size
    if classes is None:
        raise WsssError(f"{path} has {width} columns and no names: set data.classes to the list of their names")
    if width != len(classes):
        raise WsssError(f"{path} has {width} columns, and data.classes with data.ignored_classes {len(classes)} names")
    wrong = [key for key, row in zip(found, rows, strict=True) if row.shape != (width,) or not _is_flags(row)]
    refuse(f"{path}, key {str(key)[:80]!r}: its value is no row of {width} zeros and ones" for key in wrong)
    return LabelTable(
        path,
        [f"key {key!r}" for key in found],
        [_irnet_id(str(key)) for key in found],
        np.stack(rows).astype(np.uint8),
        classes,
        may_have_others=True,
    )


def check_classes(path: Path, where: Mapping[str, str]) -> None:
    """Raise WsssError for names that cannot be classes, that differ in case only, and for too many of them.

    `where` has the place of each name in the file.
    """
    reasons = {name: _no_class(name) for name in where}
    refuse(f"{path}, {where[name]}: {name[:80]!r} is no class: {reason}" for name, reason in reasons.items() if reason)
    alike: dict[str, str] = {}
    for name in where:
        other = alike.setdefault(name.casefold(), name)
        if other != name:
            raise WsssError(
                f"{path}, {where[name]}: {name!r} and {other!r} ({where[other]}) differ in case only: write one of "
                "them, or name both in data.classes"
            )
    if len(where) > MOST_CLASSES:
        raise WsssError(
            f"{path} names {len(where)} classes, and at most {MOST_CLASSES} can be told apart: name those to use in "
            "data.classes"
        )


def _no_class(name: str) -> str:
    """Why a name of a table is no class, with the way out; empty if it is one."""
    if name.casefold() in (*NO_VALUE, "background"):
        return "leave the cell empty for an image without any class, and take such a column out"
    return why_no_class(name)


def _is_flags(row: np.ndarray) -> bool:
    return row.dtype.kind in "biuf" and bool(np.isin(row, (0, 1)).all())


def _irnet_id(key: str) -> str:
    return f"{key[:4]}_{key[4:]}" if IRNET_ID.fullmatch(key) else key


def _split_index(table: Table, split_column: str | None, known: Collection[str] | None) -> int | None:
    """The column that says which split an image is in. A column `split` is not one if a class has this name."""
    wanted = SPLIT_COLUMN if split_column is None else split_column
    found = None if split_column is None and known and SPLIT_COLUMN in known else _index(table, wanted)
    if found is None and split_column is not None:
        raise WsssError(
            f"{table.path} has no column {split_column!r}, which data.split_column names; there are: "
            f"{', '.join(table.header[:20])}"
        )
    return found


def _index(table: Table, name: str) -> int | None:
    """The column of a name; its case does not matter unless several differ in it."""
    if name in table.header:
        return table.header.index(name)
    found = [index for index, own in enumerate(table.header) if own.casefold() == name.casefold()]
    return found[0] if len(found) == 1 else None


def _name_index(table: Table, split: int | None) -> int:
    """The column of the photographs' names: one of the usual names, and of these one whose cells have endings."""
    usual = [index for name in NAME_COLUMNS if (index := _index(table, name)) not in (None, split)]
    with_endings = [index for index in usual if index is not None and ENDING.search(table.rows[0].cells[index])]
    found = next((index for index in [*with_endings, *usual] if index is not None), 0)
    if found == split:
        raise WsssError(f"{table.path} has no column of photographs' names: call it image_id")
    return found


def _names(table: Table, index: int) -> list[str]:
    names = table.column(index)
    refuse(
        f"{table.path}, line {row.line}: the column {table.header[index]!r} names no photograph: fill it in, or delete "
        "the row"
        for row, name in zip(table.rows, names, strict=True)
        if not name
    )
    return names


def _list_index(table: Table, known: Collection[str] | None, other: Collection[int | None]) -> int | None:
    """The column of lists of classes; None if there is none."""
    found = [
        index
        for index, name in enumerate(table.header)
        if name.casefold() in LIST_COLUMNS and index not in other and not (known and name in known)
    ]
    if len(found) > 1:
        names = " and ".join(repr(table.header[index]) for index in found)
        raise WsssError(f"{table.path}: the columns {names} may both hold the classes: delete or rename one of them")
    if not found:
        return None
    values = {cell.casefold() for cell in table.column(found[0])}
    if values <= FLAGS.keys() and not (known and values <= {one.casefold() for one in known}):
        name = table.header[found[0]]
        raise WsssError(
            f"{table.path}: the column {name!r} holds only {', '.join(sorted(values))}: write names of classes into "
            "it, or, if it says whether an image has a class, give it the name of this class"
        )
    unused = [name for index, name in enumerate(table.header) if index not in (*other, found[0])]
    if unused:
        logger.info("%s: columns that are not used: %s", table.path, ", ".join(unused))
    return found[0]


def _lists(table: Table, index: int, known: Collection[str] | None) -> tuple[list[str], np.ndarray]:
    """Classes and labels from a column of lists."""
    lists = [split_list(cell, known or ()) for cell in table.column(index)]
    places: dict[str, str] = {}
    for row, names in zip(table.rows, lists, strict=True):
        for name in names:
            places.setdefault(name, f"line {row.line}, column {table.header[index]!r}")
    if known is None:
        check_classes(table.path, places)
    else:
        check_known(table.path, places, known)
    classes = sorted(places)
    number = {name: place for place, name in enumerate(classes)}
    labels = np.zeros((len(lists), len(classes)), np.uint8)
    for place, names in enumerate(lists):
        labels[place, [number[name] for name in names]] = 1
    return classes, labels


def split_list(cell: str, known: Collection[str] = ()) -> list[str]:
    """The names of a cell with a list: `cat;dog`, `cat, dog`, `cat|dog`, `["cat", "dog"]`; none of an empty cell.

    A cell that is one of the `known` names as a whole is not divided.
    """
    if cell in known:
        return [cell]
    if cell and BRACKETS.get(cell[0]) == cell[-1]:
        names = ["".join(match.groups("")) for match in QUOTED.finditer(cell[1:-1])]
    else:
        names = re.split(r"[,;|\t]", cell)
    return [name for name in dict.fromkeys(one.strip() for one in names) if name]


def check_known(path: Path, places: Mapping[str, str], known: Collection[str]) -> None:
    """Raise WsssError for classes that the config does not name."""
    strange = [name for name in places if name not in known]
    refuse(
        f"{path}, {places[name]}: unknown class {name[:80]!r}{_meant(name, known)}; name it in data.classes or "
        "data.ignored_classes"
        for name in strange
    )


def _meant(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f" (is {close[0]!r} meant?)" if close else ""


def _flags(table: Table, known: Collection[str] | None, other: Collection[int | None]) -> tuple[list[str], np.ndarray]:
    """Classes and labels from 0/1 columns."""
    usual = {name for name in NAME_COLUMNS if known is None or name not in known}
    # A spreadsheet may number its rows in a first column without a name.
    left_out = {
        index for index, name in enumerate(table.header) if name.casefold() in usual or (not name and not index)
    }
    columns = [index for index in range(len(table.header)) if index not in other and index not in left_out]
    if not columns:
        raise WsssError(
            f"{table.path} has no column of labels; there are: {', '.join(table.header[:20])}. Name a column of class "
            "names labels, or give each class a column of 0 and 1"
        )
    places = {table.header[index]: f"column {index + 1}" for index in columns}
    if known is not None:
        check_known(table.path, places, known)
    refuse(
        f"{table.path}, line {row.line}, column {table.header[index] or index + 1!r}: {row.cells[index][:80]!r} is "
        "neither 1, true, yes nor 0, false, no, -1: correct it, or delete a column that is no class"
        for row in table.rows
        for index in columns
        if row.cells[index].casefold() not in FLAGS
    )
    if known is None:
        check_classes(table.path, places)
    rows = [[FLAGS[row.cells[index].casefold()] for index in columns] for row in table.rows]
    _tell_of_difficult(table, columns)
    _tell_of_unused(table, [index for index in left_out if index not in other])
    return list(places), np.array(rows, np.uint8)


def _tell_of_difficult(table: Table, columns: Sequence[int]) -> None:
    values = {row.cells[index] for row in table.rows for index in columns}
    if values & {"-1", "-1.0"} and values & {"0", "0.0"}:
        logger.warning("%s has 1, 0 and -1: 0 is taken as VOC's difficult, and counts as absent", table.path)


def _tell_of_unused(table: Table, left_out: Sequence[int]) -> None:
    """Warn of columns of flags that could be classes, but are called as columns of names usually are."""
    for index in left_out:
        if table.header[index] and {cell.casefold() for cell in table.column(index)} <= FLAGS.keys():
            name = table.header[index]
            logger.warning("%s: the column %r is not used: if it is a class, name it in data.classes", table.path, name)


def _splits(table: Table, index: int) -> list[str]:
    """The split of each row."""
    refuse(
        f"{table.path}, line {row.line}, column {table.header[index]!r}: {row.cells[index][:80]!r} is none of train, "
        "val and test: correct it, or give the column another name if it says something else"
        for row in table.rows
        if row.cells[index].casefold() not in SPLITS
    )
    return [SPLITS[cell.casefold()] for cell in table.column(index)]

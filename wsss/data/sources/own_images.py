"""Any folder of photographs with image-level labels from a table or from folders, as a dataset."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from wsss.data.listing import Listing
from wsss.data.sources.folder_labels import labels_of_folders
from wsss.data.sources.image_ids import image_ids
from wsss.data.sources.image_masks import (
    check_masks_folder,
    folders_like_masks,
    masks_in_folder,
    masks_of_lists,
    without_masks,
)
from wsss.data.sources.image_splits import OwnList, count_classes, read_own_lists, split_photographs
from wsss.data.sources.label_tables import LabelTable, read_cls_labels, read_label_table
from wsss.data.sources.own_files import find_labels
from wsss.data.sources.photograph_files import ENDINGS, FolderContent, look_into
from wsss.data.sources.photograph_names import PhotographNames
from wsss.errors import WsssError
from wsss.settings.own_images import ImagesSettings
from wsss.settings.values import MOST_CLASSES

logger = logging.getLogger("wsss")


def list_images(settings: ImagesSettings, folder: Path, own_lists: Path | None = None) -> Listing:
    """The images of a folder with their splits, labels and masks. No photograph is opened.

    Parameters
    ----------
    settings : ImagesSettings
        What the config says of the dataset.
    folder : Path
        The folder of the photographs.
    own_lists : Path or None
        The folder where lists and the table of labels are looked for first.

    Returns
    -------
    Listing
        The images. Ids are made from paths; see `wsss.data.sources.image_ids.image_ids`.

    Raises
    ------
    WsssError
        For wrong files, with the file and the line.
    """
    if settings.masks:
        # Before the names are compared: masks that are not left out would be taken for photographs.
        check_masks_folder(folder, settings.masks)
    content = look_into(folder, [settings.masks] if settings.masks else [])
    lists = read_own_lists(settings.lists, folder, own_lists, PhotographNames(folder, content.photographs))
    photographs = without_masks(content.photographs, lists)
    _check_photographs(folder, photographs, content)
    names = PhotographNames(folder, photographs)
    table = read_labels(settings, folder, own_lists, photographs)
    classes = _class_values(settings, table)
    rows = _rows_by_photograph(table, names)
    labels = _labels(table, rows, list(classes))
    column = None if table.splits is None else {one: table.splits[own[0]] for one, own in rows.items()}
    places = {split: own.photographs(names) for split, own in lists.items()}
    splits = split_photographs(settings, photographs, labels, column, places)
    _tell_of_classes(list(classes), splits["train"], labels)
    return _listing(settings, folder, photographs, splits, labels, classes, _masks(settings, folder, lists, names))


def read_labels(
    settings: ImagesSettings, folder: Path, own_lists: Path | None, photographs: Sequence[str]
) -> LabelTable:
    """The labels of the photographs, from whatever the config names or the folder holds.

    Parameters
    ----------
    settings : ImagesSettings
        `labels`, the classes, and what says the splits.
    folder : Path
        The folder of the photographs.
    own_lists : Path or None
        The folder where the table is looked for first.
    photographs : Sequence[str]
        Paths of the photographs.

    Returns
    -------
    LabelTable
        The labels, row by row.

    Raises
    ------
    WsssError
        If there are none, or they cannot be read.
    """
    values = settings.class_values
    every = None if values is None else {**values, **settings.ignored_classes}
    known = None if every is None else sorted(every, key=lambda name: every[name])
    use_split = not settings.lists.by_split() and not settings.holdout
    path = find_labels(settings.labels, folder, own_lists)
    if path is None:
        return labels_of_folders(folder, photographs, known, use_split)
    if path.suffix.lower() == ".npy":
        if settings.split_column is not None:
            raise WsssError(f"data.split_column = {settings.split_column!r}: {path} has no columns with names")
        return read_cls_labels(path, known)
    return read_label_table(path, known, settings.split_column, use_split)


def _check_photographs(folder: Path, photographs: Sequence[str], content: FolderContent) -> None:
    """Raise WsssError if there is no photograph, and say how many are in formats that are not read."""
    unread = ", ".join(f"{count} {ending}" for ending, count in content.unread.items())
    if not photographs:
        told = f"; of formats that are not read there are {unread}: convert them" if unread else ""
        raise WsssError(f"{folder} holds no photographs ({', '.join(ENDINGS)}){told}")
    for place in folders_like_masks(photographs):
        logger.warning("%s looks like a folder of masks: if it is one, set data.masks to it", place)
    if unread:
        logger.warning("%s: not used, because their format is not read: %s", folder, unread)


def _class_values(settings: ImagesSettings, table: LabelTable) -> dict[str, int]:
    """The value of each class in masks, ascending. Raises WsssError if the labels lack a class of the config."""
    own = settings.class_values
    if own is not None:
        if missing := [name for name in own if name not in table.classes]:
            raise WsssError(
                f"{table.path} names no class {missing[0]!r} of data.classes; it has: "
                f"{', '.join(table.classes[:20])}: correct one of them, or take it out of data.classes"
            )
        return own
    names = [name for name in table.classes if name not in settings.ignored_classes]
    taken = set(settings.ignored_classes.values())
    free = [value for value in range(1, MOST_CLASSES + 1 + len(taken)) if value not in taken and value < 255]
    if not table.classes:
        raise WsssError(f"{table.path} names no class at all: write the classes of each photograph into it")
    if not names:
        raise WsssError(
            f"{table.path} names no class that data.ignored_classes does not leave out: correct one of them"
        )
    if len(names) > len(free):
        raise WsssError(f"{table.path} names {len(names)} classes, and {len(free)} values are left: set data.classes")
    return dict(zip(names, free, strict=False))


def _rows_by_photograph(table: LabelTable, names: PhotographNames) -> dict[str, list[int]]:
    """Numbers of the rows of each photograph. Raises WsssError for rows without one."""
    unknown = [row for row, name in enumerate(table.names) if name not in names]
    if unknown and (not table.may_have_others or len(unknown) == len(table.names)):
        more = f" ({len(unknown)} of {len(table.names)} rows name none)" if len(unknown) > 1 else ""
        why = names.why_unknown(table.names[unknown[0]])
        raise WsssError(f"{table.path}, {table.places[unknown[0]]}: {why}{more}")
    if unknown:
        logger.info("%s: %d of %d names have no photograph here", table.path, len(unknown), len(table.names))
    strange = set(unknown)
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(table.names):
        if row not in strange:
            rows.setdefault(names.find(name, f"{table.path}, {table.places[row]}"), []).append(row)
    return rows


def _labels(table: LabelTable, rows: Mapping[str, Sequence[int]], classes: Sequence[str]) -> dict[str, np.ndarray]:
    """Labels of each photograph, in the order of `classes`. Raises WsssError for rows that contradict each other."""
    columns = [table.classes.index(name) for name in classes]
    labels = {}
    for photograph, own in rows.items():
        for row in own[1:]:
            _check_agreement(table, photograph, own[0], row)
        labels[photograph] = table.labels[list(own)].max(axis=0)[columns]
    return labels


def _check_agreement(table: LabelTable, photograph: str, first: int, row: int) -> None:
    """Raise WsssError if two rows of a photograph contradict each other."""
    one, other = table.labels[first], table.labels[row]
    places = f"{table.path}: {table.places[first]} and {table.places[row]} are both of {photograph}"
    if table.splits is not None and table.splits[first] != table.splits[row]:
        raise WsssError(f"{places}, and one says {table.splits[first]}, the other {table.splits[row]}: correct one")
    # In tables with a class a row, an image of several classes has several rows.
    agree = one.any() == other.any() if table.one_class_a_row else bool((one == other).all())
    if not agree:
        raise WsssError(f"{places}, with different labels: delete one of them")


def _tell_of_classes(classes: Sequence[str], train: Sequence[str], labels: Mapping[str, np.ndarray]) -> None:
    """Say in the log of classes that no photograph of train has, or that all have."""
    for name, count in zip(classes, count_classes(train, labels), strict=True):
        if not count:
            logger.warning("no photograph of train has the class %r: nothing can be learned of it", name)
        elif count == len(train):
            logger.warning("every photograph of train has the class %r: nothing tells it from the rest", name)


def _masks(
    settings: ImagesSettings, folder: Path, lists: Mapping[str, OwnList], names: PhotographNames
) -> dict[str, str]:
    """The path of each mask, by the photograph's. Masks in lists of pairs go before those of the folder."""
    own = masks_in_folder(folder, settings.masks, names) if settings.masks else {}
    return {**own, **masks_of_lists(folder, lists, names)}


def _listing(
    settings: ImagesSettings,
    folder: Path,
    photographs: Sequence[str],
    splits: Mapping[str, Sequence[str]],
    labels: Mapping[str, np.ndarray],
    classes: Mapping[str, int],
    masks: Mapping[str, str],
) -> Listing:
    """The listing, with ids in place of paths. Photographs of no split are left out."""
    own = image_ids(photographs)
    id_of = {photograph: image_id for image_id, photograph in own.items()}
    used = {photograph for members in splits.values() for photograph in members}
    scored = [photograph for photograph in splits["train"] if photograph in masks]
    by_id = {split: [id_of[one] for one in members] for split, members in splits.items()}
    return Listing(
        folder,
        {image_id: photograph for image_id, photograph in own.items() if photograph in used},
        {**by_id, "train_scored": [id_of[one] for one in scored]},
        {id_of[one]: labels[one] for split in ("train", "val") for one in splits[split]},
        classes,
        dict(sorted(settings.ignored_classes.items(), key=lambda item: item[1])),
        {id_of[one]: mask for one, mask in masks.items() if one in used},
        has_background=settings.background == "first",
    )

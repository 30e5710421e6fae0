"""Labels from folders: the class of a photograph is the name of the folder that holds it."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from wsss.data.sources.image_masks import folders_like_masks
from wsss.data.sources.label_tables import SPLITS, LabelTable, check_classes, check_known
from wsss.errors import WsssError

logger = logging.getLogger("wsss")
# Folders of photographs without any class.
NEGATIVE = ("background", "negative", "negatives")


def labels_of_folders(
    folder: Path, photographs: Sequence[str], known: Collection[str] | None, use_split: bool
) -> LabelTable:
    """The labels that folders give.

    Photographs beside the folders have no labels. Photographs in a folder `background`, `negative` or `negatives` have
    no class, unless `known` has this name. Folders `train`, `val` and `test` above those of the classes are splits.

    Parameters
    ----------
    folder : Path
        The folder of the photographs.
    photographs : Sequence[str]
        Paths below it.
    known : Collection[str] or None
        The classes there may be. None: any.
    use_split : bool
        Whether folders may say the split.

    Returns
    -------
    LabelTable
        The labels, a row for each photograph in a folder.

    Raises
    ------
    WsssError
        If there are no folders, or their names are no classes.
    """
    own = [path for path in photographs if "/" in path]
    classes = [PurePosixPath(path).parent.name for path in own]
    names = sorted({name for name in classes if name in (known or ()) or name.casefold() not in NEGATIVE})
    _check(folder, own, classes, names, known)
    labels = np.array([[name == one for one in names] for name in classes], np.uint8).reshape(len(own), len(names))
    places = [f"folder {PurePosixPath(path).parent}" for path in own]
    return LabelTable(folder, places, own, labels, names, _splits(own) if use_split else None, one_class_a_row=True)


def _check(
    folder: Path, own: Sequence[str], classes: Sequence[str], names: Sequence[str], known: Collection[str] | None
) -> None:
    """Raise WsssError if the names of folders are no classes."""
    way_out = "put a table of labels beside the photographs, or name it with data.labels"
    if not own:
        raise WsssError(f"{folder} holds no table of labels, and no folders whose names could be classes: {way_out}")
    if masks := folders_like_masks(own):
        raise WsssError(f"{folder}: {masks[0]} looks like a folder of masks, not of a class: set data.masks to it")
    if names and all(name.casefold() in SPLITS for name in names):
        raise WsssError(f"{folder}: the folders {', '.join(names)} are splits, not classes: {way_out}")
    if len(set(classes)) == 1:
        raise WsssError(
            f"{folder}: all photographs are in folders called {classes[0]!r}, so there is one class and nothing "
            f"to tell it from: {way_out}"
        )
    if not names:
        raise WsssError(f"{folder}: no folder has the name of a class: {way_out}")
    places = {name: f"folder {PurePosixPath(path).parent}" for path, name in zip(own, classes, strict=True)}
    wanted = {name: places[name] for name in names}
    if known is None:
        check_classes(folder, wanted)
    else:
        check_known(folder, wanted, known)


def _splits(own: Sequence[str]) -> list[str] | None:
    """The split of each photograph, if all are in folders of classes below folders of splits."""
    parts = [PurePosixPath(path).parts for path in own]
    if not all(len(one) > 2 and one[0].casefold() in SPLITS for one in parts):
        return None
    logger.info("the upper folders say which photographs are train, val and test")
    return [SPLITS[one[0].casefold()] for one in parts]

"""Lists a folder in VOC layout: its lists, image-level labels, photographs and masks."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wsss.data.listing import Listing
from wsss.data.sources.image_ids import why_unsafe
from wsss.data.sources.lists import read_list
from wsss.data.sources.table_rows import read_table
from wsss.data.sources.voc_layout import LABELLED, image_labels_path, list_path
from wsss.errors import WsssError, shown

FLAGS = {"0": 0, "0.0": 0, "1": 1, "1.0": 1}

if TYPE_CHECKING:
    import pandas as pd


def list_folder(
    source: Path,
    classes: Mapping[str, int],
    ignored_classes: Mapping[str, int],
    lists: Mapping[str, str],
    own_lists: Path | None = None,
    has_background: bool = True,
) -> Listing:
    """List a folder in VOC layout.

    Parameters
    ----------
    source : Path
        The folder. Its image_labels.csv holds the labels, unless `own_lists` has such a table.
    classes : Mapping[str, int]
        The value of each class in the masks, 1..254, by its name.
    ignored_classes : Mapping[str, int]
        The same for known classes that are left out.
    lists : Mapping[str, str]
        From train and train_scored, and perhaps val and test, to names under `source`/ImageSets/Segmentation, or to
        files of the folder `own_lists` (see `wsss.data.sources.voc_layout.list_path`).
    own_lists : Path or None
        The folder of the user's own lists.
    has_background : bool
        Whether the value 0 is the background. If not, every pixel belongs to a class.

    Returns
    -------
    Listing
        Its images. Photographs are JPEGImages/<id>.jpg. Masks are SegmentationClassAug/<id>.png, or those in
        SegmentationClass if there is no such folder. Images of test alone have neither labels nor masks.

    Raises
    ------
    WsssError
        For a missing folder or list, and label tables that do not fit the classes or the lists.
    """
    if not source.is_dir():
        raise WsssError(f"no dataset at {source}: set locations.dataset in the config to a folder in VOC layout")
    known = partial(has_photograph, source)
    splits = {split: read_list(list_path(source, name, own_lists), known) for split, name in lists.items()}
    labelled, ordered = labelled_ids(splits), by_value(classes)
    labels = table_labels(image_labels_path(source, own_lists), labelled, ordered, list(ignored_classes))
    masks = mask_folder(source)
    there = {path.stem for path in (source / masks).glob("*.png")}
    return Listing(
        source,
        photographs_of(splits),
        splits,
        labels,
        ordered,
        by_value(ignored_classes),
        {image_id: f"{masks}/{image_id}.png" for image_id in labelled if image_id in there},
        has_background=has_background,
    )


def has_photograph(source: Path, image_id: str) -> bool:
    """Whether a text, which may be any line of a list, is the id of a photograph."""
    return not why_unsafe(image_id) and (source / "JPEGImages" / f"{image_id}.jpg").is_file()


def labelled_ids(splits: Mapping[str, Sequence[str]]) -> list[str]:
    """Ids of the images that have labels, ascending: all but those of test alone."""
    return sorted({image_id for split in LABELLED for image_id in splits.get(split, ())})


def photographs_of(splits: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The path of each listed photograph in a folder in VOC layout, by its id in ascending order."""
    listed = sorted({image_id for members in splits.values() for image_id in members})
    return {image_id: f"JPEGImages/{image_id}.jpg" for image_id in listed}


def mask_folder(source: Path) -> str:
    """The name of the folder of masks: SegmentationClassAug if it exists, else SegmentationClass."""
    return "SegmentationClassAug" if (source / "SegmentationClassAug").is_dir() else "SegmentationClass"


def by_value(classes: Mapping[str, int]) -> dict[str, int]:
    """Classes in the order of their mask values, so that their order in a config does not change paths of artifacts."""
    return dict(sorted(classes.items(), key=lambda item: item[1]))


def table_labels(
    path: Path, ids: Sequence[str], classes: Mapping[str, int], ignored: Sequence[str]
) -> dict[str, np.ndarray]:
    """Zeros and ones of each image from a table of image-level labels: float32 (n,), in the order of `classes`.

    Raises WsssError as `select_labels`.
    """
    table = select_labels(path, ids, list(classes), ignored)
    rows = table[list(classes)].to_numpy(np.float32)
    return dict(zip(table["image_id"], rows, strict=True))


def select_labels(path: Path, ids: Sequence[str], classes: Sequence[str], ignored: Sequence[str]) -> "pd.DataFrame":
    """Rows of `ids` and columns of `classes` of a table of image-level labels.

    Raises WsssError for a missing table or row, rows that contradict each other, a column that is no known class,
    a class without a column, and values other than 0 and 1.
    """
    import pandas as pd

    # As text: an image may be called NA, and a number may have any length.
    found = read_table(path)
    table = pd.DataFrame([row.cells for row in found.rows], columns=found.header, dtype=object)
    columns = list(table.columns)
    if "image_id" not in columns:
        raise WsssError(f"{path} has no column image_id: its header is image_id and the classes, with commas between")
    unknown = [name for name in columns if name not in {"image_id", *classes, *ignored}]
    if unknown:
        if told := [cell for cell in table[unknown[0]] if cell and cell not in (*FLAGS, "-1")]:
            raise WsssError(
                f"{path}: the column {unknown[0]!r} holds {shown(told[0])}, and 0 or 1 for a class is needed: for "
                "tables that write the names of classes use data.kind: images"
            )
        raise WsssError(f"{path}: unknown class {unknown[0]!r}; name it in data.classes or data.ignored_classes")
    absent = [name for name in classes if name not in columns]
    if absent:
        raise WsssError(f"{path} has no column for the class {absent[0]!r} of data.classes")
    table = table[["image_id", *classes]].drop_duplicates()
    without = sorted(set(ids) - set(table["image_id"]))
    if without:
        raise WsssError(f"{path} has no row for image {without[0]} ({len(without)} of {len(ids)} images are missing)")
    table = table[table["image_id"].isin(set(ids))].sort_values("image_id")
    twice = table["image_id"][table["image_id"].duplicated()]
    if len(twice):
        raise WsssError(f"{path} names image {twice.iloc[0]} more than once, with different labels")
    table[list(classes)] = table[list(classes)].apply(lambda column: column.map(FLAGS))
    wrong = table[table[list(classes)].isna().any(axis=1)]
    if len(wrong):
        raise WsssError(
            f"{path}: the row of image {wrong['image_id'].iloc[0]} holds a value other than 0 and 1: correct it"
        )
    if not table[list(classes)].to_numpy().any():
        raise WsssError(f"{path} names no class in any of the {len(ids)} listed images")
    return table.astype(dict.fromkeys(classes, int))

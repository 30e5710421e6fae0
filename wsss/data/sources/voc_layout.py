"""Paths in a folder in VOC layout. Planning imports this module, so it imports nothing large."""

import os
from collections.abc import Collection
from pathlib import Path

from wsss.errors import WsssError
from wsss.settings.data import is_own_list

# Lengths of the official lists of VOC 2012. train_aug also has the images of SBD.
VOC12_LENGTHS = {"train": 1464, "train_aug": 10_582, "trainval": 2913, "val": 1449, "test": 1456}
# The splits whose images have labels.
LABELLED = ("train", "train_scored", "val")


def list_path(source: Path, name: str, own_lists: Path | None = None) -> Path:
    """The path of the list `name`: in the folder `source`, or in `own_lists` if the name ends in `.txt`.

    Raises WsssError if the list is the user's own and `own_lists` is None.
    """
    if not is_own_list(name):
        return source / "ImageSets" / "Segmentation" / f"{name}.txt"
    if own_lists is None:
        raise WsssError(f"config: {name} is a list of your own: set locations.lists to the folder that holds it")
    return own_lists / name


def image_labels_path(source: Path, own_lists: Path | None = None) -> Path:
    """The path of the table of image-level labels: in the folder `own_lists` if it has one, else in `source`."""
    own = image_labels_path(own_lists) if own_lists else None
    return own if own and own.is_file() else source / "image_labels.csv"


def voc_folder(source: Path) -> Path:
    """The folder VOC2012 of an unpacked VOCdevkit: `source` itself, or the one inside; `source` if there is none."""
    inside = (source, source / "VOC2012", source / "VOCdevkit" / "VOC2012")
    return next((folder for folder in inside if (folder / "JPEGImages").is_dir()), source)


def sbd_folder(source: Path) -> Path | None:
    """The folder of SBD with `cls` in it: inside `source`, or beside VOC2012 or VOCdevkit; None if there is none."""
    # `..` is taken out of the path, because its parents are looked at.
    named = Path(os.path.abspath(source))  # noqa: PTH100 (links are not followed: what is beside a link counts)
    voc = voc_folder(named)
    around = [named, voc.parent, *([voc.parents[1]] if voc.parent.name == "VOCdevkit" else [])]
    names = ("benchmark_RELEASE/dataset", "benchmark_RELEASE")
    return next((place / name for place in around for name in names if (place / name / "cls").is_dir()), None)


def voc_list_path(voc: Path, name: str, own_lists: Path | None = None) -> Path:
    """As `list_path`, for a folder of VOC 2012: many have the list train_aug as trainaug.txt."""
    path, other = (list_path(voc, one, own_lists) for one in (name, "trainaug" if name == "train_aug" else name))
    return path if path.is_file() or not other.is_file() else other


def voc_tables(voc: Path, lists: Collection[str], own_lists: Path | None = None) -> list[Path]:
    """The files that hold the labels and lists of a folder of VOC 2012.

    If train_aug is no file, it is made from VOC's own lists, and from SegmentationClassAug or SBD. These two do not
    count: train_aug must have its published length, so they can give one list only.
    """
    files = [voc_list_path(voc, name, own_lists) for name in sorted(set(lists))]
    if "train_aug" in lists and not voc_list_path(voc, "train_aug").is_file():
        files += [list_path(voc, name) for name in ("train", "val")]
    return [image_labels_path(voc, own_lists), *files]

"""Paths in a folder in VOC layout. Planning imports this module, so it imports nothing large."""

from pathlib import Path

from wsss.errors import WsssError
from wsss.settings.data import is_own_list

# Lengths of the official lists of VOC 2012. train_aug also has the images of SBD.
VOC12_LENGTHS = {"train": 1464, "train_aug": 10_582, "trainval": 2913, "val": 1449}


def list_path(source: Path, name: str, own_lists: Path | None = None) -> Path:
    """The path of the list `name`: in the folder `source`, or in `own_lists` if the name ends in `.txt`.

    Raises WsssError if the list is the user's own and `own_lists` is None.
    """
    if not is_own_list(name):
        return source / "ImageSets" / "Segmentation" / f"{name}.txt"
    if own_lists is None:
        raise WsssError(f"config: {name} is a list of your own: set locations.lists to the folder that holds it")
    return own_lists / name


def own_lists_folder(folder: str | None, project: Path) -> Path | None:
    """The folder of the user's own lists, from `locations.lists`; None if it is not set.

    A relative path starts at the working directory. If it does not exist there, it starts at the folder `project`.
    """
    if folder is None:
        return None
    here = Path(folder)
    return here if here.is_dir() else project / here


def image_labels_path(source: Path, own_lists: Path | None = None) -> Path:
    """The path of the table of image-level labels: in the folder `own_lists` if it has one, else in `source`."""
    own = image_labels_path(own_lists) if own_lists else None
    return own if own and own.is_file() else source / "image_labels.csv"

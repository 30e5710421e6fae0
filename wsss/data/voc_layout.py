"""Where things lie in a folder in VOC layout; planning reads this, so nothing heavy is loaded."""

from pathlib import Path

from wsss.errors import WsssError
from wsss.settings.data import is_own_list

# How many images the official lists of VOC 2012 name; train_aug holds those of SBD too.
VOC12_LENGTHS = {"train": 1464, "train_aug": 10_582, "trainval": 2913, "val": 1449}


def list_path(source: Path, name: str, own_lists: Path | None = None) -> Path:
    """The list of ids `name`: one of the folder `source`, or a file of `own_lists` where the name ends in `.txt`.

    Raises WsssError for a list of the user's own without a folder `own_lists`.
    """
    if not is_own_list(name):
        return source / "ImageSets" / "Segmentation" / f"{name}.txt"
    if own_lists is None:
        raise WsssError(f"config: {name} is a list of your own: set locations.lists to the folder that holds it")
    return own_lists / name


def own_lists_folder(folder: str | None, project: Path) -> Path | None:
    """The folder of the user's own lists, from `locations.lists`; None where no place is set.

    A relative place counts from the working directory or, where it is not there, from the folder `project`.
    """
    if folder is None:
        return None
    here = Path(folder)
    return here if here.is_dir() else project / here


def image_labels_path(source: Path, own_lists: Path | None = None) -> Path:
    """The table of image-level labels: that of the folder `own_lists` where it has one, else that of `source`."""
    own = image_labels_path(own_lists) if own_lists else None
    return own if own and own.is_file() else source / "image_labels.csv"

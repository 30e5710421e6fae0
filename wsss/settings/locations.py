"""Places on this machine."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from wsss.errors import shown
from wsss.settings.base import Settings


def _place(path: str) -> str:
    """A path on this machine. A leading ~ is the user's home."""
    if not path.isprintable():
        raise ValueError(f"{shown(path)} is no path: it holds a line break or another control character")
    return os.path.expanduser(path)  # noqa: PTH111 (a text stays a text: `./x` and `x` are not made equal)


LocalPath = Annotated[str, Field(min_length=1), AfterValidator(_place)]


class LocationSettings(Settings):
    """Places on this machine. They are not part of any path of an artifact.

    A relative place counts from the folder of the config file that sets it. With `--config`, in a module, and for the
    default of `archives`, it counts from the working directory.
    """

    # The folder of the dataset, in VOC layout. `kind: folder` needs it. `kind: voc12` uses it instead of the archives;
    # there it can be an unpacked VOCdevkit.
    dataset: LocalPath | None = None
    # The folder of the user's own image lists, whose names in `data.lists` end in `.txt`. An image_labels.csv in it
    # replaces that of the dataset.
    lists: LocalPath | None = None
    # The folder for downloaded archives. Archives that are already there are used.
    archives: LocalPath = "downloads"
    # Files of weights for backbones with `weights: file`, by the backbone's name.
    backbones: dict[str, LocalPath] = {}
    # Folders of CAMs for `cams.method: files`, by `cams.name`.
    cams: dict[str, LocalPath] = {}
    # Folders of label images for `pseudo_labels.method: files`, by `pseudo_labels.name`.
    pseudo_labels: dict[str, LocalPath] = {}
    # Folders of object masks, by `merged_labels.name`.
    merged_labels: dict[str, LocalPath] = {}
    # Files of finished classifiers, by `classifier.finished`.
    classifier: dict[str, LocalPath] = {}
    # Files of finished IRNets, by `irnet.finished`.
    irnet: dict[str, LocalPath] = {}
    # Files of finished segmentation networks, by `segmentation.finished`.
    segmentation: dict[str, LocalPath] = {}

    @property
    def lists_folder(self) -> Path | None:
        """The folder of the user's own lists; None if it is not set."""
        return None if self.lists is None else Path(self.lists)

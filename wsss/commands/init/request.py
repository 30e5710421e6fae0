"""What the user asks `wsss init` for, and how messages about settings become messages about its arguments."""

import os
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from wsss.errors import WsssError
from wsss.settings.values import LONGEST_NAME

NAME = re.compile(r"[A-Za-z0-9_.-]+")
# The arguments that set what messages of the library call by the config's keys.
ARGUMENTS = {
    "config: data.": "data.",
    "set data.on_bad_image: skip": "use --skip-bad",
    "set data.masks to it": "name it with --masks",
    "set data.masks if": "name its folder with --masks if",
    "data.classes or data.ignored_classes": "--classes",
    "locations.dataset (with kind coco also data.train_images)": "PHOTOS",
    "locations.dataset (with kind coco also data.val_images)": "PHOTOS",
    "data.classes": "--classes",
    "data.masks": "--masks",
    "data.labels": "LABELS",
    "data.holdout": "--holdout",
}


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    Parameters
    ----------
    photographs : Path
        The folder of the photographs.
    labels : Path or None
        A table, a COCO file, or a folder with lists and perhaps a table. None: what lies beside the photographs.
    name : str
        The dataset's name; empty: that of the folder.
    holdout : float or None
        The share that is drawn as val. None: 0.2 where nothing says which photographs are val and there are enough.
    seed : int
        Seed of this draw.
    masks : Path or None
        The folder of masks below that of the photographs.
    classes : tuple[str, ...]
        The classes to use; empty: all.
    skip_bad : bool
        Whether photographs that cannot be read are left out.
    """

    photographs: Path
    labels: Path | None = None
    name: str = ""
    holdout: float | None = None
    seed: int = 0
    masks: Path | None = None
    classes: tuple[str, ...] = field(default=())
    skip_bad: bool = False

    @property
    def dataset_name(self) -> str:
        """The name of the dataset, for paths and tables."""
        # A link keeps its own name.
        folder = Path(os.path.abspath(self.photographs)).name  # noqa: PTH100
        return self.name or _plain(folder) or "images"


def check(request: Request) -> None:
    """Raise WsssError for what is wrong with a request at first sight."""
    folder, labels = request.photographs, request.labels
    if not folder.is_dir():
        told = "is a file; give the folder that holds it" if folder.exists() else "is not there: correct the path"
        raise WsssError(f"PHOTOS: the folder of photographs {folder} {told}")
    if labels is not None and not labels.exists():
        raise WsssError(f"LABELS: there is no file or folder {labels}: correct the path")
    if not NAME.fullmatch(request.dataset_name):
        raise WsssError(f"--name {request.name!r}: only letters of ASCII, digits and _ . - are allowed in a name")
    if len(request.dataset_name) > LONGEST_NAME:
        raise WsssError(f"--name {request.name[:80]!r}: a name has at most {LONGEST_NAME} characters")
    if request.holdout is not None and not 0 <= request.holdout < 1:
        raise WsssError(f"--holdout {request.holdout}: it is a share, at least 0 and below 1, such as 0.2")
    if request.seed < 0:
        raise WsssError(f"--seed {request.seed}: it is a whole number from 0 on")


def in_arguments(message: str) -> str:
    """A message of the library in one line, with arguments of this command in place of keys of the config."""
    for key, argument in ARGUMENTS.items():
        message = message.replace(key, argument)
    return " ".join(message.split("\n"))


def _plain(name: str) -> str:
    """The name of a folder in the letters that names of datasets may have."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", letters).strip("-.")[:LONGEST_NAME]

"""Settings of a folder of photographs with a table of labels: `kind: images`."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, model_validator

from wsss.errors import shown
from wsss.settings.base import Settings
from wsss.settings.numbers import Real, Seed
from wsss.settings.photographs import PhotographSettings
from wsss.settings.values import MOST_CLASSES, Name

# The word in `labels` for labels that are the names of folders.
FOLDERS = "folders"
LABEL_ENDINGS = (".csv", ".tsv", ".txt", ".npy")
LONGEST_CLASS_NAME = 100
# Names that the prepared table and the figures use themselves.
RESERVED = {
    "background": "the background is where no class is: rename it",
    "image_id": "a column of the prepared table has it: rename it",
}


def _own_file(name: str) -> str:
    """A path below a folder. Raises ValueError for one that leads elsewhere."""
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or "\0" in name:
        raise ValueError(f"{shown(name)} is no path below a folder: give the name of a file or folder there")
    return name


def _labels_file(name: str) -> str:
    """The name of a file of labels, `folders`, or nothing."""
    if name in ("", FOLDERS):
        return name
    if PurePosixPath(name).suffix.lower() not in LABEL_ENDINGS:
        raise ValueError(
            f"{name!r}: a file of labels ends in {', '.join(LABEL_ENDINGS)}; for labels in the names of folders write "
            f"{FOLDERS}; for annotations in COCO's form (.json) use data.kind coco"
        )
    return _own_file(name)


def why_no_name(name: str) -> str:
    """Why a text cannot stand for a class in tables and figures; empty if it can."""
    if not name or name != name.strip():
        return "it is empty, or begins or ends with a space: correct it"
    if not name.isprintable():
        return "it holds a line break or another control character: rename it"
    if len(name) > LONGEST_CLASS_NAME:
        return f"it is longer than {LONGEST_CLASS_NAME} characters: shorten it"
    return ""


def why_no_class(name: str) -> str:
    """Why a name cannot be that of a class; empty if it can."""
    return why_no_name(name) or RESERVED.get(name.casefold(), "")


def _check_class_names(names: Iterable[Any], key: str) -> None:
    for name in names:
        # YAML reads yes, no, on, off and numbers as something else than words.
        if not isinstance(name, str):
            raise ValueError(f"{shown(name)} is no name of a class: write it in quotes")
        if reason := why_no_class(name):
            raise ValueError(f"{shown(name)} cannot be the name of a class of {key}: {reason}")


def _check_values(value: Any, info: ValidationInfo) -> Any:
    """Names of classes, or names with their values. One message for each mistake, whatever form was meant."""
    key = str(info.field_name)
    if value is None and key == "classes":
        return None
    if isinstance(value, list | tuple) and key == "classes":
        _check_class_names(value, key)
        if len(set(value)) != len(value):
            raise ValueError("a class is named twice")
        return tuple(value)
    if not isinstance(value, Mapping):
        raise ValueError(f"{shown(value)} is no list of names and no table from names to values of masks")
    _check_class_names(value, key)
    for name, number in value.items():
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 254:
            raise ValueError(f"{name} = {shown(number)}: the value of a class in masks is a whole number of 1..254")
    return dict(value)


OwnFile = Annotated[str, AfterValidator(_own_file)]
LabelsFile = Annotated[str, AfterValidator(_labels_file)]


class OwnListSettings(Settings):
    """Files that list the images of a split. Each is in `locations.lists` or in the folder of the photographs."""

    # Images to train on. Without it, all images with labels that no other list names.
    train: OwnFile | None = None
    # Images that only scores are made of.
    val: OwnFile | None = None
    # Images that only masks are made of. They need no labels.
    test: OwnFile | None = None

    def by_split(self) -> dict[str, str]:
        """The file of each split that has a list."""
        named = {"train": self.train, "val": self.val, "test": self.test}
        return {split: name for split, name in named.items() if name is not None}


class ImagesSettings(PhotographSettings):
    """Any folder of photographs, `locations.dataset`, with image-level labels from a table or from folders."""

    # The kind of dataset.
    kind: Literal["images"]
    # Name of the dataset in paths and tables. Give each dataset its own.
    name: Name
    # The file of labels, in `locations.lists` or beside the photographs. `folders`: the class of a photograph is the
    # name of its folder. Empty: labels.csv, labels.tsv, labels.txt, image_labels.csv or cls_labels.npy if one of them
    # is there, else the folders.
    labels: LabelsFile = ""
    # Class names with their values in the masks, or a list of names, whose values are 1, 2, 3 and so on. None: all
    # classes of the labels, in the order of a table's 0/1 columns, else of the alphabet.
    classes: Annotated[dict[str, int] | tuple[str, ...] | None, BeforeValidator(_check_values)] = None
    # Classes of the dataset that are left out. They are not labelled, and their pixels are ignored in scores.
    ignored_classes: Annotated[dict[str, int], BeforeValidator(_check_values)] = {}
    # Files that list the images of each split.
    lists: OwnListSettings = OwnListSettings()
    # The column of the table that says train, val or test. None: a column `split`, if there is one and neither lists
    # nor holdout are set.
    split_column: str | None = None
    # The share of the images with labels that is drawn as val.
    holdout: Annotated[float, Real(0, 1, below=True)] = 0
    # Seed of this draw.
    seed: Seed = 0
    # The folder of the masks below the photographs' folder. Only scores and figures use masks.
    masks: OwnFile | None = None
    # What class 0 is. `first`: the background. `none`: every pixel belongs to a class.
    background: Literal["first", "none"] = "first"

    @property
    def listed_splits(self) -> tuple[str, ...]:
        """The splits of all photographs: those that masks for people are made of."""
        return ("train", "val", "test")

    @property
    def class_values(self) -> dict[str, int] | None:
        """Class names with their values in masks, ascending by value. None: the labels say which classes there are."""
        if self.classes is None:
            return None
        if isinstance(self.classes, tuple):
            return {name: value for value, name in enumerate(self.classes, 1)}
        return dict(sorted(self.classes.items(), key=lambda item: item[1]))

    @property
    def own_files(self) -> tuple[str, ...]:
        """Names of the lists and of the file of labels, as far as the settings name them."""
        labels = () if self.labels in ("", FOLDERS) else (self.labels,)
        return tuple(dict.fromkeys([*labels, *self.lists.by_split().values()]))

    @model_validator(mode="after")
    def _classes_are_distinct(self) -> Self:
        own = self.class_values
        if own is not None and not own:
            raise ValueError("classes: at least one class is needed; without the key, the labels say which there are")
        if own is not None and len(own) > MOST_CLASSES:
            raise ValueError(f"classes: {len(own)} classes; at most {MOST_CLASSES} can be told apart")
        values = [*(own or {}).values(), *self.ignored_classes.values()]
        if twice := [value for value in values if values.count(value) > 1]:
            raise ValueError(f"the mask value {twice[0]} occurs twice in classes and ignored_classes")
        if both := [name for name in self.ignored_classes if name in (own or {})]:
            raise ValueError(f"{both[0]} is in classes and in ignored_classes")
        if 0 in values and self.background == "first":
            raise ValueError("a class has the mask value 0, which is the background; without one set background: none")
        return self

    @model_validator(mode="after")
    def _splits_have_one_source(self) -> Self:
        named = self.lists.by_split()
        if self.split_column is not None and named:
            raise ValueError("split_column and lists both say which images are val: leave one of them out")
        if self.split_column is not None and self.holdout:
            raise ValueError("split_column and holdout both say which images are val: leave one of them out")
        if self.holdout and "val" in named:
            raise ValueError("lists.val and holdout both say which images are val: leave one of them out")
        if self.labels == FOLDERS and self.split_column is not None:
            raise ValueError("split_column needs a table, and labels is folders")
        return self

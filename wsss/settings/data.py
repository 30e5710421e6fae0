"""Where images and image-level labels come from: generated, VOC 2012, or a folder in VOC layout."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wsss.settings.base import Settings
from wsss.settings.training import Positive, Seed, Share

Name = Annotated[str, Field(pattern="^[A-Za-z0-9_.-]+$")]
# fmt: off
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on
VOC_VALUES = {name: value for value, name in enumerate(VOC_CLASSES, 1)}
MaskValue = Annotated[int, Field(ge=1, le=254)]


class ListSettings(Settings):
    """Names of the image lists.

    A name without an ending, such as `train`, is a list of the dataset: ImageSets/Segmentation/train.txt.
    A name that ends in `.txt`, such as `few.txt`, is a file of the user's in the folder that `locations.lists` names.
    """

    train: Name = "train"
    # The part of `train` whose masks are scored; the training never sees them.
    train_scored: Name = "train"
    val: Name = "val"


def is_own_list(name: str) -> bool:
    """Whether a list is a file of the user's, not one that the dataset brings along."""
    return name.endswith(".txt")


class SyntheticSettings(Settings):
    """The embedded dataset: scenes made from a seed (see wsss.data.synthetic.scenes)."""

    kind: Literal["synthetic"]
    name: Name = "synthetic"
    seed: Seed = 0
    train_images: Positive = 240
    val_images: Positive = 60
    image_size: Annotated[int, Field(ge=64)] = 160
    classes: Annotated[int, Field(ge=2, le=12)] = 8
    max_objects: Annotated[int, Field(ge=1, le=6)] = 4
    # How often a scene has the background that its main class prefers; the rest is drawn from all backgrounds.
    background_bias: Share = 0.4
    # How often a body has a hue of the third of the colour circle that its class prefers among the classes with the
    # same build and skin; at 0 only heads tell these apart.
    body_cue: Share = 0.8

    @property
    def label(self) -> str:
        """The name of the dataset, for paths and tables."""
        return self.name

    @property
    def lists(self) -> ListSettings:
        """The generated lists: train, scored as a whole, and val."""
        return ListSettings()


class Voc12Settings(Settings):
    """PASCAL VOC 2012 with SBD's masks (train_aug, 10,582 images), or a part of its images and classes.

    It comes from the official archives, or from the folder that `locations.dataset` names.
    """

    kind: Literal["voc12"]
    name: Name = "voc12"
    lists: ListSettings = ListSettings(train="train_aug", train_scored="train", val="val")
    # Classes and their values in VOC's masks. Classes that are left out are ignored, see `ignored_classes`.
    classes: dict[str, MaskValue] = VOC_VALUES

    @property
    def ignored_classes(self) -> dict[str, int]:
        """The classes of VOC that `classes` leaves out: not labelled, and their pixels are ignored when scored."""
        return {name: value for name, value in VOC_VALUES.items() if name not in self.classes}

    @model_validator(mode="after")
    def _classes_are_vocs(self) -> Self:
        for name, value in self.classes.items():
            if name not in VOC_VALUES:
                raise ValueError(f"classes: VOC 2012 has no class {name!r}; there are: {', '.join(VOC_CLASSES)}")
            if value != VOC_VALUES[name]:
                raise ValueError(f"classes: {name} is {VOC_VALUES[name]} in the masks of VOC 2012, not {value}")
        if not self.classes:
            raise ValueError("classes: at least one class is needed")
        return self

    @property
    def label(self) -> str:
        """The name of the dataset, for paths and tables."""
        return self.name


class FolderSettings(Settings):
    """Images in VOC layout on disk, at the place that `locations.dataset` names."""

    kind: Literal["folder"]
    name: Name
    # Class names and their values in the masks; they are columns of image_labels.csv too.
    classes: dict[str, MaskValue]
    # Known classes that are left out: not labelled, and their pixels are ignored when scored.
    ignored_classes: dict[str, MaskValue] = {}
    lists: ListSettings = ListSettings()

    @property
    def label(self) -> str:
        """The name of the dataset, for paths and tables."""
        return self.name

    @model_validator(mode="after")
    def _values_are_distinct(self) -> Self:
        values = [*self.classes.values(), *self.ignored_classes.values()]
        names = [*self.classes, *self.ignored_classes]
        if len(set(values)) != len(values) or len(set(names)) != len(names):
            raise ValueError("a class or a mask value occurs twice in classes and ignored_classes")
        if not self.classes:
            raise ValueError("at least one class is needed")
        return self


DataSettings = Annotated[SyntheticSettings | Voc12Settings | FolderSettings, Field(discriminator="kind")]

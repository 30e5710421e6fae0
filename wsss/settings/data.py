"""Where images and image-level labels come from: generated, VOC 2012, COCO, or any folder of images."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wsss.errors import shown
from wsss.settings.base import Settings
from wsss.settings.coco import Coco14Settings, CocoSettings
from wsss.settings.dataset import DatasetSettings
from wsss.settings.numbers import Seed, Share, Whole
from wsss.settings.own_images import ImagesSettings, why_no_name
from wsss.settings.photographs import PhotographSettings
from wsss.settings.values import MaskValue, Name

# fmt: off
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on
VOC_VALUES = {name: value for value, name in enumerate(VOC_CLASSES, 1)}


class ListSettings(Settings):
    """Names of the image lists.

    A name without an ending, such as `train`, is a list of the dataset: ImageSets/Segmentation/train.txt.
    A name that ends in `.txt`, such as `few.txt`, is the user's own file in the folder `locations.lists`.
    """

    # Images to train on.
    train: Name = "train"
    # Images of `train` whose masks are used for scores. No training sees these masks.
    train_scored: Name = "train"
    # Images that only scores are made of. null: there are none.
    val: Name | None = "val"
    # Images without labels and masks, which are only segmented. null: none.
    test: Name | None = None

    def by_split(self) -> dict[str, str]:
        """The name of each split's list. There is no test if no list of it is set."""
        named = {"train": self.train, "train_scored": self.train_scored, "val": self.val, "test": self.test}
        return {split: name for split, name in named.items() if name is not None}

    @property
    def listed_splits(self) -> tuple[str, ...]:
        """The splits of all photographs: those that masks for people are made of."""
        return tuple(split for split in self.by_split() if split != "train_scored")

    @property
    def own(self) -> tuple[str, ...]:
        """Names of the user's own lists."""
        return tuple(name for name in self.by_split().values() if is_own_list(name))


def is_own_list(name: str) -> bool:
    """Whether a list is the user's own file, not a list of the dataset."""
    return name.endswith(".txt")


class SyntheticSettings(DatasetSettings):
    """The embedded dataset: scenes made from a seed (see wsss.data.sources.synthetic.scenes)."""

    # The kind of dataset.
    kind: Literal["synthetic"]
    # Name of the dataset in paths and tables.
    name: Name = "synthetic"
    # Seed of all scenes.
    seed: Seed = 0
    # Number of train images.
    train_images: Annotated[int, Whole(1, 1_000_000)] = 240
    # Number of val images.
    val_images: Annotated[int, Whole(1, 1_000_000)] = 60
    # Longer side of an image, in pixels.
    image_size: Annotated[int, Whole(64, 4096)] = 160
    # Number of classes, without the background.
    classes: Annotated[int, Whole(2, 12)] = 8
    # The largest number of objects in an image.
    max_objects: Annotated[int, Whole(1, 6)] = 4
    # How often a scene has the background that its main class prefers. Other scenes draw from all backgrounds.
    background_bias: Share = 0.4
    # How often the colour of a body hints at its class. Classes with the same build and skin each prefer one third of
    # the colour circle. At 0 only the heads tell these classes apart.
    body_cue: Share = 0.8

    @property
    def lists(self) -> ListSettings:
        """The generated lists: train and val. All of train is scored."""
        return ListSettings()


class ListedSettings(PhotographSettings):
    """Photographs in VOC layout, which lists name."""

    # Names of the image lists.
    lists: ListSettings = ListSettings()

    @property
    def own_lists(self) -> tuple[str, ...]:
        """Names of lists that must be in the folder `locations.lists`."""
        return self.lists.own

    @property
    def listed_splits(self) -> tuple[str, ...]:
        """The splits of all photographs: those that masks for people are made of."""
        return self.lists.listed_splits


class Voc12Settings(ListedSettings):
    """PASCAL VOC 2012 with SBD's masks (train_aug, 10,582 images), or a part of its images and classes.

    It is made from the official archives, or from the folder `locations.dataset`: VOC2012, the VOCdevkit that it is in,
    or the folder of that. There, masks of train_aug come from SegmentationClassAug, or from SBD beside VOCdevkit.
    """

    # The kind of dataset.
    kind: Literal["voc12"]
    # Name of the dataset in paths and tables.
    name: Name = "voc12"
    # Names of the image lists. Change them to use a part of the images.
    lists: ListSettings = ListSettings(train="train_aug", train_scored="train", val="val")
    # Class names with their values in VOC's masks. Classes that are left out are not labelled, and their pixels are
    # ignored in scores.
    classes: dict[str, MaskValue] = VOC_VALUES

    @property
    def ignored_classes(self) -> dict[str, int]:
        """The classes of VOC that `classes` leaves out. They are not labelled; their pixels are ignored in scores."""
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


class FolderSettings(ListedSettings):
    """Your own images in VOC layout, in the folder `locations.dataset`."""

    # The kind of dataset.
    kind: Literal["folder"]
    # Name of the dataset in paths and tables. Give each dataset its own.
    name: Name
    # Class names with their values in the masks. The names are also the columns of image_labels.csv.
    classes: dict[str, MaskValue]
    # Classes of the dataset that are left out. They are not labelled, and their pixels are ignored in scores.
    ignored_classes: dict[str, MaskValue] = {}
    # first: the value 0 is the background. none: every pixel belongs to a class, such as a type of tissue. Then stages
    # do not use their background scores.
    background: Literal["first", "none"] = "first"

    @model_validator(mode="after")
    def _values_are_distinct(self) -> Self:
        values = [*self.classes.values(), *self.ignored_classes.values()]
        names = [*self.classes, *self.ignored_classes]
        if len(set(values)) != len(values) or len(set(names)) != len(names):
            raise ValueError("a class or a mask value occurs twice in classes and ignored_classes")
        if not self.classes:
            raise ValueError("at least one class is needed")
        for name in self.classes:
            if reason := why_no_name(name):
                raise ValueError(f"classes: {shown(name)} cannot be the name of a class: {reason}")
        if "background" in self.classes and self.background == "first":
            raise ValueError(
                "classes: a class is called background, which is the name of the value 0: rename it, or set "
                "background: none if every pixel belongs to a class"
            )
        return self


DataSettings = Annotated[
    SyntheticSettings | Voc12Settings | FolderSettings | ImagesSettings | Coco14Settings | CocoSettings,
    Field(discriminator="kind"),
]

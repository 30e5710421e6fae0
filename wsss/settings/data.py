"""Where images and image-level labels come from: generated, VOC 2012's archives, or a folder in VOC layout."""

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


class ListSettings(Settings):
    """Names of the image lists under ImageSets/Segmentation, without `.txt`."""

    train: Name = "train"
    # The part of `train` whose masks are scored; the training never sees them.
    train_scored: Name = "train"
    val: Name = "val"


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
    """PASCAL VOC 2012 with SBD's masks (train_aug, 10,582 images), from the official archives."""

    kind: Literal["voc12"]
    name: Name = "voc12"
    lists: ListSettings = ListSettings(train="train_aug", train_scored="train", val="val")
    classes: dict[str, Annotated[int, Field(ge=1, le=254)]] = {name: i for i, name in enumerate(VOC_CLASSES, 1)}

    @property
    def label(self) -> str:
        """The name of the dataset, for paths and tables."""
        return self.name


class FolderSettings(Settings):
    """Images in VOC layout on disk, at the place that `locations.dataset` names."""

    kind: Literal["folder"]
    name: Name
    # Class names and their values in the masks; they are columns of image_labels.csv too.
    classes: dict[str, Annotated[int, Field(ge=1, le=254)]]
    # Known classes that are left out: not labelled, and their pixels are ignored when scored.
    ignored_classes: dict[str, Annotated[int, Field(ge=1, le=254)]] = {}
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

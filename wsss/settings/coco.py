"""MS COCO as a source of images: the official splits of 2014, or any files of the form of instances_*.json."""

from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from wsss.settings.numbers import Real, Seed, Switch
from wsss.settings.photographs import PhotographSettings
from wsss.settings.values import MaskValue, Name

# fmt: off
COCO_CLASSES = {
    "person": 1, "bicycle": 2, "car": 3, "motorcycle": 4, "airplane": 5, "bus": 6, "train": 7, "truck": 8, "boat": 9,
    "traffic light": 10, "fire hydrant": 11, "stop sign": 13, "parking meter": 14, "bench": 15, "bird": 16, "cat": 17,
    "dog": 18, "horse": 19, "sheep": 20, "cow": 21, "elephant": 22, "bear": 23, "zebra": 24, "giraffe": 25,
    "backpack": 27, "umbrella": 28, "handbag": 31, "tie": 32, "suitcase": 33, "frisbee": 34, "skis": 35,
    "snowboard": 36, "sports ball": 37, "kite": 38, "baseball bat": 39, "baseball glove": 40, "skateboard": 41,
    "surfboard": 42, "tennis racket": 43, "bottle": 44, "wine glass": 46, "cup": 47, "fork": 48, "knife": 49,
    "spoon": 50, "bowl": 51, "banana": 52, "apple": 53, "sandwich": 54, "orange": 55, "broccoli": 56, "carrot": 57,
    "hot dog": 58, "pizza": 59, "donut": 60, "cake": 61, "chair": 62, "couch": 63, "potted plant": 64, "bed": 65,
    "dining table": 67, "toilet": 70, "tv": 72, "laptop": 73, "mouse": 74, "remote": 75, "keyboard": 76,
    "cell phone": 77, "microwave": 78, "oven": 79, "toaster": 80, "sink": 81, "refrigerator": 82, "book": 84,
    "clock": 85, "vase": 86, "scissors": 87, "teddy bear": 88, "hair drier": 89, "toothbrush": 90,
}
# fmt: on


def _below(path: str) -> str:
    """The path, if it is relative and stays below its folder."""
    parts = PurePosixPath(path)
    if not parts.parts or parts.is_absolute() or ".." in parts.parts:
        raise ValueError("a path below locations.dataset is needed, without .. and without / in front")
    return path


BelowDataset = Annotated[str, AfterValidator(_below)]
Crowd = Literal["ignore", "leave_out"]
Unannotated = Literal["leave_out", "keep"]


class Coco14Settings(PhotographSettings):
    """MS COCO 2014 with its official splits: 82,081 train and 40,137 val images that have annotations.

    It is made from the official archives, or from the folder `locations.dataset` with train2014, val2014 and
    annotations/instances_{train,val}2014.json.
    """

    # The kind of dataset.
    kind: Literal["coco14"]
    # Name of the dataset in paths and tables.
    name: Name = "coco14"
    # Class names with COCO's category ids, which are the values in the masks; null: all 80. Classes that are left out
    # are not labelled, and their pixels are ignored in scores.
    classes: dict[str, MaskValue] | None = None
    # What masks hold for a crowd region, which marks many objects as one: ignore (255), or leave_out (not painted, as
    # released codes do). It gives no image-level label in either case.
    crowd: Crowd = "ignore"
    # Images without any annotation: leave_out, as published results do, or keep.
    unannotated: Unannotated = "leave_out"

    @property
    def ignored_classes(self) -> dict[str, int]:
        """The classes of COCO that `classes` leaves out."""
        return {} if self.classes is None else {k: v for k, v in COCO_CLASSES.items() if k not in self.classes}

    @model_validator(mode="after")
    def _classes_are_cocos(self) -> Self:
        for name, value in (self.classes or {}).items():
            if name not in COCO_CLASSES:
                raise ValueError(f"classes: COCO 2014 has no class {name!r}; there are: {', '.join(COCO_CLASSES)}")
            if value != COCO_CLASSES[name]:
                raise ValueError(f"classes: {name} has the id {COCO_CLASSES[name]} in COCO 2014, not {value}")
        _check_some(self.classes)
        return self


class CocoSettings(PhotographSettings):
    """Images with annotations in the form of COCO's instances_*.json, in the folder `locations.dataset`."""

    # The kind of dataset.
    kind: Literal["coco"]
    # Name of the dataset in paths and tables. Give each dataset its own.
    name: Name
    # The file of train's annotations, below `locations.dataset`.
    train: BelowDataset
    # The same of val. null: see holdout. Without images to hold out, name the file of train.
    val: BelowDataset | None = None
    # The folder of train's photographs, below `locations.dataset`. null: the folder that the file is named after
    # (train2017 for instances_train2017.json) if there is one, else `locations.dataset`.
    train_images: BelowDataset | None = None
    # The same of val.
    val_images: BelowDataset | None = None
    # The share of train's images that is drawn as val, where val is null. null: there is no val.
    holdout: Annotated[float, Real(0, 1, above=True, below=True)] | None = None
    # Seed of that draw.
    seed: Seed = 0
    # Class names with their category ids in the files, which are the values in the masks; null: all classes of the
    # files. Classes that are left out are not labelled, and their pixels are ignored in scores.
    classes: dict[str, MaskValue] | None = None
    # Whether masks are made, for scores. false suits annotations that have boxes only.
    masks: Switch = True
    # What masks hold for a crowd region (iscrowd: 1), which marks many objects as one: ignore (255), or leave_out (not
    # painted). It gives no image-level label in either case.
    crowd: Crowd = "ignore"
    # Images without any annotation: leave_out or keep.
    unannotated: Unannotated = "leave_out"

    @model_validator(mode="after")
    def _val_has_one_source(self) -> Self:
        if self.val is not None and self.holdout is not None:
            raise ValueError("val and holdout cannot both be set: val names the images that holdout would draw")
        if self.val is None and self.val_images is not None:
            raise ValueError("val_images is set, but val is not")
        _check_some(self.classes)
        return self


def _check_some(classes: dict[str, int] | None) -> None:
    if classes is not None and not classes:
        raise ValueError("classes: at least one class is needed")
    if classes and len(set(classes.values())) < len(classes):
        raise ValueError("classes: two classes have the same id")

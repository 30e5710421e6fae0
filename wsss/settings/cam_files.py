"""Settings of CAMs that were made elsewhere and are read from files."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wsss.settings.base import Settings
from wsss.settings.values import Name

CamFileFormat = Literal["irn", "npz", "png", "store"]
Numbers = Literal["from_0", "from_1", "values", "values_from_0"]
# How the names of the files of each format end.
ENDINGS: dict[CamFileFormat, str] = {"irn": ".npy", "npz": ".npz", "png": ".png", "store": ".zarr.zip"}


class CamFileSettings(Settings):
    """CAMs of any method, in files of a folder. docs/cam-files.md describes the formats."""

    # CAMs are read from files.
    method: Literal["files"]
    # The name of the method for paths and tables. `locations.cams` has the folder of this name.
    name: Name
    # irn: a dictionary for each image, saved with np.save, as IRNet, SEAM and CLIP-ES write them. npz: the same in an
    # .npz file. png: a grey image for each class. store: this project's own CAMs.
    format: CamFileFormat
    # The splits that there are files of. Without val, the CAMs are scored on train alone.
    splits: Annotated[tuple[Literal["train", "val"], ...], Field(min_length=1)] = ("train", "val")
    # The array to read from irn and npz files. Empty: `cam` with `high_res`, or the only array there is.
    array: str = ""
    # What a number of a class means. from_0: 0 is the first class of the dataset, as in IRNet's files. from_1: 1 is the
    # first class. values: the class's value in masks. values_from_0: that value less 1, for files made with all classes
    # of VOC and a dataset with some of them. Classes may also be named; then this is not used.
    numbers: Numbers = "from_0"
    # nothing: values are used as they are, and must be in 0..1. maximum: negative values become 0, and each class is
    # divided by its maximum + 1e-5.
    divide_by: Literal["nothing", "maximum"] = "nothing"
    # Number format of the stored CAMs. float16 halves the files.
    store_dtype: Literal["float16", "float32"] = "float16"

    @model_validator(mode="after")
    def _settings_act(self) -> Self:
        """Refuse settings that the format does not use, and CAMs that no labels can be made of."""
        if "train" not in self.splits:
            raise ValueError("splits: train is missing: pseudo labels are made of its CAMs")
        unused = {"irn": (), "npz": (), "png": ("array",), "store": ("array", "numbers", "divide_by", "store_dtype")}
        for name in unused[self.format]:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} is not used with format: {self.format}; leave it out")
        return self

    @property
    def label(self) -> str:
        """The name of the method, for paths."""
        return f"files_{self.name}"

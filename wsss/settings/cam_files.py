"""Settings of CAMs that a user brings as files (docs/cam-files.md)."""

from typing import Annotated, Literal

from pydantic import Field

from wsss.settings.base import Settings
from wsss.settings.values import Name


class CamFileSettings(Settings):
    """CAMs of any method, from files."""

    # Files in place of CAMs that the workflow makes.
    method: Literal["files"]
    # The name of the method for paths and tables. `locations.cams` has the folder of this name.
    name: Name
    # What the files are.
    format: Literal["irn", "npz", "png", "store"]
    # The splits that there are files of. Without val, the CAMs are scored on train alone.
    splits: Annotated[tuple[Literal["train", "val"], ...], Field(min_length=1)] = ("train", "val")

    @property
    def label(self) -> str:
        """The name of the method."""
        return f"files_{self.name}"

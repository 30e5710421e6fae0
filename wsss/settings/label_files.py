"""Settings of pseudo labels that a user brings as files (docs/label-files.md)."""

from typing import ClassVar, Literal

from wsss.settings.base import Settings
from wsss.settings.values import Name


class LabelFileSettings(Settings):
    """Pseudo labels of any method, from files."""

    needs: ClassVar[tuple[str, ...]] = ()

    # Files in place of pseudo labels that the workflow makes.
    method: Literal["files"]
    # The name of the method for paths and tables. `locations.pseudo_labels` has the folder of this name.
    name: Name

    @property
    def label(self) -> str:
        """The name of the method."""
        return f"files_{self.name}"

"""Settings of pseudo labels that object masks are merged into (docs/object-masks.md)."""

from typing import ClassVar

from wsss.settings.base import Settings
from wsss.settings.values import Name


class MergedLabelSettings(Settings):
    """Object masks, such as SAM's, merged into pseudo labels."""

    code: ClassVar[str] = "wsss.refinement.object_masks"

    # The name of the masks for paths and tables. `locations.merged_labels` has the folder of this name.
    name: Name

    @property
    def label(self) -> str:
        """The name of the masks."""
        return self.name

"""Settings of the labels that are made from pseudo labels and class-agnostic masks of objects."""

from typing import Annotated, Literal

from wsss.settings.base import Settings
from wsss.settings.numbers import Real
from wsss.settings.values import Name


class MergedLabelSettings(Settings):
    """Masks of objects join pseudo labels (Chen et al., SAM Enhanced Pseudo Labels, 2023). Defaults are as released."""

    # The name of this set of masks for paths and tables. `locations.merged_labels` has the folder of this name.
    name: Name
    # png: `<id>.png`, whose values number the masks, or a folder `<id>` with a PNG for each mask. rle: `<id>.json` with
    # COCO's run lengths.
    format: Literal["png", "rle"]
    # A class takes a mask if more than this share of the mask lies in the class's pseudo label. At 0.5 or above, at
    # most one class can take a mask in this way.
    inside: Annotated[float, Real(0, 1, below=True)] = 0.5
    # A class also takes a mask that holds at least this share of the class's pseudo label.
    covered: Annotated[float, Real(0, 1, above=True)] = 0.85

    @property
    def label(self) -> str:
        """The name of the set of masks."""
        return self.name

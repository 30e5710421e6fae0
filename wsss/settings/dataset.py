"""What the settings of every kind of dataset have."""

from wsss.settings.base import Settings
from wsss.settings.values import Name


class DatasetSettings(Settings):
    """A dataset of some kind with a name."""

    # The kind of dataset.
    kind: str
    # Name of the dataset in paths and tables. Give each dataset its own.
    name: Name

    @property
    def label(self) -> str:
        """The name of the dataset, for paths and tables."""
        return self.name

    @property
    def own_lists(self) -> tuple[str, ...]:
        """Names of lists that must be in the folder `locations.lists`."""
        return ()

    @property
    def listed_splits(self) -> tuple[str, ...]:
        """The splits of all photographs: those that masks for people are made of."""
        return ("train", "val")

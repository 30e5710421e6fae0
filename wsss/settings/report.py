"""Settings of the page of a run."""

from wsss.settings.base import Settings
from wsss.settings.training import Positive


class ReportSettings(Settings):
    """Settings of the report of a run."""

    # Number of images of each split in the panels.
    panels: Positive = 8
    # Whether a plain `snakemake` also makes the masks of all photographs for people, as `snakemake masks` does.
    masks: bool = False
    # Whether to report the recovery ratio: the score divided by that of the same network trained on the truth. The
    # network on the truth is then trained too.
    recovery: bool = False

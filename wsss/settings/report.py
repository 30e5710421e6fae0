"""Settings of the page of a run."""

from typing import Annotated

from wsss.settings.base import Settings
from wsss.settings.numbers import Switch, Whole


class ReportSettings(Settings):
    """Settings of the report of a run."""

    # Number of images of each split in the panels.
    panels: Annotated[int, Whole(1, 64)] = 8
    # Whether a plain `snakemake` also makes the masks of all photographs for people, as `snakemake masks` does.
    masks: Switch = False
    # Whether to report the recovery ratio: the score divided by that of the same network trained on the truth. The
    # network on the truth is then trained too.
    recovery: Switch = False

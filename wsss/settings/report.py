"""Settings of the page of a run."""

from wsss.settings.base import Settings
from wsss.settings.training import Positive


class ReportSettings(Settings):
    """The page of a run."""

    # How many images of each split the panels show.
    panels: Positive = 8
    # Give the recovery ratio: the score as a part of the same network's on the truth, which is then trained too.
    recovery: bool = False

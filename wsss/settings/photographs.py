"""Settings of photographs, for every kind of dataset that has some."""

from typing import Annotated, Literal

from wsss.settings.dataset import DatasetSettings
from wsss.settings.numbers import Whole

MOST_PIXELS = 2_000_000


class PhotographSettings(DatasetSettings):
    """How photographs are read. All kinds of datasets with photographs have these settings."""

    # Larger photographs are worked on at a smaller size. Their masks are made at full size (target `masks`).
    max_pixels: Annotated[int, Whole(4096, 100_000_000)] = MOST_PIXELS
    # What to do about images that cannot be read. skip: leave them out and name them in the report.
    on_bad_image: Literal["stop", "skip"] = "stop"

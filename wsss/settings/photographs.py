"""Settings of photographs, for every kind of dataset that has some."""

from typing import Annotated, Literal

from pydantic import Field

from wsss.settings.base import Settings


class PhotographSettings(Settings):
    """How photographs are read. All kinds of datasets with photographs have these settings."""

    # Larger photographs are worked on at a smaller size. Their masks are made at full size (target `masks`).
    max_pixels: Annotated[int, Field(ge=4096, le=100_000_000)] = 2_000_000
    # What to do about images that cannot be read. skip: leave them out and name them in the report.
    on_bad_image: Literal["stop", "skip"] = "stop"

    @property
    def own_lists(self) -> tuple[str, ...]:
        """Names of lists that must be in the folder `locations.lists`."""
        return ()

    @property
    def listed_splits(self) -> tuple[str, ...]:
        """The splits of all photographs: those that masks for people are made of."""
        return ("train", "val")

"""What `wsss init` has found: a dataset's settings, its places, its images, and what is odd."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wsss.commands.init.request import in_arguments
from wsss.data.listing import Listing
from wsss.settings.coco import CocoSettings
from wsss.settings.own_images import ImagesSettings

# val is drawn if there are at least so many photographs with labels.
FEWEST_FOR_VAL = 20
USUAL_HOLDOUT = 0.2
NO_VAL = "there is no val, so no score tells how the networks do on photographs they were not trained on"
# Modules whose notes tell what of a user's files is not used.
TELLING = ("label_tables", "folder_labels", "own_images")
# `odd_classes` says the same for every kind of dataset.
SAID_ELSEWHERE = ("_tell_of_classes",)


@dataclass(frozen=True)
class Found:
    """A dataset as the config describes it, and its images.

    Parameters
    ----------
    data : ImagesSettings or CocoSettings
        The block `data` of the config.
    dataset : Path
        The place `locations.dataset`.
    lists : Path or None
        The place `locations.lists`.
    labels : str
        Where the labels are, in words.
    listing : Listing
        The images, splits and labels.
    odd : Sequence[str]
        What is odd, a line each.
    masks : int
        How many photographs have a mask.
    """

    data: ImagesSettings | CocoSettings
    dataset: Path
    lists: Path | None
    labels: str
    listing: Listing
    odd: Sequence[str]
    masks: int


@contextmanager
def notes() -> Iterator[list[str]]:
    """Yield a list that gets the warnings of the library, and its notes on what is not used, instead of the log."""
    logger, found = logging.getLogger("wsss"), list[str]()
    handler, propagates, level = _Notes(found), logger.propagate, logger.level
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates
        # Not by the attribute: what is enabled is remembered.
        logger.setLevel(level)


class _Notes(logging.Handler):
    def __init__(self, found: list[str]) -> None:
        super().__init__()
        self.found = found

    def emit(self, record: logging.LogRecord) -> None:
        telling = record.levelno >= logging.WARNING or record.module in TELLING
        if telling and record.funcName not in SAID_ELSEWHERE:
            self.found.append(in_arguments(record.getMessage()))

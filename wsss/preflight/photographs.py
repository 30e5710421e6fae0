"""What the headers of photographs and masks say, and what a sample of the masks holds."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from wsss.data.fitted_masks import stored_sizes, wrong_size
from wsss.data.images import label_size
from wsss.data.index import IndexRow
from wsss.data.label_values import LabelValues
from wsss.data.listing import Listing
from wsss.data.photographs import look
from wsss.errors import WsssError
from wsss.preflight.findings import Findings

# Masks that are decoded for each split.
SAMPLE = 24


class Looked(NamedTuple):
    """How many of the listed photographs were looked at."""

    photographs: int
    listed: int


def look_at_photographs(listing: Listing, skips_bad: bool, findings: Findings, longest: float) -> Looked:
    """Look at the headers of photographs and their masks, and into some masks.

    Parameters
    ----------
    listing : Listing
        The images. Masks that are still to be painted, in its `mask_folder`, are not looked at.
    skips_bad : bool
        Whether photographs that cannot be read are left out by the preparation. They are warnings then.
    findings : Findings
        Gets what is wrong.
    longest : float
        Seconds after which the rest is left to the preparation. Images are taken in an order in which every part of
        the dataset comes soon.

    Returns
    -------
    Looked
        How many photographs were looked at.
    """
    if listing.mask_folder is not None:
        listing = replace(listing, masks={})
    ids, began = _spread(sorted(listing.photographs)), time.monotonic()
    photographs: list[str] = []
    masks: list[str] = []
    looked = 0
    for image_id in ids:
        if time.monotonic() - began > longest:
            break
        looked += 1
        _look(listing, image_id, photographs, masks)
    findings.many(sorted(photographs), "photographs that cannot be used", stops=not skips_bad)
    findings.many(sorted(masks), "masks that do not fit")
    if looked < len(ids):
        findings.warn(
            f"{looked:,} of {len(ids):,} photographs were looked at; the others are checked when the dataset is "
            "prepared"
        )
    _check_sampled_masks(listing, findings)
    return Looked(looked, len(ids))


def _look(listing: Listing, image_id: str, photographs: list[str], masks: list[str]) -> None:
    """Add what is wrong with a photograph or its mask."""
    file = listing.photographs[image_id]
    try:
        found = look(listing.folder / file)
    except WsssError as error:
        photographs.append(str(error))
        return
    mask = listing.masks.get(image_id)
    if mask is None:
        return
    path = listing.folder / mask
    row = IndexRow(image_id, *found.size, *found.size, found.orientation, "", file, mask, "", "")
    try:
        size = label_size(path)
        if size not in stored_sizes(row):
            raise wrong_size(path, size, row, listing.mask_remedy)
    except WsssError as error:
        masks.append(str(error))


def _check_sampled_masks(listing: Listing, findings: Findings) -> None:
    """Decode some masks of each split: their values must be known, and classes in the labels should have a pixel."""
    values = LabelValues(listing.classes, listing.ignored_classes, listing.has_background)
    for split in ("train_scored", "val"):
        ids = [one for one in _spread(listing.splits.get(split, ())) if one in listing.masks][:SAMPLE]
        seen, told = np.zeros(256, bool), np.zeros(len(listing.classes), int)
        wrong: list[str] = []
        for image_id in ids:
            try:
                labels = values.read(listing.folder / listing.masks[image_id])
            except WsssError as error:
                wrong.append(str(error))
                continue
            seen |= np.bincount(labels.ravel(), minlength=256) > 0
            told += np.asarray(listing.labels[image_id]) > 0
        findings.many(wrong, f"masks of {split} that cannot be used")
        absent = [
            name
            for number, (name, count) in enumerate(zip(listing.classes, told, strict=True), 1)
            if count and not seen[number]
        ]
        if absent and not wrong:
            findings.warn(
                f"{len(ids)} masks of {split} were looked into, and none has a pixel of {', '.join(absent[:10])}, "
                "although labels name it: check that masks hold the values of data.classes"
            )


def _spread(ids: Sequence[str]) -> list[str]:
    """The ids in an order in which the first ones are evenly spread over all: every 64th, then the rest."""
    return [image_id for start in range(64) for image_id in ids[start::64]]

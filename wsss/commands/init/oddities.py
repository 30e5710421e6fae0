"""What is odd about photographs and classes, a line each."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from wsss.commands.init.found import Found
from wsss.commands.init.headers import Header, Headers
from wsss.data.listing import Listing
from wsss.files import sha256_of

FEW = 10
SHOWN = 3
# Features have a cell every 32 pixels.
COARSE_BELOW = 128
KINDS: dict[str, Callable[[Header], bool]] = {
    "turned upright, as their EXIF data say": lambda one: one.turned,
    "of more than 8 bits: the high 8 are used": lambda one: one.deep,
    "transparent: transparent parts become white": lambda one: one.transparent,
}


def odd_photographs(headers: Headers, long_side: int, skip_bad: bool) -> Iterator[str]:
    """What is odd about the files of photographs.

    Parameters
    ----------
    headers : Headers
        Their headers.
    long_side : int
        The median of the longer sides, in pixels.
    skip_bad : bool
        Whether photographs that cannot be read are left out.

    Yields
    ------
    str
        A line.
    """
    for kind, has in KINDS.items():
        if found := [path for path, header in headers.read.items() if has(header)]:
            yield f"{_counted(found)} {kind}"
    if headers.problems:
        count = len(headers.problems)
        yield (
            f"{count} cannot be read and are left out"
            if skip_bad
            else f"{count} cannot be read, and the workflow will stop at them: replace them, or use --skip-bad"
        )
        yield from list(headers.problems.values())[:SHOWN]
        if count > SHOWN:
            yield f"and {count - SHOWN} more that cannot be read"
    if long_side < COARSE_BELOW:
        yield f"photographs are small (median long side {long_side} pixels): masks will be coarse"


def odd_classes(listing: Listing) -> Iterator[str]:
    """What is odd about the classes of train.

    Parameters
    ----------
    listing : Listing
        The images and their labels.

    Yields
    ------
    str
        A line.
    """
    names, counts, train = list(listing.classes), class_counts(listing, "train"), len(listing.splits["train"])
    absent = [name for name, count in zip(names, counts, strict=True) if not count]
    common = [name for name, count in zip(names, counts, strict=True) if count == train]
    few = [f"{name} ({count})" for name, count in zip(names, counts, strict=True) if 0 < count < FEW]
    if absent:
        yield f"no photograph of train has {_named(absent)}: nothing is learned of it (--classes leaves classes out)"
    if common:
        alone = " and there is no other class" if len(names) == 1 else ""
        yield f"every photograph of train has {_named(common)}{alone}: nothing tells it from the rest"
    if few:
        yield f"fewer than {FEW} photographs of train have {_named(few)}: expect poor masks of it"
    if overlap := set(listing.splits["train"]) & set(listing.splits["val"]):
        yield f"{len(overlap)} photographs are in train and in val: scores of val tell nothing about new photographs"


def class_counts(listing: Listing, split: str) -> np.ndarray:
    """How many images of a split have each class.

    Parameters
    ----------
    listing : Listing
        The images and their labels.
    split : {"train", "val"}
        The split.

    Returns
    -------
    np.ndarray
        Counts in the order of the classes, int64 (n,).
    """
    counts = np.zeros(len(listing.classes), np.int64)
    for one in listing.splits[split]:
        counts += listing.labels[one]
    return counts


def same_in_train_and_val(found: Found) -> Iterator[str]:
    """Photographs of val whose bytes are those of one of train. Only files of equal size are compared.

    Parameters
    ----------
    found : Found
        The dataset.

    Yields
    ------
    str
        A line, if there are any.
    """
    listing = found.listing
    train, val = (set(listing.splits[split]) for split in ("train", "val"))
    of_train, of_val = (_by_size(listing, ids) for ids in (train - val, val - train))
    twins = []
    for size in sorted(of_train.keys() & of_val.keys()):
        digests = {sha256_of(path): path for path in of_train[size]}
        twins += [(path, digests[own]) for path in of_val[size] if (own := sha256_of(path)) in digests]
    if twins:
        yield (
            f"{len(twins)} photographs of val have the same bytes as one of train, such as {twins[0][0]} and "
            f"{twins[0][1]}: scores of val will be too good"
        )


def _by_size(listing: Listing, ids: set[str]) -> dict[int, list[Path]]:
    found: dict[int, list[Path]] = {}
    for path in (listing.folder / listing.photographs[one] for one in sorted(ids)):
        if path.is_file():
            found.setdefault(path.stat().st_size, []).append(path)
    return found


def _counted(paths: Sequence[str]) -> str:
    """How many photographs there are, and the first of them."""
    more = ", ..." if len(paths) > SHOWN else ""
    return f"{len(paths)} ({', '.join(paths[:SHOWN])}{more})"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more classes" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more

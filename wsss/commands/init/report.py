"""What `wsss init` says on the terminal."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from wsss.commands.init.choices import MOST_PIXELS, Choices
from wsss.commands.init.found import Found
from wsss.commands.init.headers import Header
from wsss.commands.init.oddities import class_counts

MOST_ROWS = 60
COLUMN = 15


def report(found: Found, headers: Mapping[str, Header], odd: Sequence[str]) -> Iterator[str]:
    """What was found, as lines of text.

    Parameters
    ----------
    found : Found
        The dataset.
    headers : Mapping[str, Header]
        Headers of the photographs that can be read, by their path.
    odd : Sequence[str]
        What is odd, a line each.

    Yields
    ------
    str
        A line.
    """
    paths = list(found.listing.photographs.values())
    endings = Counter(PurePosixPath(path).suffix.lower() for path in paths)
    ordered = sorted(endings.items(), key=lambda item: (-item[1], item[0]))
    told = ", ".join(f"{count} {ending}" for ending, count in ordered)
    yield f"{'photographs':{COLUMN}}{len(paths):,} in {found.listing.folder}: {told}"
    yield f"{'sizes':{COLUMN}}{_sizes([one.size for one in headers.values()])}"
    yield f"{'labels':{COLUMN}}{found.labels}"
    yield f"{'masks':{COLUMN}}{f'{found.masks:,}, for scores only' if found.masks else 'none, so there are no scores'}"
    yield f"{'splits':{COLUMN}}{_splits(found)}"
    yield from _class_rows(found)
    if odd:
        yield "odd"
        yield from (f"  - {line}" for line in odd)


def summary(choices: Choices) -> str:
    """The settings that were chosen, in one line."""
    return (
        f"classifier: {choices.epochs} epochs, batch {choices.batch}, crop {choices.crop}; IRNet: "
        f"{choices.irnet_epochs} epochs, batch {choices.irnet_batch}, crop {choices.irnet_crop}; segmentation: "
        f"{choices.steps} steps, batch {choices.batch}, crop {choices.segmentation_crop}"
    )


def _sizes(sizes: Sequence[tuple[int, int]]) -> str:
    """The smallest, the median and the largest size by the number of pixels, and how many are worked on smaller."""
    ordered = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    small, median, large = (f"{height} x {width}" for height, width in (ordered[0], _median(ordered), ordered[-1]))
    above = sum(height * width > MOST_PIXELS for height, width in sizes)
    told = f"; {above:,} of more than {MOST_PIXELS:,} pixels are worked on smaller" if above else ""
    return f"(height x width) smallest {small}, median {median}, largest {large}{told}"


def _median(ordered: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return ordered[(len(ordered) - 1) // 2]


def _splits(found: Found) -> str:
    splits = found.listing.splits
    drawn = f" (drawn, a share of {found.data.holdout:g})" if found.data.holdout else ""
    test = f", {len(splits['test']):,} only for masks" if splits["test"] else ""
    return f"{len(splits['train']):,} train, {len(splits['val']):,} val{drawn}{test}"


def _class_rows(found: Found) -> Iterator[str]:
    """A table: how many photographs of each split have each class."""
    listing = found.listing
    counts = [class_counts(listing, split) for split in ("train", "val")]
    width = max(COLUMN, *(len(name) + 3 for name in listing.classes))
    yield f"{'classes':{width}}{'train':>7}{'val':>7}"
    for name, *own in [*zip(listing.classes, *counts, strict=True)][:MOST_ROWS]:
        yield f"  {name:{width - 2}}" + "".join(f"{count:>7}" for count in own)
    without = [sum(not listing.labels[one].any() for one in listing.splits[split]) for split in ("train", "val")]
    if len(listing.classes) > MOST_ROWS:
        yield f"  and {len(listing.classes) - MOST_ROWS} more classes"
    yield f"  {'(no class)':{width - 2}}" + "".join(f"{count:>7}" for count in without)

"""Prepares a listed dataset for the workflow: checks every file, and writes its index, lists and labels."""

import io
import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from wsss.data.dataset import SPLITS, truth_of
from wsss.data.images import read_image
from wsss.data.index import INDEX_COLUMNS, IndexRow, SkippedImage
from wsss.data.label_values import BACKGROUND, LabelValues
from wsss.data.listing import Listing
from wsss.data.photographs import bounded_size, look, save_smaller, upright_image
from wsss.data.sources.image_ids import why_unsafe
from wsss.errors import WsssError
from wsss.files import remove_tree, sha256_of, write_bytes, write_csv, write_json, write_text
from wsss.manifests.rows import write_manifest
from wsss.manifests.single_files import list_file
from wsss.progress import track
from wsss.settings.photographs import MOST_PIXELS
from wsss.settings.values import MOST_CLASSES

logger = logging.getLogger("wsss")
# The column of the prepared table that holds ids. The others are classes.
ID_COLUMN = "image_id"
TABLES = ("images.tsv", "image_labels.csv", "dataset.json", "skipped.tsv")


def prepare(
    listing: Listing, root: Path, workers: int = 1, most_pixels: int = MOST_PIXELS, skip_bad_images: bool = False
) -> None:
    """Make a listed dataset ready for the workflow.

    Every photograph and every mask is decoded once, so that wrong files are found before any training starts.
    images.tsv is written after all checks have passed, and the sums of all tables last.

    Parameters
    ----------
    listing : Listing
        The images, splits, labels and masks.
    root : Path
        The folder of the prepared dataset; see `wsss.data.dataset.Dataset`.
    workers : int
        Threads that decode images, at least 1.
    most_pixels : int
        Larger photographs are worked on at a smaller size; see `wsss.data.photographs.bounded_size`.
    skip_bad_images : bool
        Whether photographs that cannot be read are left out and listed in skipped.tsv. Otherwise they are an error, as
        masks that do not fit always are.

    Raises
    ------
    WsssError
        For lists that do not fit each other, ids that are no plain file names, classes that do not fit 8 bits, missing
        or damaged images, and masks that do not fit.
    """
    _check_classes(listing)
    _check_splits(listing)
    _link(listing.folder, root / "dataset")
    looker = _Looker(listing, root, most_pixels)
    found = looker.all(workers)
    problems = {image_id: str(row) for image_id, row in found.items() if isinstance(row, WsssError)}
    stopping = [
        str(row) for row in found.values() if isinstance(row, WsssError if not skip_bad_images else _WrongMaskError)
    ]
    if stopping:
        more = f" (and {len(stopping) - 1} more images)" if len(stopping) > 1 else ""
        raise WsssError(f"{stopping[0]}{more}")
    skipped = [SkippedImage(one, listing.photographs[one], why) for one, why in problems.items()]
    listing = _without(listing, problems)
    for warning in _of_unseen_classes(listing, looker.seen):
        logger.warning("%s", warning)
        print(f"warning: {warning}", file=sys.stderr)
    rows = [row for row in found.values() if isinstance(row, IndexRow)]
    for split in SPLITS:
        write_text(root / "lists" / f"{split}.txt", "".join(f"{one}\n" for one in listing.splits.get(split, [])))
    write_text(root / "skipped.tsv", "".join("\t".join(row) + "\n" for row in (SkippedImage._fields, *skipped)))
    _write_labels(root / "image_labels.csv", listing)
    facts = {"classes": listing.classes, "ignored_classes": listing.ignored_classes}
    write_json(root / "dataset.json", {**facts, "has_background": listing.has_background})
    lines = ["\t".join(INDEX_COLUMNS), *("\t".join(map(str, row)) for row in rows)]
    write_text(root / "images.tsv", "\n".join(lines) + "\n")
    list_tables(root, {row.id: row.mask for row in rows if row.mask})


def _of_unseen_classes(listing: Listing, seen: Mapping[str, set[int]]) -> Iterator[str]:
    """A warning for each split that is scored, if its masks hold no pixel of some class."""
    for split in ("train_scored", "val"):
        masks = [seen[one] for one in listing.splits.get(split, []) if one in seen]
        numbers = {number for own in masks for number in own}
        unseen = [name for number, name in enumerate(listing.classes, 1) if number not in numbers]
        if masks and unseen:
            yield (
                f"no mask of {split} has a pixel of {', '.join(unseen)}: they have no score there, and the mean is of "
                "the other classes; if they are in the images, correct the values in data.classes"
            )


def list_tables(root: Path, masks: Mapping[str, str]) -> None:
    """Write the sums of the tables of a prepared dataset, and of its masks (below `root`, by image)."""
    write_manifest(root / "masks.tsv", root, list(masks.items()))
    for path in (*(root / name for name in TABLES), *(root / "lists" / f"{split}.txt" for split in SPLITS)):
        if path.is_file():
            list_file(path)


class _WrongMaskError(WsssError):
    """A mask that does not fit. It always stops the run: leaving out its photograph would change what is trained."""


class _Looker:
    """Looks at every photograph of a listing and its mask, and makes the copies that are needed."""

    def __init__(self, listing: Listing, root: Path, most_pixels: int) -> None:
        self.listing, self.root, self.most_pixels = listing, root, most_pixels
        self.values = LabelValues(listing.classes, listing.ignored_classes, listing.has_background)
        own_masks = listing.mask_folder
        self.seen: dict[str, set[int]] = {}
        self.masks = "dataset" if own_masks is None else str(own_masks.relative_to(root))

    def all(self, workers: int) -> dict[str, IndexRow | WsssError]:
        """The row of each image, or what is wrong with it, by its id in ascending order."""
        listed = {image_id for members in self.listing.splits.values() for image_id in members}
        ids = sorted(listed)
        with ThreadPoolExecutor(workers) as pool:
            return dict(zip(ids, track(pool.map(self.row, ids), len(ids), "checking images"), strict=True))

    def row(self, image_id: str) -> IndexRow | WsssError:
        """The row of an image, or what is wrong with it."""
        file = f"dataset/{self.listing.photographs[image_id]}"
        own_mask = self.listing.masks.get(image_id, "")
        try:
            found = look(self.root / file)
            size = bounded_size(found.size, self.most_pixels)
            plain = found.plain and size == found.size
            copy = "" if plain else self._copy(image_id, file, size == found.size)
            if plain:
                read_image(self.root / file)
            digest = sha256_of(self.root / file)
            mask = f"{self.masks}/{own_mask}" if own_mask else ""
            copy_digest = sha256_of(self.root / copy) if copy else ""
            row = IndexRow(image_id, *size, *found.size, found.orientation, digest, file, mask, copy, copy_digest)
            if mask:
                self.seen[image_id] = self._numbers_in(self.root / mask, row)
        except WsssError as error:
            return error
        return row

    def _numbers_in(self, path: Path, row: IndexRow) -> set[int]:
        """The class numbers in a mask."""
        try:
            return set(np.unique(truth_of(path, row, self.values, self.listing.mask_remedy)).tolist())
        except WsssError as error:
            raise _WrongMaskError(str(error)) from None

    def _copy(self, image_id: str, file: str, whole: bool) -> str:
        """Write an upright copy of a photograph: the whole one as PNG, a smaller one as JPEG. Returns its path."""
        image, buffer = upright_image(self.root / file, self.most_pixels), io.BytesIO()
        if whole:
            image.save(buffer, "PNG", compress_level=1)
        else:
            save_smaller(image, buffer)
        copy = f"copies/{image_id}.{'png' if whole else 'jpg'}"
        write_bytes(self.root / copy, buffer.getvalue())
        return copy


def _check_classes(listing: Listing) -> None:
    classes = [*listing.classes, *listing.ignored_classes]
    if len(classes) > MOST_CLASSES:
        raise WsssError(f"the dataset has {len(classes)} classes; label images of 8 bits hold at most {MOST_CLASSES}")
    if ID_COLUMN in listing.classes:
        raise WsssError(
            f"a class is called {ID_COLUMN}, and a column of the prepared table has this name: rename the class, or "
            "leave it out of data.classes"
        )
    if len(listing.classes) == 1 and not listing.has_background:
        raise WsssError(
            f"{next(iter(listing.classes))} is the only class, and there is no background: there is nothing to tell "
            "apart; name more classes in data.classes, or set data.background: first"
        )
    if BACKGROUND in listing.classes and listing.has_background:
        raise WsssError(
            f"a class is called {BACKGROUND}, which is the name of the value 0: rename the class in data.classes, or "
            "set data.background: none if every pixel belongs to a class"
        )


def _check_splits(listing: Listing) -> None:
    splits = {split: list(listing.splits.get(split, [])) for split in SPLITS}
    for image_id in sorted({one for members in splits.values() for one in members}):
        if reason := why_unsafe(image_id):
            raise WsssError(f"image id {image_id[:80]!r}: {reason}")
        if re.search(r"[\t\n\r]", file := listing.photographs[image_id]):
            raise WsssError(f"{file!r}: file names may not hold tabs or ends of lines; rename the file")
    if not splits["train"]:
        raise WsssError("the list of train is empty: a classifier needs images to train on")
    if stray := set(splits["train_scored"]) - set(splits["train"]):
        raise WsssError(f"{min(stray)} is in the list of train_scored but not in that of train")
    shared = set(splits["train"]) & set(splits["val"])
    if shared and splits["val"] not in (splits["train"], splits["train_scored"]):
        raise WsssError(
            f"{min(shared)} is in the lists of train and of val, as are {len(shared) - 1} others: "
            "nothing may be trained on images of val; without images to hold out, name the same list for both"
        )
    if tested := set(splits["train"]) & set(splits["test"]):
        raise WsssError(
            f"{min(tested)} is in the lists of train and of test, as are {len(tested) - 1} others: images of test have "
            "no labels to train on; take them out of one of the lists"
        )
    if not any(listing.labels[image_id].any() for image_id in splits["train"]):
        raise WsssError(f"the image-level labels name no class in any of the {len(splits['train'])} images of train")


def _without(listing: Listing, left_out: Mapping[str, str]) -> Listing:
    """The listing without some images. Raises WsssError if no image of train is left."""
    for image_id, why in left_out.items():
        logger.warning("left out: %s: %s", image_id, why)
    splits = {split: [one for one in ids if one not in left_out] for split, ids in listing.splits.items()}
    if not splits["train"]:
        raise WsssError(f"no image of train can be read; the first one: {next(iter(left_out.values()))}")
    return replace(listing, splits=splits)


def _write_labels(path: Path, listing: Listing) -> None:
    labelled: Sequence[str] = sorted({*listing.splits["train"], *listing.splits.get("val", [])})
    rows = [
        {ID_COLUMN: image_id, **dict(zip(listing.classes, map(int, listing.labels[image_id]), strict=True))}
        for image_id in labelled
    ]
    write_csv(path, rows)


def _link(source: Path, link: Path) -> None:
    if link.resolve() == source.resolve():
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    # If archives were unpacked here before, the link to the folder replaces them.
    remove_tree(link)
    link.symlink_to(source.resolve())

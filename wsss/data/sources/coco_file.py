"""Reads files of the form of COCO's instances_*.json with bounded memory.

Lin et al.: Microsoft COCO: Common Objects in Context, ECCV 2014. Such a file can have gigabytes of polygons. It is read
in pieces, and only the place of each annotation in the file is kept.
"""

import re
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wsss.data.sources.json_text import MIB, JsonText, Span
from wsss.errors import WsssError
from wsss.progress import track

KEYS = ("images", "annotations", "categories")
# A segmentation of polygons, from its key to its end. What was matched is not tried in another way (`++`, `*+`), so the
# time grows linearly with any text. Inside a text of JSON a backslash would stand before each quotation mark.
POLYGONS = re.compile(rb"(\"segmentation\"\s*+:\s*+)\[(?:\s*+\[[-+.0-9eE,\s]*+\]\s*+,?+)++\s*+\]")
LARGEST_ID = 2**63 - 1
# Pillow refuses to open photographs with more pixels.
LARGEST_IMAGE = 178_956_970


@dataclass(frozen=True)
class Instances:
    """What an instances file says. Annotations are in the order of the file.

    Parameters
    ----------
    path : Path
        The file.
    categories : Mapping[str, int]
        The id of each category by its name, in ascending order of the ids.
    file_names : list[str]
        The `file_name` of each of the m images.
    sizes : np.ndarray
        Height and width of each image, int64 (m, 2).
    annotations : np.ndarray
        The id of each of the k annotations, int64 (k,).
    images : np.ndarray
        The index of each annotation's image, 0..m-1, int64 (k,).
    category_ids : np.ndarray
        The category id of each annotation, int64 (k,).
    crowd : np.ndarray
        Whether an annotation marks a crowd, bool (k,).
    spans : np.ndarray
        The bytes of the file in which an annotation stands, from and to, int64 (k, 2).
    """

    path: Path
    categories: Mapping[str, int]
    file_names: list[str]
    sizes: np.ndarray
    annotations: np.ndarray
    images: np.ndarray
    category_ids: np.ndarray
    crowd: np.ndarray
    spans: np.ndarray


def read_instances(path: Path) -> Instances:
    """What an instances file says, without the segmentations.

    Parameters
    ----------
    path : Path
        JSON in UTF-8 with the lists images, annotations and categories, in any order.

    Returns
    -------
    Instances
        Its images, categories and annotations.

    Raises
    ------
    WsssError
        For a missing file, a file that is no JSON or no instances file, a wrong or missing value, an id or a name that
        is there twice, and an annotation of an unknown image or category.
    """
    if not path.is_file():
        raise WsssError(f"missing annotation file: {path}")
    found = _Found(path)
    with path.open("rb") as file:
        pieces = -(-path.stat().st_size // MIB)
        chunks = track(iter(lambda: file.read(MIB), b""), pieces, f"reading {path.name}", "MiB")
        _read_lists(JsonText(path, map(_without_polygons, chunks)), found)
    return found.checked()


def _without_polygons(text: bytes) -> bytes:
    """Put spaces in the place of polygons, which are most of a file: they are not used here, and take long to read.

    A place in the text stays that place. What holds anything but numbers is left, and what the ends of the text cut.
    Whoever paints a polygon reads it.
    """
    return POLYGONS.sub(lambda found: found[1] + b"[" + b" " * (found.end() - found.end(1) - 2) + b"]", text)


def _read_lists(text: JsonText, found: "_Found") -> None:
    takers: dict[str, Callable[[dict[str, Any], Span, int], None]]
    takers = {"images": found.take_image, "annotations": found.take_annotation, "categories": found.take_category}
    if text.next_character() == "[":
        raise WsssError(f"{text.path} is no instances file of COCO: it is a list without {_named(KEYS)}")
    for key in text.members():
        if key in found.keys:
            raise text.damaged(f"the key {key!r} is there twice")
        found.keys.add(key)
        if text.next_character() != "[":
            text.value()
            if key in KEYS:
                raise WsssError(f"{text.path} is no instances file of COCO: {key} is no list")
            continue
        for number, (item, span) in enumerate(text.items(), 1):
            if key not in KEYS:
                continue
            if not isinstance(item, dict):
                raise WsssError(f"{text.path}: number {number} of {key} is no object in braces")
            takers[key](item, span, number)


@dataclass
class _Found:
    """The values of a file as they are read, and their checks."""

    path: Path
    keys: set[str] = field(default_factory=set)
    categories: dict[str, int] = field(default_factory=dict)
    file_names: list[str] = field(default_factory=list)
    image_ids: "array[int]" = field(default_factory=lambda: array("q"))
    sizes: "array[int]" = field(default_factory=lambda: array("q"))
    # Five numbers for each annotation: id, image id, category id, and its place in the file.
    annotations: "array[int]" = field(default_factory=lambda: array("q"))
    crowd: bytearray = field(default_factory=bytearray)

    def take_category(self, item: dict[str, Any], span: Span, number: int) -> None:
        """Keep a category."""
        who = f"category number {number}"
        name, own = item.get("name"), self._id(item, "id", who)
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise self._wrong(who, "name", name, "a text of one line")
        if name in self.categories:
            raise WsssError(f"{self.path}: the category name {name!r} is there twice")
        if own in self.categories.values():
            raise WsssError(f"{self.path}: the category id {own} is there twice")
        self.categories[name] = own

    def take_image(self, item: dict[str, Any], span: Span, number: int) -> None:
        """Keep an image."""
        who = f"image number {number}"
        own = self._id(item, "id", who)
        who = f"image {own}"
        name = item.get("file_name")
        if not isinstance(name, str) or not name:
            raise self._wrong(who, "file_name", name, "a text")
        height, width = (self._id(item, key, who) for key in ("height", "width"))
        if min(height, width) < 1 or height * width > LARGEST_IMAGE:
            raise WsssError(
                f"{self.path}: {who} has height {height} and width {width}; both must be at least 1, and an image has "
                f"at most {LARGEST_IMAGE:,} pixels"
            )
        self.image_ids.append(own)
        self.file_names.append(name)
        self.sizes.extend((height, width))

    def take_annotation(self, item: dict[str, Any], span: Span, number: int) -> None:
        """Keep an annotation, without its segmentation."""
        own = self._id(item, "id", f"annotation number {number}")
        who = f"annotation {own}"
        crowd = item.get("iscrowd")
        if crowd not in (None, 0, 1):
            raise self._wrong(who, "iscrowd", crowd, "0 or 1")
        self.annotations.extend((own, self._id(item, "image_id", who), self._id(item, "category_id", who), *span))
        self.crowd.append(crowd == 1)

    def checked(self) -> Instances:
        """Everything that was read. Raises WsssError for parts that are missing or do not fit each other."""
        missing = [key for key in KEYS if key not in self.keys]
        if missing:
            raise WsssError(f"{self.path} is no instances file of COCO: it has no {_named(missing)}")
        for key, found in (("images", self.file_names), ("annotations", self.crowd), ("categories", self.categories)):
            if not found:
                raise WsssError(f"{self.path}: the list {key} is empty")
        ids, image_ids, category_ids, start, end = np.array(self.annotations, np.int64).reshape(-1, 5).T.copy()
        images = np.array(self.image_ids, np.int64)
        self._check_once("image", images)
        self._check_once("annotation", ids)
        known = np.array(sorted(self.categories.values()), np.int64)
        self._check_known("category_id", ids, category_ids, known, "categories")
        order = np.argsort(images)
        self._check_known("image_id", ids, image_ids, images[order], "images")
        return Instances(
            path=self.path,
            categories=dict(sorted(self.categories.items(), key=lambda item: item[1])),
            file_names=self.file_names,
            sizes=np.array(self.sizes, np.int64).reshape(-1, 2),
            annotations=ids,
            images=order[np.searchsorted(images[order], image_ids)],
            category_ids=category_ids,
            crowd=np.frombuffer(self.crowd, np.uint8).astype(bool),
            spans=np.stack([start, end], axis=1),
        )

    def _check_once(self, what: str, ids: np.ndarray) -> None:
        found, first, counts = np.unique(ids, return_index=True, return_counts=True)
        twice = counts > 1
        if twice.any():
            raise WsssError(
                f"{self.path}: the {what} id {found[twice][np.argmin(first[twice])]} is there twice"
                f"{_others(twice.sum())}: give each {what} its own id"
            )

    def _check_known(self, key: str, ids: np.ndarray, found: np.ndarray, known: np.ndarray, where: str) -> None:
        """Raise WsssError if annotations name something that is not among `known`, which is in ascending order."""
        places = np.minimum(np.searchsorted(known, found), len(known) - 1)
        unknown = np.flatnonzero(known[places] != found)
        if len(unknown):
            first = unknown[0]
            raise WsssError(
                f"{self.path}: annotation {ids[first]} has {key} {found[first]}, which is not in {where}"
                f"{_others(len(unknown))}"
            )

    def _id(self, item: dict[str, Any], key: str, who: str) -> int:
        value = item.get(key)
        if type(value) is not int or abs(value) > LARGEST_ID:
            raise self._wrong(who, key, value, "a whole number")
        return value

    def _wrong(self, who: str, key: str, value: object, wanted: str) -> WsssError:
        if value is None:
            return WsssError(f"{self.path}: {who} has no {key}")
        return WsssError(f"{self.path}: {who} has {key} {str(value)[:60]!r}, not {wanted}")


def _others(count: int) -> str:
    """How many more problems of the same kind there are."""
    return f" (and {count - 1} more)" if count > 1 else ""


def _named(keys: Any) -> str:
    return " and ".join(map(repr, keys))

"""A dataset prepared for the workflow: an index, lists and image-level labels beside the photographs.

<root>/dataset                          a link to the user's folder, or the unpacked archives
<root>/images.tsv                       the index: one row for each image, see `IndexRow`
<root>/copies/<id>.{png,jpg}            upright copies of photographs that need turning, converting or a smaller size
<root>/skipped.tsv                      images that could not be read and were left out, with the reason
<root>/dataset.json                     classes with their values, and classes that are ignored
<root>/image_labels.csv                 image_id and a 0/1 column for each class
<root>/lists/{train,train_scored,val,test}.txt
<root>/masks.tsv                        the manifest of the masks

Every file is compared with its sum when it is read.
"""

import re
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wsss.data.fitted_masks import at_worked_size, stored_sizes, wrong_size
from wsss.data.images import read_image, read_pixels
from wsss.data.index import IndexRow, SkippedImage, read_index, read_skipped
from wsss.data.label_values import LabelValues
from wsss.data.prepared_folder import prepared_folder
from wsss.data.tables import read_description, read_ids, read_image_labels
from wsss.errors import WsssError
from wsss.manifests.checking import checked_content, require_sum
from wsss.manifests.listed_files import ListedFiles
from wsss.manifests.making_again import making_again

# train_scored: the part of train whose masks are scored. test: images without labels, of which only masks are made.
SPLITS = ("train", "train_scored", "val", "test")


class Dataset:
    """A prepared dataset in a folder: lists, image-level labels, sizes, and masks for scores.

    Class 0 is the background. Classes 1..n are `classes` in order.

    Parameters
    ----------
    root : str or Path
        The folder that `wsss.data.preparation.prepare` has written, results/data-<name>-<hash>; or the folder of a
        finished run, such as results/runs/default.

    Raises
    ------
    WsssError
        If there is neither.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = prepared_folder(Path(root))

    def __repr__(self) -> str:
        return f"Dataset({str(self.root)!r})"

    @cached_property
    def description(self) -> dict[str, Any]:
        """Classes and ignored classes with their values, and whether there is a background."""
        return read_description(self.root / "dataset.json")

    @cached_property
    def values(self) -> LabelValues:
        """The value of each class in masks and label images."""
        return LabelValues(**self.description)

    @cached_property
    def classes(self) -> list[str]:
        """Names of the n classes, without the background."""
        return list(self.description["classes"])

    @property
    def has_background(self) -> bool:
        """Whether pixels may belong to no class."""
        return bool(self.description["has_background"])

    @cached_property
    def index(self) -> dict[str, IndexRow]:
        """The row of every listed image, by its id."""
        return read_index(self.root / "images.tsv")

    @cached_property
    def skipped(self) -> list[SkippedImage]:
        """The images that could not be read and were left out."""
        return read_skipped(self.root / "skipped.tsv")

    def ids(self, split: str) -> list[str]:
        """Ids of a split.

        Parameters
        ----------
        split : {"train", "train_scored", "val", "test"}
            The split. `train_scored` is the part of `train` whose masks are scored.

        Returns
        -------
        list[str]
            The ids in the order of their list; empty if the split has none.

        Raises
        ------
        WsssError
            If there is no such split, or the list cannot be read.
        """
        if split not in SPLITS:
            raise WsssError(f"no split {split!r}: there are {', '.join(SPLITS)}")
        return read_ids(self.root / "lists" / f"{split}.txt")

    def scored_ids(self, split: str) -> list[str]:
        """Ids of a split whose images have masks to score with.

        Parameters
        ----------
        split : {"train", "val"}
            The split. Of train, only the images of `train_scored` are scored.

        Returns
        -------
        list[str]
            The ids in the order of their list; empty if there are no masks.
        """
        return [one for one in self.ids(scored_split(split)) if self.index[one].mask]

    def shard(self, split: str, shard: str) -> list[str]:
        """Ids of shard i of n: every n-th id, starting at the i-th.

        Parameters
        ----------
        split : {"train", "train_scored", "val", "test"}
            The split.
        shard : str
            The shard's name, `<i>-of-<n>`, with i in 0..n-1.

        Returns
        -------
        list[str]
            The ids in the order of their list.
        """
        return self.ids(split)[slice(*_start_and_step(shard))]

    def scored_shard(self, split: str, shard: str) -> list[str]:
        """As `shard`, of the images of a split that have masks.

        Parameters
        ----------
        split : {"train", "val"}
            The split; see `scored_ids`.
        shard : str
            The shard's name, `<i>-of-<n>`, with i in 0..n-1.

        Returns
        -------
        list[str]
            The ids in the order of their list.
        """
        return self.scored_ids(split)[slice(*_start_and_step(shard))]

    def image_path(self, image_id: str) -> Path:
        """The path of the image that is worked on: the photograph's file, or its upright copy.

        Parameters
        ----------
        image_id : str
            An id of one of the lists.

        Returns
        -------
        Path
            A file that `wsss.data.images.read_image` reads.

        Raises
        ------
        WsssError
            If the dataset has no such image.
        """
        row = self._row(image_id)
        return self.root / (row.copy or row.file)

    def image(self, image_id: str) -> Image.Image:
        """The image that is worked on, if its file is the one that was indexed.

        Parameters
        ----------
        image_id : str
            An id of one of the lists.

        Returns
        -------
        Image.Image
            The image in RGB, 8 bits a channel.

        Raises
        ------
        WsssError
            If the dataset has no such image, or the file is missing, damaged or another one.
        """
        return read_image(self.image_path(image_id), self._image_content(image_id))

    def pixels(self, image_id: str) -> np.ndarray:
        """As `image`, as uint8 (height, width, 3), and for JPEG files in two thirds of the time."""
        return read_pixels(self.image_path(image_id), self._image_content(image_id))

    def photograph_path(self, image_id: str) -> Path:
        """The path of the photograph itself, before it was turned or made smaller; see `image` for what is checked."""
        row = self._row(image_id)
        require_sum(self.root / row.file, row.sha256, "photograph", replaced(self.root / "images.tsv"))
        return self.root / row.file

    def _image_content(self, image_id: str) -> bytes:
        path, row = self.image_path(image_id), self._row(image_id)
        index = self.root / "images.tsv"
        if row.copy:
            return checked_content(path, row.copy_sha256, "copy of a photograph", making_again(index))
        return checked_content(path, row.sha256, "photograph", replaced(index))

    @cached_property
    def image_labels(self) -> dict[str, np.ndarray]:
        """Image-level labels: image id to float32 zeros and ones of shape (n,)."""
        return read_image_labels(self.root / "image_labels.csv", self.classes)

    def present(self, image_id: str) -> np.ndarray:
        """Numbers of the classes in the image-level label of an image.

        Parameters
        ----------
        image_id : str
            An id of train or val.

        Returns
        -------
        np.ndarray
            Class numbers from 0 among the n classes, without the background: int64 (k,), ascending.

        Raises
        ------
        WsssError
            If the dataset has no such image, or the image has no label.
        """
        if image_id not in self.image_labels:
            raise WsssError(f"image {self._row(image_id).id} has no image-level label: it is of neither train nor val")
        return np.flatnonzero(self.image_labels[image_id]).astype(np.int64)

    @cached_property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Height and width of every listed image as it is worked on, in pixels, by its id."""
        return {image_id: row.size for image_id, row in self.index.items()}

    def truth(self, image_id: str) -> np.ndarray:
        """Ground-truth labels of an image. Only scores, figures and fully supervised runs may use them.

        Parameters
        ----------
        image_id : str
            An id of one of the lists, with a mask.

        Returns
        -------
        np.ndarray
            Labels, uint8 (height, width) of the image that is worked on: 0 background, 1..n classes, 255 ignored.

        Raises
        ------
        WsssError
            If the dataset has no such image, or its mask is missing, cannot be read, has another size than its
            photograph, or holds a value without a meaning.
        """
        row = self._row(image_id)
        if not row.mask:
            raise WsssError(f"image {image_id} ({row.file}) has no mask: add one, or take it out of what is scored")
        content = checked_content(
            self.root / row.mask, self._mask_sums[image_id], "mask", replaced(self.root / "images.tsv")
        )
        return truth_of(self.root / row.mask, row, self.values, content=content)

    @cached_property
    def _mask_sums(self) -> dict[str, str]:
        """The sums of the masks by image."""
        return {one: row.sha256 for one, row in ListedFiles(self.root / "masks.tsv").rows.items()}

    def _row(self, image_id: str) -> IndexRow:
        if image_id not in self.index:
            near = get_close_matches(str(image_id), self.index) or list(self.index)[:3]
            raise WsssError(f"{self.root} has no image {image_id!r}; ids are like {', '.join(near)}")
        return self.index[image_id]


def truth_of(
    path: Path, row: IndexRow, values: LabelValues, remedy: str = "replace the mask", content: bytes | None = None
) -> np.ndarray:
    """Class numbers of a mask at the size that its image is worked on; see `Dataset.truth`.

    A mask of the size that the photograph has before it is turned upright is turned with it. `remedy` is the way out,
    for the message about a mask of another size.
    """
    labels = values.read(path, content)
    if labels.shape not in stored_sizes(row):
        raise wrong_size(path, labels.shape, row, remedy)
    return at_worked_size(labels, row)


def replaced(index: Path) -> str:
    """What to do about a photograph or a mask that is not the one that was indexed."""
    return f"put back the file that was indexed, or take the one that is there: {making_again(index)}, the index"


def scored_split(split: str) -> str:
    """The list of ids that is used for a split when masks are read."""
    return "train_scored" if split == "train" else split


def _start_and_step(shard: str) -> tuple[int, None, int]:
    numbers = re.fullmatch(r"(\d+)-of-(\d+)", shard)
    if numbers is None or int(numbers[1]) >= int(numbers[2]):
        raise WsssError(f"no shard {shard!r}: the first of two is 0-of-2, the second 1-of-2")
    return int(numbers[1]), None, int(numbers[2])

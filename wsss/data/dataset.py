"""A dataset prepared for the workflow: lists, image-level labels and an index of images beside a VOC-style folder.

<root>/dataset/JPEGImages/<id>.jpg, dataset/SegmentationClass[Aug]/<id>.png     images and, for scores only, masks
<root>/dataset.json                     classes with their mask values, and classes that are ignored
<root>/images.tsv                       id, height, width and SHA-256 of every listed image
<root>/image_labels.csv                 image_id and a 0/1 column for each class
<root>/lists/{train,train_scored,val}.txt
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from wsss.data.images import IGNORE, read_labels
from wsss.data.lists import read_list, whole_line
from wsss.errors import WsssError

SPLITS = ("train", "train_scored", "val")
UNKNOWN = 254


@dataclass(frozen=True)
class Dataset:
    """A prepared dataset in a folder: lists, image-level labels, sizes, and masks for scores.

    Class 0 is the background. Classes 1..n are `classes` in order.

    Parameters
    ----------
    root : Path
        The folder that `wsss.data.preparation.prepare` has written.
    """

    root: Path

    @cached_property
    def description(self) -> dict[str, dict[str, int]]:
        """Mask values of the classes and of the ignored classes."""
        path = self.root / "dataset.json"
        try:
            content = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            again = f"delete {self.root / 'images.tsv'} and run the workflow again"
            raise WsssError(f"{path} cannot be read ({error}): {again}") from None
        return {"classes": content["classes"], "ignored_classes": content["ignored_classes"]}

    @cached_property
    def classes(self) -> list[str]:
        """Names of the n classes, without the background."""
        return list(self.description["classes"])

    def ids(self, split: str) -> list[str]:
        """Ids of a split.

        Parameters
        ----------
        split : {"train", "train_scored", "val"}
            The split. `train_scored` is the part of `train` whose masks are scored.

        Returns
        -------
        list[str]
            The ids in the order of their list.
        """
        return read_list(self.root / "lists" / f"{split}.txt", whole_line)

    def shard(self, split: str, shard: str) -> list[str]:
        """Ids of shard i of n: every n-th id, starting at the i-th.

        Parameters
        ----------
        split : {"train", "train_scored", "val"}
            The split.
        shard : str
            The shard's name, `<i>-of-<n>`, with i in 0..n-1.

        Returns
        -------
        list[str]
            The ids in the order of their list.
        """
        index, count = (int(part) for part in shard.split("-of-"))
        return self.ids(split)[index::count]

    def image_path(self, image_id: str) -> Path:
        """The path of a photograph.

        Parameters
        ----------
        image_id : str
            An id of one of the lists.

        Returns
        -------
        Path
            `<root>/dataset/JPEGImages/<id>.jpg`.
        """
        return self.root / "dataset" / "JPEGImages" / f"{image_id}.jpg"

    @cached_property
    def image_labels(self) -> dict[str, np.ndarray]:
        """Image-level labels: image id to float32 zeros and ones of shape (n,)."""
        # Imported here, because importing pandas takes a third of a second and most steps read no image-level label.
        import pandas as pd

        table = pd.read_csv(self.root / "image_labels.csv", dtype={"image_id": str}).set_index("image_id")
        return dict(zip(table.index, table[self.classes].to_numpy(np.float32), strict=True))

    def present(self, image_id: str) -> np.ndarray:
        """Numbers of the classes in the image-level label of an image.

        Parameters
        ----------
        image_id : str
            An id of one of the lists.

        Returns
        -------
        np.ndarray
            Class numbers from 0 among the n classes, without the background: int64 (k,), ascending.
        """
        return np.flatnonzero(self.image_labels[image_id]).astype(np.int64)

    @cached_property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Height and width of every listed image, in pixels, by its id."""
        rows = (line.split("\t") for line in (self.root / "images.tsv").read_text().splitlines()[1:])
        return {image_id: (int(height), int(width)) for image_id, height, width, _ in rows}

    def truth(self, image_id: str) -> np.ndarray:
        """Ground-truth labels of an image. Only scores, figures and fully supervised runs may use them.

        Parameters
        ----------
        image_id : str
            An id of one of the lists.

        Returns
        -------
        np.ndarray
            Labels, uint8 (height, width): 0 background, 1..n classes, 255 ignored.

        Raises
        ------
        WsssError
            If the mask cannot be read, or has a value that is neither a class, an ignored class, 0 nor 255.
        """
        path = mask_path(self.root / "dataset", image_id)
        labels: np.ndarray = self._truth_table[read_labels(path)]
        if (labels == UNKNOWN).any():
            raise WsssError(f"{path} holds a value that is neither a class, an ignored class, 0 nor 255")
        return labels

    @cached_property
    def _truth_table(self) -> np.ndarray:
        table = np.full(256, UNKNOWN, np.uint8)
        table[0], table[255] = 0, IGNORE
        for number, value in enumerate(self.description["classes"].values(), 1):
            table[value] = number
        for value in self.description["ignored_classes"].values():
            table[value] = IGNORE
        return table


def scored_split(split: str) -> str:
    """The list of ids that is used for a split when masks are read."""
    return "train_scored" if split == "train" else split


def mask_path(dataset: Path, image_id: str) -> Path:
    """The path of a mask: in SegmentationClassAug if that folder exists, else in SegmentationClass."""
    augmented = dataset / "SegmentationClassAug"
    return (augmented if augmented.is_dir() else dataset / "SegmentationClass") / f"{image_id}.png"

"""Pseudo labels that were made elsewhere: label images of a folder, checked, and written as this project's own."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wsss.data.brought_files import refuse_all
from wsss.data.dataset import Dataset
from wsss.data.fitted_masks import at_worked_size, stored_sizes, wrong_size
from wsss.data.image_files import files_of_images
from wsss.errors import WsssError
from wsss.progress import track
from wsss.refinement.label_file_values import PixelMeaning
from wsss.settings.label_files import LabelFileSettings
from wsss.stores.label_images import write_label_shard

logger = logging.getLogger("wsss")


class Look(NamedTuple):
    """What was found in the label image of an image: what is wrong, and the numbers of the classes in it."""

    faults: list[str]
    classes: set[int]


class LabelFiles:
    """Label images of a folder, read as labels of the images of a dataset. They may be read in several threads.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    folder : Path
        The folder.
    settings : LabelFileSettings
        What the pixels hold.
    """

    def __init__(self, dataset: Dataset, folder: Path, settings: LabelFileSettings) -> None:
        if not folder.is_dir():
            raise WsssError(
                f"no folder {folder}: set locations.pseudo_labels.{settings.name} to that of the label images"
            )
        self.meaning = PixelMeaning.of(dataset.values, settings)
        self._classes = range(1, len(dataset.classes) + 1)
        self._index = dataset.index
        self._files = files_of_images(dataset.index, folder, ".png")

    def labels(self, image_id: str) -> np.ndarray:
        """Labels of an image at the size that is worked on, uint8 (h, w): 0 background, 1..n classes, 255 ignored.

        Raises WsssError, naming all that is wrong with the file.
        """
        numbers, faults = self._read(image_id)
        if faults:
            raise WsssError("\n".join(faults))
        return at_worked_size(numbers, self._index[image_id])

    def look(self, image_id: str) -> Look:
        """What is wrong with the label image of an image, and which classes are in it."""
        numbers, faults = self._read(image_id)
        return Look(faults, {*np.unique(numbers).tolist()} & {*self._classes})

    def _read(self, image_id: str) -> tuple[np.ndarray, list[str]]:
        """Class numbers of a file at its own size, and what is wrong with it. Without a usable file, they are empty."""
        row, path = self._index[image_id], self._files[image_id]
        try:
            if isinstance(path, WsssError):
                raise path
            numbers, strange = self.meaning.numbers(path)
        except WsssError as error:
            return np.zeros((0, 0), np.uint8), [str(error)]
        faults = [f"{path} holds {strange}"] if strange else []
        if numbers.shape not in (row.size, *stored_sizes(row)):
            worked = (
                "" if row.size == row.full_size else f", or {row.size[0]} x {row.size[1]}, at which it is worked on"
            )
            faults.append(
                str(wrong_size(path, numbers.shape, row, f"make the labels at the photograph's size{worked}"))
            )
        return numbers, faults


def check_label_files(dataset: Dataset, folder: Path, settings: LabelFileSettings, workers: int = 1) -> None:
    """Read the label image of every image of train once, so that all faults are found before any training starts.

    A class that images of train have, and that is in no label image, is a fault. A label image with a class that its
    image does not have is none: other methods may make such labels. These images are counted in the log.

    Parameters
    ----------
    dataset : Dataset
        The prepared dataset.
    folder : Path
        The folder of the label images.
    settings : LabelFileSettings
        What their pixels hold.
    workers : int
        Threads that read label images, at least 1.

    Raises
    ------
    WsssError
        If there is no such folder, the settings do not fit the classes, label images are missing, damaged, of another
        size or ambiguous, hold values that are no class, or lack a class. The first faults are named, and the others
        counted.
    """
    files = LabelFiles(dataset, folder, settings)
    ids = dataset.ids("train")
    with ThreadPoolExecutor(workers) as pool:
        looks = dict(zip(ids, track(pool.map(files.look, ids), len(ids), "checking label images"), strict=True))
    faults = [*_missing_classes(dataset, looks), *(fault for look in looks.values() for fault in look.faults)]
    refuse_all(
        f"{folder}: {len(faults)} faults in the label images of {settings.name} for {len(ids)} images of train:",
        faults,
        f"correct the files or pseudo_labels.values, by which pixels hold: {files.meaning.legend}",
    )
    _tell_of_other_classes(dataset, looks)


def write_label_file_shard(
    dataset: Dataset, ids: Sequence[str], folder: Path, settings: LabelFileSettings, stage_folder: Path, manifest: Path
) -> None:
    """Write the label images of a shard as this project's own, at the size that is worked on.

    Parameters
    ----------
    dataset : Dataset
        The prepared dataset.
    ids : Sequence[str]
        The images of the shard.
    folder : Path
        The folder of the label images.
    settings : LabelFileSettings
        What their pixels hold.
    stage_folder : Path
        The folder of the stage. The label images go into labels/ below it, with the values of the config.
    manifest : Path
        The manifest of the shard, which is written last.

    Raises
    ------
    WsssError
        If there is no such folder, the settings do not fit the classes, or a label image of the shard is missing,
        damaged, of another size or ambiguous, or holds values that are no class.
    """
    files = LabelFiles(dataset, folder, settings)
    write_label_shard(dataset.values, ids, files.labels, stage_folder, manifest, "taking label images")


def _missing_classes(dataset: Dataset, looks: dict[str, Look]) -> Iterator[str]:
    """The classes of images of train that no label image holds, in one line, if any label image could be read."""
    if not any(look.classes or not look.faults for look in looks.values()):
        return
    labelled = set().union(*(look.classes for look in looks.values()))
    wanted = {int(number) + 1 for image_id in looks for number in dataset.present(image_id)}
    if missing := sorted(wanted - labelled):
        names = ", ".join(dataset.classes[number - 1] for number in missing)
        yield (
            f"no label image holds {names}, and images of train have these classes: correct pseudo_labels.values, or "
            "take them out of data.classes"
        )


def _tell_of_other_classes(dataset: Dataset, looks: dict[str, Look]) -> None:
    """Say in the log how many label images hold classes that the image-level label of their image does not have."""
    others = {image_id: look.classes - {*(dataset.present(image_id) + 1).tolist()} for image_id, look in looks.items()}
    found = [image_id for image_id, classes in others.items() if classes]
    if found:
        logger.warning(
            "%d of %d label images hold classes that their image does not have by its image-level label, the first is "
            "%s (%s). They are trained on as they are. If these are most, correct pseudo_labels.values",
            len(found),
            len(looks),
            found[0],
            ", ".join(dataset.classes[number - 1] for number in sorted(others[found[0]])),
        )

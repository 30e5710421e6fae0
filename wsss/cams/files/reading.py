"""Reads the CAMs of one image from files that were made elsewhere."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from wsss.cams.files.class_images import read_class_image
from wsss.cams.files.class_labels import ClassLabels
from wsss.cams.files.finished import ImageFacts, finished_maps
from wsss.cams.files.found import CamFolder
from wsss.cams.files.maps import maps_of_content
from wsss.cams.files.own_stores import read_own_store
from wsss.data.dataset import Dataset
from wsss.data.npy_dictionaries import read_npy_dictionary
from wsss.data.npz_arrays import read_npz_arrays
from wsss.errors import WsssError
from wsss.files import sha256_of
from wsss.settings.cam_files import ENDINGS, CamFileSettings
from wsss.stores.cam_store import CamStore, strided_size

# A file may hold three arrays of all classes in float64, and what is around them.
BYTES_OF_PIXEL, BYTES_AROUND = 3 * 8, 2**20


@dataclass(frozen=True)
class CamFileReader:
    """Reads the CAM files of a dataset's images. `read` may run in several threads.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    folder : Path
        The folder of the files.
    settings : CamFileSettings
        Their format, and what their numbers mean.
    """

    dataset: Dataset
    folder: Path
    settings: CamFileSettings

    @cached_property
    def files(self) -> CamFolder:
        """The files, by image."""
        return CamFolder(self.dataset, self.folder)

    @cached_property
    def labels(self) -> ClassLabels:
        """What names and numbers of classes mean."""
        return ClassLabels(self.dataset, self.settings.numbers)

    def read(self, image_id: str) -> CamStore:
        """The CAMs of an image.

        Parameters
        ----------
        image_id : str
            An image of train or val.

        Returns
        -------
        CamStore
            The CAMs of the image's classes. Those of another method are finished maps in 0..1; this project's own are
            as they were. `weights` is the sum of the file; of PNG files, the sum of their names and sums.

        Raises
        ------
        WsssError
            Naming the image's file and everything that is wrong with it. An image without classes needs no file.
        """
        paths = self._paths(image_id)
        if not paths:
            return self._without_file(image_id)
        try:
            return self._read(image_id, paths)
        except OSError as error:
            raise WsssError(f"{next(iter(paths.values()))} cannot be read: {error.strerror}") from None

    def _read(self, image_id: str, paths: Mapping[str, Path]) -> CamStore:
        where = next(iter(paths.values()))
        facts = self._facts(image_id)
        most_bytes = BYTES_AROUND + self.labels.most_rows * math.prod(facts.full_size) * BYTES_OF_PIXEL
        if where.stat().st_size > most_bytes:
            raise WsssError(
                f"{where} is larger than CAMs of this image can be ({most_bytes} bytes): is it the right file?"
            )
        if self.settings.format == "store":
            return read_own_store(where, image_id, self.dataset, most_bytes)
        content = self._content(paths, most_bytes, math.prod(facts.full_size))
        try:
            maps = maps_of_content(content, self.settings.array)
            finished = finished_maps(maps, facts, self.labels, self.settings)
        except WsssError as error:
            raise WsssError(f"{where}: {error}") from None
        return self._store(image_id, finished, list(paths.values()))

    def _paths(self, image_id: str) -> Mapping[str, Path]:
        """The files of an image; PNG files by their class."""
        if self.settings.format == "png":
            return self.files.class_images(image_id)
        path = self.files.file(image_id, self.settings.format)
        return {} if path is None else {"": path}

    def _content(self, paths: Mapping[str, Path], most_bytes: int, most_pixels: int) -> dict[Any, Any]:
        """Arrays by their names, or by their classes."""
        if self.settings.format == "png":
            return {label: read_class_image(path, most_pixels) for label, path in paths.items()}
        (path,) = paths.values()
        return read_npy_dictionary(path) if self.settings.format == "irn" else read_npz_arrays(path, most_bytes)

    def _facts(self, image_id: str) -> ImageFacts:
        return ImageFacts(
            self.dataset.present(image_id), self.dataset.sizes[image_id], self.dataset.index[image_id].full_size
        )

    def _without_file(self, image_id: str) -> CamStore:
        """The CAMs of an image that has no class. Raises WsssError if it has one."""
        present = self.dataset.present(image_id)
        if present.size:
            named = f"{image_id}_<class>" if self.settings.format == "png" else image_id
            raise WsssError(f"missing file: {self.folder / named}{ENDINGS[self.settings.format]}")
        return self._store(image_id, [], [])

    def _store(self, image_id: str, maps: Sequence[np.ndarray], paths: Sequence[Path]) -> CamStore:
        size, keys = self.dataset.sizes[image_id], self.dataset.present(image_id)
        cams = [one.astype(self.settings.store_dtype) for one in maps or [np.zeros((0, *strided_size(size)))]]
        return CamStore(image_id, size, keys, (1.0,) * len(cams), cams, _sum(paths), finished=True)


def _sum(paths: Sequence[Path]) -> str:
    """The SHA-256 of a file; of several files, that of their names and sums."""
    if len(paths) == 1:
        return sha256_of(paths[0])
    return hashlib.sha256("".join(f"{path.name} {sha256_of(path)}\n" for path in paths).encode()).hexdigest()

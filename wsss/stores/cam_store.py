"""Class activation maps of one image, stored at the network's resolution, and the two sizes made from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from wsss.data.finite import require_finite
from wsss.errors import WsssError, reason_of
from wsss.manifests.listed_files import ListedFiles
from wsss.stores.image_store import NOT_FINITE, REMEDY, ImageArrays, listed_store, read_store, write_store
from wsss.stores.resize import resize_stored

KIND = "cam"


@dataclass(frozen=True)
class CamStore:
    """CAMs of one image: after ReLU and joining with the mirror's, but before resizing, sum over scales and division.

    Parameters
    ----------
    image_id : str
        The id of the image.
    size : tuple[int, int]
        (height, width) of the image in pixels.
    keys : np.ndarray
        The n classes of the image, int64 (n,), from 0 without the background, ascending.
    scales : tuple[float, ...]
        The scale of each array of `cams`.
    cams : Sequence[np.ndarray]
        An array for each scale, float16 or float32 (n, h_s, w_s), non-negative.
    weights : str
        SHA-256 of the classifier's weights, or of the file that the maps come from.
    finished : bool
        Whether the arrays are finished maps in 0..1, of a method outside this project. Each size is then made from the
        array that is nearest in size, without sum and division.

    Raises
    ------
    WsssError
        If the arrays are not one map of each class at each scale, or a value is not finite.
    """

    image_id: str
    size: tuple[int, int]
    keys: np.ndarray
    scales: tuple[float, ...]
    cams: Sequence[np.ndarray]
    weights: str
    finished: bool = False

    def __post_init__(self) -> None:
        shapes = [cam.shape for cam in self.cams]
        if len(shapes) != len(self.scales) or not all(
            len(shape) == 3 and shape[0] == len(self.keys) and all(shape[1:]) for shape in shapes
        ):
            raise WsssError(
                f"CAMs of image {self.image_id}: arrays of {shapes} are no maps of {len(self.keys)} classes at "
                f"{len(self.scales)} scales"
            )
        for scale, cam in zip(self.scales, self.cams, strict=True):
            require_finite(f"CAMs of image {self.image_id} at scale {scale:g}", cam, NOT_FINITE)

    def write(self, path: Path) -> None:
        """Write the store, completely or not at all.

        Parameters
        ----------
        path : Path
            The file, a zarr v3 store in a zip file.
        """
        arrays = {f"scale_{number}": cam for number, cam in enumerate(self.cams)}
        attributes = {
            "size": list(self.size),
            "keys": [int(key) for key in self.keys],
            "scales": list(self.scales),
            "weights": self.weights,
            **({"finished": True} if self.finished else {}),
        }
        write_store(path, KIND, self.image_id, arrays, attributes)

    @classmethod
    def read(cls, path: str | Path, image_id: str) -> Self:
        """Read the store of an image.

        Parameters
        ----------
        path : str or Path
            The file.
        image_id : str
            The id that the store must have.

        Returns
        -------
        Self
            The store.

        Raises
        ------
        WsssError
            If the store is missing, truncated, or of another image.
        """
        return cls._of(read_store(Path(path), KIND, image_id), image_id, str(path))

    @classmethod
    def listed(cls, stores: ListedFiles, image_id: str) -> Self:
        """Read the store of an image from a stage. It is compared with the sum in the stage's manifest.

        Parameters
        ----------
        stores : ListedFiles
            The stores of a split or a shard.
        image_id : str
            The image.

        Returns
        -------
        Self
            The store.

        Raises
        ------
        WsssError
            If the store is missing or damaged, or the manifest does not list the image.
        """
        return cls._of(listed_store(stores, KIND, image_id), image_id, str(stores.path(image_id)))

    @classmethod
    def _of(cls, content: ImageArrays, image_id: str, path: str) -> Self:
        facts = content.attributes
        try:
            return cls(
                image_id,
                (facts["size"][0], facts["size"][1]),
                np.asarray(facts["keys"], np.int64),
                tuple(facts["scales"]),
                [content.arrays[f"scale_{number}"] for number in range(len(content.arrays))],
                facts["weights"],
                facts.get("finished", False),
            )
        except (WsssError, LookupError, ValueError, TypeError) as error:
            raise WsssError(f"damaged store: {path} ({reason_of(error)}); {REMEDY}") from None

    def strided(self) -> np.ndarray:
        """CAMs at a quarter of the image's size.

        Returns
        -------
        np.ndarray
            float32 (n, (H-1)//4+1, (W-1)//4+1) in 0..1, each class divided by its maximum + 1e-5. Finished maps are not
            divided.
        """
        return self._view(strided_size(self.size))

    def full(self) -> np.ndarray:
        """CAMs at the image's size.

        Returns
        -------
        np.ndarray
            float32 (n, H, W) in 0..1, each class divided by its maximum + 1e-5. Finished maps are not divided.
        """
        return self._view(self.size)

    def _view(self, size: tuple[int, int]) -> np.ndarray:
        if self.finished:
            return resize_stored(min(self.cams, key=lambda cam: abs(cam.shape[1] - size[0])), size)
        total = np.zeros((len(self.keys), *size), np.float32)
        for cam in self.cams:
            total += resize_stored(cam, size)
        joined: np.ndarray = total / (total.max(axis=(1, 2), keepdims=True) + np.float32(1e-5))
        return joined


def strided_size(size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the CAMs at a quarter of an image's size."""
    return (size[0] - 1) // 4 + 1, (size[1] - 1) // 4 + 1

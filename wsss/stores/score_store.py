"""Class scores of one image, stored at the network's resolution, and probabilities and labels made from them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from wsss.data.finite import require_finite
from wsss.errors import WsssError
from wsss.manifests.listed_files import ListedFiles
from wsss.stores.image_store import NOT_FINITE, REMEDY, ImageArrays, listed_store, read_store, write_store
from wsss.stores.resize import resize_stored

KIND = "score"


@dataclass(frozen=True)
class ScoreStore:
    """Logits of a segmentation network for one image, after the maximum over its input scales.

    Parameters
    ----------
    image_id : str
        The id of the image.
    size : tuple[int, int]
        (height, width) of the image in pixels.
    logits : np.ndarray
        float16 or float32 (n, h, w), background first.
    weights : str
        SHA-256 of the network's weights.

    Raises
    ------
    WsssError
        If a value is not finite.
    """

    image_id: str
    size: tuple[int, int]
    logits: np.ndarray
    weights: str

    def __post_init__(self) -> None:
        require_finite(f"scores of image {self.image_id}", self.logits, NOT_FINITE)

    def write(self, path: Path) -> None:
        """Write the store, completely or not at all.

        Parameters
        ----------
        path : Path
            The file, a zarr v3 store in a zip file.
        """
        attributes = {"size": list(self.size), "weights": self.weights}
        write_store(path, KIND, self.image_id, {"logits": self.logits}, attributes)

    @classmethod
    def read(cls, path: Path, image_id: str) -> Self:
        """Read the store of an image.

        Parameters
        ----------
        path : Path
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
        return cls._of(read_store(path, KIND, image_id), image_id, path)

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
        return cls._of(listed_store(stores, KIND, image_id), image_id, stores.path(image_id))

    @classmethod
    def _of(cls, content: ImageArrays, image_id: str, path: Path) -> Self:
        facts = content.attributes
        try:
            return cls(image_id, (facts["size"][0], facts["size"][1]), content.arrays["logits"], facts["weights"])
        except (LookupError, TypeError) as error:
            raise WsssError(f"damaged store: {path} ({error!r}); {REMEDY}") from None

    def full(self) -> np.ndarray:
        """Probabilities at the image's size: the softmax of the resized logits.

        Returns
        -------
        np.ndarray
            float32 (n, H, W) in 0..1, summing to 1 at each pixel.
        """
        scores = resize_stored(self.logits, self.size)
        exponentials = np.exp(scores - scores.max(axis=0))
        probabilities: np.ndarray = exponentials / exponentials.sum(axis=0)
        return probabilities

    def labels(self) -> np.ndarray:
        """The most probable class of each pixel. Among equals, the one with the lowest number.

        Returns
        -------
        np.ndarray
            Labels, uint8 (H, W), 0..n-1.
        """
        labels: np.ndarray = resize_stored(self.logits, self.size).argmax(axis=0).astype(np.uint8)
        return labels

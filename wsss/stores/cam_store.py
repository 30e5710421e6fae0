"""Class activation maps of one image, stored at the network's own resolution, and the two views made from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from wsss.stores.image_store import read_store, write_store
from wsss.stores.resize import resize_stored

KIND = "cam"


@dataclass(frozen=True)
class CamStore:
    """CAMs after ReLU and after the maximum with the mirror's, before they are resized, summed and normalised.

    `cams`: an array for each scale, (n, h_s, w_s), float16 or float32, non-negative; `keys`: the n classes of the image
    (0-based, ascending); `size`: (height, width) of the image in pixels; `weights`: digest of the classifier's weights.
    """

    image_id: str
    size: tuple[int, int]
    keys: np.ndarray
    scales: tuple[float, ...]
    cams: Sequence[np.ndarray]
    weights: str

    def write(self, path: Path) -> None:
        """Write the store, whole or not at all."""
        arrays = {f"scale_{number}": cam for number, cam in enumerate(self.cams)}
        attributes = {
            "size": list(self.size),
            "keys": [int(key) for key in self.keys],
            "scales": list(self.scales),
            "weights": self.weights,
        }
        write_store(path, KIND, self.image_id, arrays, attributes)

    @classmethod
    def read(cls, path: Path, image_id: str) -> Self:
        """Read the store of `image_id`. Raises WsssError where it is missing, truncated, or another image's."""
        content = read_store(path, KIND, image_id)
        facts = content.attributes
        return cls(
            image_id,
            (facts["size"][0], facts["size"][1]),
            np.asarray(facts["keys"], np.int64),
            tuple(facts["scales"]),
            [content.arrays[f"scale_{number}"] for number in range(len(facts["scales"]))],
            facts["weights"],
        )

    def strided(self) -> np.ndarray:
        """CAMs at a quarter of the image's size, float32 (n, (H-1)//4+1, (W-1)//4+1), each over its maximum + 1e-5."""
        height, width = self.size
        return self._joined(((height - 1) // 4 + 1, (width - 1) // 4 + 1))

    def full(self) -> np.ndarray:
        """CAMs at the image's size, float32 (n, H, W), each divided by its maximum + 1e-5."""
        return self._joined(self.size)

    def _joined(self, size: tuple[int, int]) -> np.ndarray:
        total = np.zeros((len(self.keys), *size), np.float32)
        for cam in self.cams:
            total += resize_stored(cam, size)
        joined: np.ndarray = total / (total.max(axis=(1, 2), keepdims=True) + np.float32(1e-5))
        return joined

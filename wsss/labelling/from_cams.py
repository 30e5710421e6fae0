"""Labels of an image from its photograph and its stored CAMs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path


def labels_from_cams(
    dataset: Dataset, cams: Path, label: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
) -> Callable[[str], np.ndarray]:
    """A function from an image id to its labels, which are `label(image, full-size CAMs, keys)`."""

    def labels_of(image_id: str) -> np.ndarray:
        image = np.asarray(read_image(dataset.image_path(image_id)))
        store = CamStore.read(store_path(cams, image_id), image_id)
        return label(image, store.full(), store.keys)

    return labels_of

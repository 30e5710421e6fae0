"""Labels of an image from its photograph and its stored CAMs."""

from collections.abc import Callable

import numpy as np

from wsss.data.dataset import Dataset
from wsss.manifests.listed_files import ListedFiles
from wsss.stores.cam_store import CamStore


def labels_from_cams(
    dataset: Dataset, cams: ListedFiles, label: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
) -> Callable[[str], np.ndarray]:
    """A function from an image id to its labels, which are `label(image, full-size CAMs, keys)`."""

    def labels_of(image_id: str) -> np.ndarray:
        image = np.asarray(dataset.image(image_id))
        store = CamStore.listed(cams, image_id)
        return label(image, store.full(), store.keys)

    return labels_of

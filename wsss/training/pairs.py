"""Training samples of IRNet and DeepLabV2: photographs with label images of an earlier stage, augmented together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from wsss.data.augmentation import Normalisation, augmented_pair
from wsss.data.dataset import Dataset
from wsss.manifests.listed_files import ListedFiles
from wsss.stores.label_images import listed_labels
from wsss.training.loop import rng_for


@dataclass(frozen=True)
class TrainingPairs:
    """Normalised photographs (3, crop, crop) with their labels (crop, crop), uint8, 255 ignored.

    `labels`: the label images. `draw_scale` gives the factor of a photograph's size. It is sent to
    loader processes, so it cannot be a lambda.
    """

    dataset: Dataset
    ids: Sequence[str]
    labels: ListedFiles
    crop: int
    normalisation: Normalisation
    draw_scale: Callable[[np.random.Generator], float]
    seed: int

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        epoch, index = key
        rng = rng_for(self.seed, epoch, index)
        scale = self.draw_scale(rng)
        image_id = self.ids[index]
        image = self.dataset.pixels(image_id)
        labels = listed_labels(self.labels, image_id, self.dataset.values, image.shape[:2])
        return augmented_pair(image, labels, scale, self.crop, self.normalisation, rng)

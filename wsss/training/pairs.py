"""Training samples of IRNet and DeepLabV2: photographs with label images of an earlier stage, augmented together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from wsss.data.augmentation import Normalisation, augmented_pair
from wsss.data.dataset import Dataset
from wsss.data.images import read_pixels
from wsss.stores.label_images import label_path
from wsss.training.loop import rng_for


@dataclass(frozen=True)
class TrainingPairs:
    """Normalised photographs (3, crop, crop) with their labels (crop, crop), uint8, 255 ignored.

    `labels`: the stage folder of the label images. `draw_scale` gives the factor of a photograph's size. It is sent to
    loader processes, so it cannot be a lambda.
    """

    dataset: Dataset
    ids: Sequence[str]
    labels: Path
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
        image = read_pixels(self.dataset.image_path(self.ids[index]))
        labels = self.dataset.values.read(label_path(self.labels, self.ids[index]))
        return augmented_pair(image, labels, scale, self.crop, self.normalisation, rng)

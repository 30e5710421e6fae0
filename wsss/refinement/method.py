"""What every refinement is, and what it may find of the trainings before it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from wsss.settings.irnet import IrnetSettings
from wsss.stores.cam_store import CamStore


@dataclass(frozen=True)
class IrnetTraining:
    """A trained IRNet: its settings, the weights that its trunk starts from and keeps, and those of its branches."""

    settings: IrnetSettings
    initial_weights: Path
    edge_weights: Path


@dataclass(frozen=True)
class Trainings:
    """What trainings left for a refinement. A method reads those that `needs` of its settings names."""

    irnet: IrnetTraining | None = None


class Refinement(Protocol):
    """A method that turns the CAMs of an image into labels to train a segmentation network on."""

    def refine(self, image: np.ndarray, store: CamStore) -> np.ndarray:
        """Labels, uint8 (H, W): 0 background, keys + 1, 255 left out; `image`: uint8 RGB (H, W, 3), only read.

        Without classes, or with CAMs that are 0 everywhere, all is background. Equal input gives equal labels.
        """

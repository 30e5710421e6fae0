"""What every refinement is, and what it may find of the trainings before it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from wsss.settings.irnet import IrnetSettings
from wsss.stores.cam_store import CamStore


@dataclass(frozen=True)
class IrnetTraining:
    """A trained IRNet.

    Parameters
    ----------
    settings : IrnetSettings
        Its settings.
    initial_weights : Path
        The weights that its trunk starts from and keeps.
    edge_weights : Path
        The weights of its branches.
    """

    settings: IrnetSettings
    initial_weights: Path
    edge_weights: Path


@dataclass(frozen=True)
class Trainings:
    """What trainings left for a refinement. A method reads those that `needs` of its settings names.

    Parameters
    ----------
    irnet : IrnetTraining or None
        A trained IRNet.
    """

    irnet: IrnetTraining | None = None


class Refinement(Protocol):
    """The seam for refinements: from the CAMs of an image to labels to train a segmentation network on."""

    def refine(self, image: np.ndarray, store: CamStore) -> np.ndarray:
        """Labels of an image. Equal input gives equal labels.

        Without classes, or with CAMs that are 0 everywhere, all is background.

        Parameters
        ----------
        image : np.ndarray
            The photograph, uint8 RGB (H, W, 3), only read.
        store : CamStore
            The image's CAMs.

        Returns
        -------
        np.ndarray
            Labels, uint8 (H, W): 0 background, keys + 1, 255 left out.
        """

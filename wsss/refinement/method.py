"""The interface of refinements, and the results of trainings that they may use."""

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
        The weights of its trunk, which is not trained.
    edge_weights : Path
        The weights of its branches.
    """

    settings: IrnetSettings
    initial_weights: Path
    edge_weights: Path


@dataclass(frozen=True)
class Trainings:
    """Results of trainings. A refinement uses those that `needs` of its settings names.

    Parameters
    ----------
    irnet : IrnetTraining or None
        A trained IRNet.
    """

    irnet: IrnetTraining | None = None


class Refinement(Protocol):
    """The interface of refinements: from the CAMs of an image to labels for training a segmentation network."""

    def refine(self, image: np.ndarray, store: CamStore) -> np.ndarray:
        """Labels of an image. Equal input gives equal labels.

        If there are no classes, or all CAMs are 0, all pixels are background. In a dataset without a background, the
        background score of the settings is `wsss.labelling.label_maps.NO_BACKGROUND`, and the label 0 stands for no
        class: such pixels are ignored.

        Parameters
        ----------
        image : np.ndarray
            The photograph, uint8 RGB (H, W, 3). It must not be changed.
        store : CamStore
            The image's CAMs.

        Returns
        -------
        np.ndarray
            Labels, uint8 (H, W): 0 background, keys + 1, 255 ignored.
        """

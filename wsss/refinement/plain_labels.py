"""No refinement: labels from CAMs as they are."""

import numpy as np

from wsss.labelling.label_maps import strongest, sure_labels
from wsss.refinement.method import Trainings
from wsss.settings.pseudo_labels import PlainLabelSettings
from wsss.stores.cam_store import CamStore


class PlainLabels:
    """Compares CAMs with constant scores."""

    def __init__(self, settings: PlainLabelSettings) -> None:
        self.settings = settings

    def refine(self, image: np.ndarray, store: CamStore) -> np.ndarray:
        """Labels, uint8 (H, W): background up to the background score, a class above the foreground score."""
        cams = store.full()
        scores = (self.settings.object_score, self.settings.background_score)
        of_class, of_background = (strongest(cams, score) for score in scores)
        return sure_labels(of_class, of_background, store.keys)


def build(settings: PlainLabelSettings, trainings: Trainings) -> PlainLabels:
    """Make this refinement. It needs no training."""
    return PlainLabels(settings)

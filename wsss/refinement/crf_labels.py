"""Refinement by a dense CRF alone (Kraehenbuehl and Koltun, NIPS 2011)."""

import numpy as np

from wsss.labelling.smoothed_cams import labels_of_smoothed_cams
from wsss.refinement.method import Trainings
from wsss.settings.pseudo_labels import CrfLabelSettings
from wsss.stores.cam_store import CamStore


class CrfLabels:
    """A dense CRF on the softmax of a constant background score and the CAMs."""

    def __init__(self, settings: CrfLabelSettings) -> None:
        self.settings = settings

    def refine(self, image: np.ndarray, store: CamStore) -> np.ndarray:
        """Labels, uint8 (H, W), 0 and keys + 1."""
        settings = self.settings
        return labels_of_smoothed_cams(image, store.full(), store.keys, settings.background_score, settings.crf)


def build(settings: CrfLabelSettings, trainings: Trainings) -> CrfLabels:
    """Make this refinement. It needs no training."""
    return CrfLabels(settings)

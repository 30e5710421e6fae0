"""Refinement by PAMR (Araslanov and Roth, Single-Stage Semantic Segmentation from Image Labels, CVPR 2020)."""

import numpy as np
import torch

from wsss.labelling.label_maps import strongest, sure_labels
from wsss.labelling.pamr import Pamr
from wsss.refinement.method import Trainings
from wsss.runtime import device as runtime
from wsss.settings.pseudo_labels import PamrLabelSettings
from wsss.stores.cam_store import CamStore


class PamrLabels:
    """Compares CAMs after PAMR with constant scores.

    PAMR does not change a constant background channel, because its weights sum to 1. So scores are compared afterwards.
    """

    def __init__(self, settings: PamrLabelSettings, device: torch.device) -> None:
        self.settings, self.device = settings, device

    def refine(self, image: np.ndarray, store: CamStore) -> np.ndarray:
        """Labels, uint8 (H, W): background up to the background score, a class above the foreground score."""
        if len(store.keys) == 0:
            return np.zeros(store.size, np.uint8)
        scores = (self.settings.object_score, self.settings.background_score)
        cams = Pamr(image, len(store.keys) + 1, self.settings.pamr, self.device).smoothed(store.full())
        of_class, of_background = (strongest(cams, score) for score in scores)
        return sure_labels(of_class, of_background, store.keys)


def build(settings: PamrLabelSettings, trainings: Trainings) -> PamrLabels:
    """Make this refinement, on the GPU that this process may use, else on the CPU."""
    return PamrLabels(settings, runtime.pick_device())

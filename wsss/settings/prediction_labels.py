"""Settings of the labels that are made from predictions."""

from wsss.settings.base import Settings
from wsss.settings.crf import CrfSettings
from wsss.settings.smoothing import SmoothingSettings


class PredictionLabelSettings(Settings):
    """From stored logits to labels: argmax, and argmax after a CRF on the softmax."""

    # The CRF, or PAMR in its place.
    crf: SmoothingSettings = CrfSettings(gaussian_sxy=1, bilateral_sxy=67, bilateral_srgb=3, bilateral_weight=4)

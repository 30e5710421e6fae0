"""Settings of the leaf "CAM+CRF"."""

from wsss.settings.base import Settings
from wsss.settings.crf import CrfSettings
from wsss.settings.smoothing import SmoothingSettings
from wsss.settings.training import Share


class CamCrfSettings(Settings):
    """The leaf "CAM+CRF": softmax of [background_score, CAMs] through a CRF; feeds no later stage."""

    background_score: Share = 0.15
    crf: SmoothingSettings = CrfSettings(gaussian_sxy=1, bilateral_sxy=64, bilateral_srgb=3, bilateral_weight=4)

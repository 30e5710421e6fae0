"""Settings of the measure "CAM+CRF"."""

from wsss.settings.base import Settings
from wsss.settings.crf import CrfSettings
from wsss.settings.numbers import Share
from wsss.settings.smoothing import SmoothingSettings


class CamCrfSettings(Settings):
    """The measure "CAM+CRF": a CRF on the softmax of [background_score, CAMs]. No later stage uses its labels."""

    # The constant score of the background channel, beside CAMs in 0..1.
    background_score: Share = 0.15
    # The CRF, or PAMR in its place.
    crf: SmoothingSettings = CrfSettings(gaussian_sxy=1, bilateral_sxy=64, bilateral_srgb=3, bilateral_weight=4)

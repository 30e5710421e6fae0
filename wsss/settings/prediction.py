"""Settings of the segmentation network's predictions."""

from typing import Literal

from wsss.settings.base import Settings
from wsss.settings.segmentation import Scales
from wsss.settings.training import Precision


class PredictionSettings(Settings):
    """Whole image, no mirror, pixel-wise maximum of the logits over the scales."""

    scales: Scales = (1.0, 0.75, 0.5)
    precision: Precision = "float32"
    store_dtype: Literal["float16", "float32"] = "float16"

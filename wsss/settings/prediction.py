"""Settings of the segmentation network's predictions."""

from typing import Literal

from wsss.settings.base import Settings
from wsss.settings.segmentation import Scales
from wsss.settings.training import Precision


class PredictionSettings(Settings):
    """Settings of the predictions: of the whole image, without its mirror, the maximum of the logits over scales."""

    # Factors of the image's size.
    scales: Scales = (1.0, 0.75, 0.5)
    # Number format of the network. bfloat16 is faster, mainly on a GPU; the scores differ slightly.
    precision: Precision = "float32"
    # Number format of the stored logits. float16 halves the files.
    store_dtype: Literal["float16", "float32"] = "float16"

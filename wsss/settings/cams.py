"""Settings of multi-scale class activation maps."""

from typing import Annotated, Literal

from pydantic import Field

from wsss.settings.base import Settings
from wsss.settings.training import Precision

# What is mapped: W^img on the features alone, as in VWL and both released codes, or joined by max with the maps of the
# visual words (VWE eq. 10-12); the latter needs words: vwe or vwl_l.
Branches = Literal["image", "image_and_words"]


class CamSettings(Settings):
    """Each scale sees the image and its mirror; their CAMs are joined by max, the scales summed."""

    scales: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (1.0, 0.5, 1.5, 2.0)
    precision: Precision = "float32"
    store_dtype: Literal["float16", "float32"] = "float16"
    branches: Branches = "image"

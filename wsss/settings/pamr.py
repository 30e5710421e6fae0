"""Settings of PAMR, pixel-adaptive mask refinement (Araslanov and Roth, CVPR 2020)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wsss.settings.base import Settings
from wsss.settings.training import Positive


class PamrSettings(Settings):
    """Weighted means over neighbours of like colour, taken several times; defaults are the released ones."""

    code: ClassVar[str] = "wsss.labelling.pamr"

    method: Literal["pamr"]
    # Each pixel has eight neighbours at each of these distances, counted in cells of the grid below.
    dilations: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1, 2, 4, 8, 12, 24)
    iterations: Positive = 10
    # Differences of colour are measured in this share of the local standard deviation: smaller keeps edges sharper.
    colour_tolerance: Annotated[float, Field(gt=0)] = 0.1
    # It runs on a grid with one cell every so many pixels. A wider grid takes less time and reaches further. That helps
    # coarse maps and costs small objects. Its authors refine a network's own scores, at 4.
    stride: Positive = 1

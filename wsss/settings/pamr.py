"""Settings of PAMR, pixel-adaptive mask refinement (Araslanov and Roth, CVPR 2020)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wsss.settings.base import Settings
from wsss.settings.numbers import Iterations, Side, Width


class PamrSettings(Settings):
    """Weighted means over neighbours, repeated. Neighbours of similar colour count more. Defaults are as released."""

    code: ClassVar[str] = "wsss.labelling.pamr"

    # The name of this method.
    method: Literal["pamr"] = "pamr"
    # Distances of the neighbours, in cells of the grid below. Each pixel has eight neighbours at each distance.
    dilations: Annotated[tuple[Side, ...], Field(min_length=1, max_length=32)] = (1, 2, 4, 8, 12, 24)
    # How often the weighted mean is repeated.
    iterations: Iterations = 10
    # Differences of colour are divided by this value times the local standard deviation. Smaller values keep edges
    # sharper.
    colour_tolerance: Width = 0.1
    # Distance between the cells of the grid that PAMR works on, in pixels. A larger value takes less time and reaches
    # further. That helps coarse maps and loses small objects. Its authors use 4, on the scores of a network.
    stride: Side = 1

"""Normalising the lines of a crop, in a loop that is compiled: trainings do it for every sample."""

import numpy as np

from wsss.runtime.compiled import compiled


@compiled
def scale_lines(
    lines: np.ndarray, factors: np.ndarray, offsets: np.ndarray, order: np.ndarray, out: np.ndarray, top: int, left: int
) -> None:
    """Write `lines`, uint8 (h, 3, w), times `factors` less `offsets` into `out`, float32 (3, H, W).

    They go from `top`, `left` on, and `order` is the place of each channel.
    """
    for y in range(lines.shape[0]):
        for channel in range(3):
            line, target = lines[y, channel], out[order[channel], top + y, left:]
            factor, offset = factors[channel], offsets[channel]
            for x in range(len(line)):
                target[x] = np.float32(line[x]) * factor - offset

"""Images like photographs, made from a seed."""

import numpy as np
from PIL import Image


def photograph(width: int, height: int, seed: int = 0, patches: tuple[int, int] = (12, 16)) -> Image.Image:
    """Smooth colours, from `patches` = (rows, columns) of random colour, with some noise."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (*patches, 3), dtype=np.uint8)).resize((width, height))
    noisy = np.asarray(coarse, np.int16) + rng.integers(-12, 12, (height, width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))

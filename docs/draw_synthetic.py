"""Draw docs/synthetic.jpg: scenes of the embedded dataset above their masks in VOC colours.

python docs/draw_synthetic.py
"""

from pathlib import Path

import numpy as np
from PIL import Image

from wsss.data.images import voc_palette
from wsss.data.sources.synthetic.scenes import draw_scene
from wsss.files import atomic_path
from wsss.settings.data import SyntheticSettings

COLUMNS, ROWS, GAP = 6, 2, 6


def main() -> None:
    settings = SyntheticSettings(kind="synthetic", classes=12)
    cell = settings.image_size + GAP
    sheet = Image.new("RGB", (COLUMNS * cell + GAP, ROWS * 2 * cell + GAP), "white")
    for index in range(COLUMNS * ROWS):
        image, labels = draw_scene(settings, np.random.default_rng([settings.seed, 0, index]), index)
        masks = Image.fromarray(voc_palette()[labels])
        row, column = divmod(index, COLUMNS)
        left = GAP + column * cell + (settings.image_size - image.width) // 2
        top = GAP + 2 * row * cell + settings.image_size - image.height
        sheet.paste(image, (left, top))
        sheet.paste(masks, (left, GAP + (2 * row + 1) * cell))
    with atomic_path(Path(__file__).with_name("synthetic.jpg")) as temporary:
        sheet.save(temporary, "JPEG", quality=88)


if __name__ == "__main__":
    main()

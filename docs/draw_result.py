"""Draw docs/result.jpg from the artifacts of one run.

The left six columns are train images with their pseudo labels, the right six are val images with predictions after
the CRF. The rows are the image, its CAM, the labels made from image-level labels alone, and the truth. The images are
spread evenly over each split's list.

python docs/draw_result.py results/runs/default
"""

import csv
import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from PIL import Image

from wsss.data.dataset import Dataset
from wsss.data.images import read_image, read_labels, voc_palette
from wsss.files import atomic_path
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path
from wsss.stores.label_images import label_path

EACH, SIDE, GAP, BETWEEN = 6, 112, 4, 14


def main() -> None:
    page = Path(sys.argv[1])
    # Paths in artifacts.tsv begin at the folder that holds `results`.
    project = page.absolute().parents[2]
    with (page / "artifacts.tsv").open() as lines:
        folders = {row["stage"]: project / row["path"] for row in csv.DictReader(lines, delimiter="\t")}
    dataset = Dataset(folders["data"])
    made = {"train": folders["pseudo_labels"], "val": folders["prediction_labels"] / "crf"}
    columns = [
        column(dataset, image_id, folders["cams"], labels)
        for split, labels in made.items()
        for image_id in spread(dataset.ids(split))
    ]
    with atomic_path(Path(__file__).with_name("result.jpg")) as temporary:
        sheet(columns).save(temporary, "JPEG", quality=84)


def spread(ids: list[str]) -> list[str]:
    """Ids at equal distances in a list."""
    return [ids[i * len(ids) // EACH] for i in range(EACH)]


def column(dataset: Dataset, image_id: str, cams: Path, labels: Path) -> list[Image.Image]:
    """An image, its CAM, the labels made for it, and the truth."""
    image = np.asarray(read_image(dataset.image_path(image_id)))
    heat = colormaps["jet"](CamStore.read(store_path(cams, image_id), image_id).full().max(axis=0))[..., :3]
    overlaid = 0.45 * image + 0.55 * 255 * heat
    truth = dataset.values.values[dataset.truth(image_id)]
    colours = [voc_palette()[own] for own in (read_labels(label_path(labels, image_id)), truth)]
    return [Image.fromarray(np.asarray(one, dtype=np.uint8)) for one in (image, overlaid, *colours)]


def sheet(columns: list[list[Image.Image]]) -> Image.Image:
    """Columns side by side, each picture made to fit a square, with a wider gap between train and val."""
    step = SIDE + GAP
    drawn = Image.new("RGB", (len(columns) * step + GAP + BETWEEN, len(columns[0]) * step + GAP), "white")
    for number, pictures in enumerate(columns):
        left = GAP + number * step + (BETWEEN if number >= EACH else 0)
        for row, picture in enumerate(pictures):
            # Label images keep their colours: no mean of two classes.
            picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS if row < 2 else Image.Resampling.NEAREST)
            top = GAP + row * step
            drawn.paste(picture, (left + (SIDE - picture.width) // 2, top + (SIDE - picture.height) // 2))
    return drawn


if __name__ == "__main__":
    main()

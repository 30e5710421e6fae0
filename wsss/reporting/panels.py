"""Panels of some images of a split, read from the stages' artifacts."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from wsss.data.dataset import Dataset, scored_split
from wsss.data.images import read_image
from wsss.reporting.figures import PanelRow, draw_panels
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path
from wsss.stores.label_images import label_path


def draw_split(dataset: Dataset, split: str, count: int, folders: Mapping[str, Path], path: Path) -> None:
    """Draw `count` images, evenly spread over the list of what is scored of a split. Without masks, over all of it.

    `folders` has the stage folders of cams, pseudo_labels and predictions, if the split has them. The truth of images
    without a mask is an empty cell.
    """
    ids = dataset.ids(scored_split(split) if dataset.scored_ids(split) else split)
    shown = min(count, len(ids))
    chosen = [ids[i * len(ids) // shown] for i in range(shown)]
    draw_panels([_row(dataset, image_id, folders) for image_id in chosen], dataset.values, path)


def _row(dataset: Dataset, image_id: str, folders: Mapping[str, Path]) -> PanelRow:
    def labels_in(stage: str) -> np.ndarray | None:
        return dataset.values.read(label_path(folders[stage], image_id)) if stage in folders else None

    return PanelRow(
        image_id,
        np.asarray(read_image(dataset.image_path(image_id))),
        CamStore.read(store_path(folders["cams"], image_id), image_id).full() if "cams" in folders else None,
        labels_in("pseudo_labels"),
        labels_in("predictions"),
        dataset.truth(image_id) if dataset.index[image_id].mask else None,
    )

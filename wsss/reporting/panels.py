"""Panels of some images of a split, read from the stages' artifacts."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from wsss.data.dataset import Dataset, scored_split
from wsss.manifests.listed_files import ListedFiles
from wsss.reporting.figures import PanelRow, draw_panels
from wsss.stores.cam_store import CamStore
from wsss.stores.label_images import listed_labels


def draw_split(dataset: Dataset, split: str, count: int, listed: Mapping[str, ListedFiles], path: Path) -> None:
    """Draw `count` images, evenly spread over the list of what is scored of a split. Without masks, over all of it.

    `listed` has the files of cams, pseudo_labels and predictions, if the split has them. The truth of images
    without a mask is an empty cell.
    """
    ids = dataset.ids(scored_split(split) if dataset.scored_ids(split) else split)
    shown = min(count, len(ids))
    chosen = [ids[i * len(ids) // shown] for i in range(shown)]
    draw_panels([_row(dataset, image_id, listed) for image_id in chosen], dataset.values, path)


def _row(dataset: Dataset, image_id: str, listed: Mapping[str, ListedFiles]) -> PanelRow:
    def labels_in(stage: str) -> np.ndarray | None:
        if stage not in listed:
            return None
        return listed_labels(listed[stage], image_id, dataset.values, dataset.sizes[image_id])

    return PanelRow(
        image_id,
        np.asarray(dataset.image(image_id)),
        CamStore.listed(listed["cams"], image_id).full() if "cams" in listed else None,
        labels_in("pseudo_labels"),
        labels_in("predictions"),
        dataset.truth(image_id) if dataset.index[image_id].mask else None,
    )

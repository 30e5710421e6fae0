"""Pseudo labels, shard by shard, by the refinement that the settings name."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss.data.dataset import Dataset
from wsss.labelling.label_maps import scores_for
from wsss.manifests.listed_files import ListedFiles
from wsss.refinement.method import Trainings
from wsss.refinement.methods import refinement_of
from wsss.settings.pseudo_labels import PseudoLabelSettings
from wsss.stores.cam_store import CamStore
from wsss.stores.label_images import write_label_shard


def write_pseudo_shard(
    dataset: Dataset,
    ids: Sequence[str],
    cams: ListedFiles,
    settings: PseudoLabelSettings,
    trainings: Trainings,
    folder: Path,
    manifest: Path,
) -> None:
    """Write pseudo labels of `ids` into `folder`/labels, from the stores `cams`.

    `trainings` must have what `settings.needs` names. Otherwise WsssError is raised.
    """
    refinement = refinement_of(scores_for(settings, dataset.has_background), trainings)

    def labels_of(image_id: str) -> np.ndarray:
        image = np.asarray(dataset.image(image_id))
        return refinement.refine(image, CamStore.listed(cams, image_id))

    write_label_shard(dataset.values, ids, labels_of, folder, manifest, "pseudo labels")

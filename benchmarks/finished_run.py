"""A finished run of the workflow, for benchmarks on real photographs: its CAMs, and the edges of its IRNet."""

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from wsss.data.augmentation import to_tensor
from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.progress import track
from wsss.refinement.irnet.network import edges_of_image
from wsss.refinement.irnet.training import load_edge_network
from wsss.settings.irnet import IrnetSettings
from wsss.settings.pseudo_labels import IrnetWalkSettings
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path


@dataclass(frozen=True)
class FinishedRun:
    """The results of a run, from its folder such as results/runs/default, relative to the project's folder."""

    folder: Path

    @cached_property
    def stages(self) -> dict[str, tuple[Path, dict[str, Any]]]:
        """Each stage's folder and settings."""
        with (self.folder / "artifacts.tsv").open() as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        return {row["stage"]: (Path(row["path"]), json.loads(row["settings"])) for row in rows}

    @property
    def dataset(self) -> Dataset:
        """The prepared dataset."""
        return Dataset(self.stages["data"][0])

    @property
    def pseudo_labels(self) -> IrnetWalkSettings:
        """Settings of the walk."""
        return IrnetWalkSettings.model_validate(self.stages["pseudo_labels"][1])

    @cached_property
    def train_images(self) -> list[tuple[CamStore, np.ndarray]]:
        """The CAMs and the edges, float32 (h, w) in 0..1, of each train image. They are computed once."""
        folder, settings = self.stages["irnet"]
        irnet = IrnetSettings.model_validate(settings)
        initial = next(Path("results/backbones").glob(f"{irnet.backbone.label}-*/weights.safetensors"))
        network = load_edge_network(irnet, initial, folder / "edges.safetensors")
        ids = self.dataset.ids("train")
        images = []
        for image_id in track(ids, len(ids), self.folder.name):
            image = read_image(self.dataset.image_path(image_id))
            pixels = to_tensor(image, network.backbone.normalisation)
            store = CamStore.read(store_path(self.stages["cams"][0], image_id), image_id)
            images.append((store, edges_of_image(network, pixels, self.pseudo_labels.pad_to)))
        return images

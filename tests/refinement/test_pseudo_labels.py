"""Pseudo labels of a shard in both precisions."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from tests.prepared import listed
from wsss.data.dataset import Dataset
from wsss.data.images import read_image, read_labels
from wsss.networks.initial_weights import write_initial_weights
from wsss.refinement import irnet_walk
from wsss.refinement.irnet.training import build_edge_network
from wsss.refinement.method import IrnetTraining, Trainings
from wsss.refinement.pseudo_labels import write_pseudo_shard
from wsss.settings.irnet import IrnetSettings
from wsss.settings.pseudo_labels import IrnetWalkSettings
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path
from wsss.stores.label_images import label_path

IRNET = IrnetSettings.model_validate({"backbone": {"name": "resnet18", "weights": "scratch", "seed": 5}})


def write_cams(dataset: Dataset, folder: Path) -> None:
    """Stores of one scale: each class of an image in a part of its own."""
    for image_id in dataset.ids("val"):
        width, height = read_image(dataset.image_path(image_id)).size
        keys = dataset.present(image_id)
        cams = np.random.default_rng(0).random((len(keys), -(-height // 16), -(-width // 16)), np.float32)
        CamStore(image_id, (height, width), keys, (1.0,), [cams], "weights").write(store_path(folder, image_id))


def test_the_edge_network_runs_in_the_precision_asked_for(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cams(dataset, tmp_path / "cams")
    write_initial_weights(IRNET.backbone, {}, tmp_path)
    network = build_edge_network(IRNET, tmp_path / "weights.safetensors")
    save_file(network.branches.state_dict(), tmp_path / "edges.safetensors")
    trainings = Trainings(IrnetTraining(IRNET, tmp_path / "weights.safetensors", tmp_path / "edges.safetensors"))
    walked, seen = irnet_walk.pseudo_label, []

    def pseudo_label(strided: np.ndarray, keys: np.ndarray, edge: np.ndarray, *rest: object) -> np.ndarray:
        seen.append(edge)
        return walked(strided, keys, edge, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(irnet_walk, "pseudo_label", pseudo_label)
    ids = dataset.ids("val")
    labels = {}
    for precision in ("float32", "bfloat16"):
        settings = IrnetWalkSettings.model_validate({"precision": precision, "pad_to": 64})
        folder = tmp_path / precision
        write_pseudo_shard(
            dataset,
            ids,
            listed(tmp_path / "cams"),
            settings,
            trainings,
            folder,
            folder / "0.tsv",
        )
        labels[precision] = [read_labels(label_path(folder, image_id)) for image_id in ids]
    for exact, near in zip(seen[: len(ids)], seen[len(ids) :], strict=True):
        assert exact.dtype == near.dtype == np.float32
        assert 0 < np.abs(exact - near).max() < 0.05
    agreeing = [(one == other).mean() for one, other in zip(*labels.values(), strict=True)]
    assert min(agreeing) > 0.95

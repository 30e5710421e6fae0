"""Training of IRNet with and without its displacements: what is left behind, and the mean that is taken."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from tests.prepared import listed
from wsss.data.dataset import Dataset
from wsss.data.images import read_image, write_labels
from wsss.manifests.single_files import list_file
from wsss.networks.backbones import build_backbone
from wsss.networks.initial_weights import write_initial_weights
from wsss.refinement.irnet.network import EdgeNetwork, load_branches
from wsss.refinement.irnet.training import (
    build_edge_network,
    irnet_losses,
    load_edge_network,
    parameter_groups,
    set_mean_displacement,
    train_irnet,
)
from wsss.settings.irnet import IrnetSettings
from wsss.stores.label_images import label_path
from wsss.training.loop import Machine

BACKBONE = {"name": "resnet18", "weights": "scratch", "seed": 5}


def settings(**changes: object) -> IrnetSettings:
    small = {"backbone": BACKBONE, "crop": 48, "batch": 2, "epochs": 4, "radius": 4, "lr": 0.05}
    return IrnetSettings.model_validate(small | changes)


@pytest.fixture(scope="module")
def initial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backbone")
    write_initial_weights(settings().backbone, {}, folder)
    return folder / "weights.safetensors"


@pytest.fixture(scope="module")
def labels(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Confident labels in which the left half is class 1, the rest background, and a column ignored."""
    folder = tmp_path_factory.mktemp("confident")
    for image_id in dataset.ids("train"):
        width, height = read_image(dataset.image_path(image_id)).size
        halves = np.zeros((height, width), np.uint8)
        halves[:, : width // 2], halves[:, width // 2] = 1, 255
        write_labels(label_path(folder, image_id), halves)
    return folder


def trained(dataset: Dataset, labels: Path, initial: Path, folder: Path, **changes: object) -> pd.DataFrame:
    train_irnet(dataset, listed(labels), settings(**changes), initial, folder, Machine())
    return pd.read_csv(folder / "training.csv")


def test_edges_alone_are_the_same_with_and_without_displacements(
    dataset: Dataset, labels: Path, initial: Path, tmp_path: Path
) -> None:
    """The branches share no trained weight, and the edge branch draws its first weights before the other."""
    plain = trained(dataset, labels, initial, tmp_path / "plain")
    both = trained(dataset, labels, initial, tmp_path / "both", displacement=True, lr_displacement=0.5)
    assert list(plain.columns) == ["step", "lr", "positive", "negative"]
    assert list(both.columns) == [*plain.columns, "displacement_foreground", "displacement_background"]
    pd.testing.assert_frame_equal(plain, both[plain.columns])
    edges, whole = (load_file(tmp_path / name / "edges.safetensors") for name in ("plain", "both"))
    assert all(name.startswith("edge_branch.") for name in edges)
    assert {name for name in whole if not name.startswith("displacement_branch.")} == set(edges)
    assert all(torch.equal(whole[name], value) for name, value in edges.items())


def test_rates_belong_to_branches(initial: Path) -> None:
    network = build_edge_network(settings(displacement=True, lr_displacement=0.5), initial)
    groups = parameter_groups(network, settings(displacement=True, lr_displacement=0.5))
    assert [group["lr"] for group in groups] == [0.05, 0.5]
    names = {id(parameter): name.split(".")[0] for name, parameter in network.named_parameters()}
    assert [{names[id(parameter)] for parameter in group["params"]} for group in groups] == [
        {"edge_branch"},
        {"displacement_branch"},
    ]
    assert len(parameter_groups(build_edge_network(settings(), initial), settings())) == 1


def by_hand(network: EdgeNetwork, dataset: Dataset, count: int, crop: int) -> torch.Tensor:
    """Mean displacement of the first images: top left corners on a canvas of zeros, one at a time."""
    means = []
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    for image_id in dataset.ids("train_scored")[:count]:
        pixels = (np.asarray(read_image(dataset.image_path(image_id))) / 255 - mean) / deviation
        corner = pixels[:crop, :crop]
        canvas = np.zeros((crop, crop, 3))
        canvas[: corner.shape[0], : corner.shape[1]] = corner
        images = torch.from_numpy(canvas.transpose(2, 0, 1).copy()).float()[None]
        assert network.displacement_branch is not None
        with torch.no_grad():
            means.append(network.displacement_branch(network.features(images)).mean((0, 2, 3)))
    return torch.stack(means).mean(0)


def test_the_mean_is_kept_with_the_trained_weights(
    dataset: Dataset, labels: Path, initial: Path, tmp_path: Path
) -> None:
    trained(dataset, labels, initial, tmp_path, displacement=True, epochs=1)
    network = build_edge_network(settings(displacement=True), initial)
    load_branches(network, tmp_path / "edges.safetensors")
    kept = network.get_buffer("displacement_branch.mean")
    assert float(kept.abs().min()) > 1e-4
    torch.testing.assert_close(kept, by_hand(network, dataset, 6, 48), rtol=1e-4, atol=1e-5)


def test_an_imported_trunk_takes_the_place_of_the_first_one(initial: Path, tmp_path: Path) -> None:
    """BatchNorm is folded after the file's own trunk is there, not into the one that it replaces."""
    torch.manual_seed(8)
    imported = EdgeNetwork(build_backbone("resnet18")).eval()
    for module in imported.backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
    save_file(imported.state_dict(), tmp_path / "edges.safetensors")
    images = torch.randn(1, 3, 48, 32)
    loaded = load_edge_network(settings(), initial, tmp_path / "edges.safetensors")
    with torch.no_grad():
        torch.testing.assert_close(loaded(images), imported(images), rtol=1e-4, atol=1e-4)
        assert not torch.allclose(build_edge_network(settings(), initial)(images), imported(images), atol=1e-2)


@pytest.mark.parametrize(("batch", "images"), [(4, 4), (6, 6), (9, 6)])
def test_the_mean_is_of_whole_batches(dataset: Dataset, initial: Path, batch: int, images: int) -> None:
    torch.manual_seed(1)
    network = build_edge_network(settings(displacement=True), initial)
    set_mean_displacement(network, dataset, settings(displacement=True, batch=batch))
    wanted = by_hand(network, dataset, images, 48)
    torch.testing.assert_close(network.get_buffer("displacement_branch.mean"), wanted, rtol=1e-4, atol=1e-5)


def test_where_nothing_is_scored_the_mean_is_of_train(dataset: Dataset, initial: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset.root, tmp_path / "data", symlinks=True)
    (tmp_path / "data" / "lists" / "train_scored.txt").write_text("")
    list_file(tmp_path / "data" / "lists" / "train_scored.txt")
    means = []
    for own in (dataset, Dataset(tmp_path / "data")):
        torch.manual_seed(1)
        network = build_edge_network(settings(displacement=True), initial)
        set_mean_displacement(network, own, settings(displacement=True))
        means.append(network.get_buffer("displacement_branch.mean"))
    assert torch.isfinite(means[1]).all()
    assert torch.equal(*means)


def test_without_a_background_pairs_of_a_class_are_all_that_belong_together(initial: Path) -> None:
    """Their mean loss is not halved for want of pairs of the background."""
    network = build_edge_network(settings(), initial)
    labels = torch.ones(1, 48, 48, dtype=torch.uint8)
    labels[:, 20:], labels[:, 40:] = 2, 255
    batch = [torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 48, 48)).astype(np.float32)), labels]
    usual, alone = (irnet_losses(network, batch, 4, has_background) for has_background in (True, False))
    torch.testing.assert_close(alone["positive"], 2 * usual["positive"])
    torch.testing.assert_close(alone["negative"], usual["negative"])

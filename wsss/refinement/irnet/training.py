"""Training of IRNet on confident labels: its edges and, on request, its displacements."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wsss.data.augmentation import Normalisation, to_tensor
from wsss.data.dataset import Dataset
from wsss.manifests.listed_files import ListedFiles
from wsss.networks.backbones import backbone_of
from wsss.networks.inference.network import inference_backbone
from wsss.networks.initial_weights import load_initial_weights
from wsss.progress import track
from wsss.refinement.irnet.affinity import affinity_loss, labels_of_cells
from wsss.refinement.irnet.displacement import displacement_loss
from wsss.refinement.irnet.network import EdgeNetwork, load_branches
from wsss.settings.irnet import IrnetSettings
from wsss.training.loop import Batch, Losses, Machine, Plan, save_training, steps_per_epoch, train
from wsss.training.pairs import TrainingPairs


def train_irnet(
    dataset: Dataset,
    labels: ListedFiles,
    settings: IrnetSettings,
    initial_weights: Path,
    folder: Path,
    machine: Machine,
) -> None:
    """Train IRNet on confident labels.

    It writes edges.safetensors, training.csv and settings.json.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    labels : ListedFiles
        The confident labels.
    settings : IrnetSettings
        The network and its training.
    initial_weights : Path
        The file from `write_initial_weights`.
    folder : Path
        The folder for the results.
    machine : Machine
        What the training may use.
    """
    ids = dataset.ids("train")
    torch.manual_seed(settings.seed)
    network = build_edge_network(settings, initial_weights)
    # The trunk is prepared for inference already here, because it is not trained and not saved.
    network.backbone = inference_backbone(network.backbone)
    samples = training_pairs(dataset, ids, labels, settings, network.backbone.normalisation)
    losses = partial(irnet_losses, radius=settings.radius, has_background=dataset.has_background)
    groups, plan = parameter_groups(network, settings), training_plan(settings, len(ids))
    log = train(network, groups, losses, samples, plan, machine)
    if network.displacement_branch is not None:
        set_mean_displacement(network, dataset, settings)
    save_training(folder, "edges", network.branches, log, {"irnet": settings.model_dump(mode="json")})


def training_pairs(
    dataset: Dataset, ids: Sequence[str], labels: ListedFiles, settings: IrnetSettings, normalisation: Normalisation
) -> TrainingPairs:
    """Photographs with their confident labels, at random scales between the two of the settings."""
    draw = partial(np.random.Generator.uniform, low=settings.scale[0], high=settings.scale[1])
    return TrainingPairs(dataset, ids, labels, settings.crop, normalisation, draw, settings.seed)


def training_plan(settings: IrnetSettings, images: int) -> Plan:
    """The plan of a training on a list of `images` images."""
    steps = steps_per_epoch(images, settings.batch) * settings.epochs
    return Plan(
        name="IRNet",
        batch=settings.batch,
        steps=steps,
        total_steps=steps,
        optimiser=settings.optimiser,
        precision=settings.precision,
        seed=settings.seed,
    )


def build_edge_network(settings: IrnetSettings, initial_weights: Path) -> EdgeNetwork:
    """IRNet's untrained branches on the frozen backbone with its initial weights."""
    backbone = backbone_of(settings.backbone)
    load_initial_weights(backbone, initial_weights)
    return EdgeNetwork(backbone, settings.displacement)


def load_edge_network(settings: IrnetSettings, initial_weights: Path, weights: Path) -> EdgeNetwork:
    """IRNet from `weights`, ready for inference. Its trunk is prepared last, as `weights` may contain another one."""
    network = build_edge_network(settings, initial_weights)
    load_branches(network, weights)
    network.backbone = inference_backbone(network.backbone)
    return network.eval()


def parameter_groups(network: EdgeNetwork, settings: IrnetSettings) -> list[dict[str, Any]]:
    """SGD's groups: each branch with its own learning rate."""
    groups: list[dict[str, Any]] = [{"params": list(network.edge_branch.parameters()), "lr": settings.lr}]
    if network.displacement_branch is not None:
        displacements = list(network.displacement_branch.parameters())
        groups.append({"params": displacements, "lr": settings.lr_displacement})
    return groups


def irnet_losses(network: EdgeNetwork, batch: Batch, radius: int, has_background: bool = True) -> Losses:
    """Terms of the total loss: half of each mean loss of the edges (positive, negative) and of the displacements.

    `batch`: normalised images (N, 3, H, W) and their labels, uint8 (N, H, W), 255 ignored. Without a background, all
    pairs that belong together are of a class, so their mean loss is not halved once more.
    """
    images, labels = batch[0], labels_of_cells(batch[1])
    features = network.features(images)
    edges = affinity_loss(_cropped(network.edge_branch(features), labels), labels, radius)
    positive = edges.positive if has_background else edges.foreground
    losses = {"positive": positive / 2, "negative": edges.negative / 2}
    if network.displacement_branch is not None:
        maps = _cropped(network.displacement_branch(features), labels)
        displacements = displacement_loss(maps, labels, radius)
        losses["displacement_foreground"] = displacements.foreground / 2
        losses["displacement_background"] = displacements.background / 2
    return losses


def _cropped(maps: Tensor, labels: Tensor) -> Tensor:
    """Maps (N, n, h, w) cropped to the size of labels (N, h', w'). Strides that 4 does not divide give larger maps."""
    if maps.shape[2:] == labels.shape[1:]:
        return maps
    return maps[:, :, : labels.shape[1], : labels.shape[2]]


@torch.no_grad()
def set_mean_displacement(network: EdgeNetwork, dataset: Dataset, settings: IrnetSettings) -> None:
    """Store the mean displacement in the displacement branch: over top left crops of images that are not resized.

    As released, images are those of VOC's own train list (not train_aug), and only whole batches are used.
    """
    branch = network.eval().displacement_branch
    assert branch is not None
    ids = dataset.ids("train_scored") or dataset.ids("train")
    ids = ids[: max(len(ids) // settings.batch, 1) * settings.batch]
    total = torch.zeros_like(branch.mean)
    for image_id in track(ids, len(ids), "mean displacement"):
        image = to_tensor(dataset.image(image_id), network.backbone.normalisation)
        corner = image[:, : settings.crop, : settings.crop]
        padded = image.new_zeros((1, 3, settings.crop, settings.crop))
        padded[0, :, : corner.shape[1], : corner.shape[2]] = corner
        total += branch(network.features(padded.to(total.device))).mean((0, 2, 3))
    branch.mean.copy_(total / len(ids))

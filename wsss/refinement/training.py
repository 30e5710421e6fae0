"""Training of IRNet's edges on confident labels."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from wsss.backbone import build_backbone
from wsss.backbone_weights import load_initial_weights
from wsss.data.images import read_image, read_labels
from wsss.data.label_shards import label_path
from wsss.data.layout import Dataset
from wsss.data.transforms import Normalisation, augmented_pair
from wsss.folding import fold_norms
from wsss.refinement.affinity import affinity_loss, reduce_labels
from wsss.refinement.irnet import EdgeNetwork
from wsss.settings.refinement import IrnetSettings
from wsss.training_loop import Batch, Machine, Plan, rng_for, save_training, steps_per_epoch, train


class ConfidentImages:
    """Augmented photographs (3, crop, crop) with their confident labels at a quarter of the size, uint8."""

    def __init__(
        self,
        dataset: Dataset,
        ids: Sequence[str],
        labels: Path,
        settings: IrnetSettings,
        normalisation: Normalisation,
    ) -> None:
        self.dataset, self.ids, self.labels = dataset, ids, labels
        self.settings, self.normalisation = settings, normalisation

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        epoch, index = key
        rng = rng_for(self.settings.seed, epoch, index)
        scale = rng.uniform(*self.settings.scale)
        image = read_image(self.dataset.image_path(self.ids[index]))
        labels = read_labels(label_path(self.labels, self.ids[index]))
        pixels, targets = augmented_pair(image, labels, scale, self.settings.crop, self.normalisation, rng)
        return pixels, reduce_labels(targets[None])[0]


def train_irnet(
    dataset: Dataset, labels: Path, settings: IrnetSettings, initial_weights: Path, folder: Path, machine: Machine
) -> None:
    """Train on the confident labels of the stage folder `labels`; write edges.safetensors and its log into `folder`."""
    ids = dataset.ids("train")
    torch.manual_seed(settings.seed)
    network = build_edge_network(settings, initial_weights)
    steps = steps_per_epoch(len(ids), settings.batch) * settings.epochs
    plan = Plan(
        name="IRNet",
        batch=settings.batch,
        steps=steps,
        total_steps=steps,
        optimiser=settings.optimiser,
        precision=settings.precision,
        seed=settings.seed,
    )
    normalisation = (network.backbone.mean, network.backbone.std)
    samples = ConfidentImages(dataset, ids, labels, settings, normalisation)
    groups = [{"params": network.trained_parameters(), "lr": settings.lr}]

    def compute_losses(_: nn.Module, batch: Batch) -> dict[str, Tensor]:
        images, targets = batch
        losses = affinity_loss(network(images), targets, settings.radius)
        # The mean of positive and negative pairs, in terms that add up to it.
        return {"positive": losses.positive / 2, "negative": losses.negative / 2}

    log = train(network, groups, compute_losses, samples, plan, machine)
    save_training(folder, "edges", network.edge_branch, log, {"irnet": settings.model_dump(mode="json")})


def build_edge_network(settings: IrnetSettings, initial_weights: Path) -> EdgeNetwork:
    """IRNet's edges on the frozen backbone with its initial weights; the branch itself is untrained."""
    backbone = build_backbone(settings.backbone.name)
    load_initial_weights(backbone, initial_weights)
    fold_norms(backbone)
    return EdgeNetwork(backbone)

"""Training of the classifier on images and image-level labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wsss.classification.classifier import Classifier, build_classifier
from wsss.data.augmentation import Normalisation, draw_view, random_long_side, size_of, view_pixels
from wsss.data.dataset import Dataset
from wsss.data.images import read_pixels
from wsss.networks.initial_weights import load_initial_weights
from wsss.settings.classifier import ClassifierSettings
from wsss.training.loop import Batch, Losses, Machine, Plan, rng_for, save_training, steps_per_epoch, train


class LabelledImages:
    """Augmented photographs (3, crop, crop) with their image-level labels (n,)."""

    def __init__(
        self, dataset: Dataset, ids: Sequence[str], settings: ClassifierSettings, normalisation: Normalisation
    ) -> None:
        self.dataset, self.ids, self.settings, self.normalisation = dataset, ids, settings, normalisation

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        epoch, index = key
        rng = rng_for(self.settings.seed, epoch, index)
        image = read_pixels(self.dataset.image_path(self.ids[index]))
        view = draw_view(random_long_side(size_of(image), self.settings.long_side, rng), self.settings.crop, rng)
        pixels = view_pixels(image, view, self.settings.crop, self.normalisation)
        return pixels, torch.from_numpy(self.dataset.image_labels[self.ids[index]])


def train_classifier(
    dataset: Dataset, settings: ClassifierSettings, initial_weights: Path, folder: Path, machine: Machine
) -> None:
    """Train on the dataset's train list; write classifier.safetensors, training.csv and settings.json into `folder`."""
    ids = dataset.ids("train")
    torch.manual_seed(settings.seed)
    network = build_classifier(settings, len(dataset.classes))
    load_initial_weights(network.backbone, initial_weights)
    samples = LabelledImages(dataset, ids, settings, network.backbone.normalisation)
    plan = training_plan(settings, len(ids))
    log = train(network, parameter_groups(network), classifier_losses, samples, plan, machine)
    save_training(folder, "classifier", network, log, {"classifier": settings.model_dump(mode="json")})


def training_plan(settings: ClassifierSettings, images: int) -> Plan:
    """What a training on a list of so many images does."""
    per_epoch = steps_per_epoch(images, settings.batch)
    return Plan(
        name=f"classifier {settings.label}",
        batch=settings.batch,
        steps=per_epoch * (settings.stop_after_epoch or settings.epochs),
        total_steps=per_epoch * settings.epochs,
        optimiser=settings.optimiser,
        precision=settings.precision,
        seed=settings.seed,
    )


def parameter_groups(network: Classifier) -> list[dict[str, Any]]:
    """The trunk at the low rate, everything else at the high one."""
    trunk = [parameter for parameter in network.backbone.parameters() if parameter.requires_grad]
    return [
        {"params": trunk, "lr": network.settings.lr},
        {"params": list(network.head_parameters()), "lr": network.settings.lr_heads},
    ]


def classifier_losses(network: Classifier, batch: Batch) -> Losses:
    """Terms of the total loss, for normalised images (N, 3, H, W) and image-level labels, float32 (N, n)."""
    images, labels = batch
    return network.losses(images, labels)

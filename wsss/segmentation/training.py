"""Training of the segmentation network on label images."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from wsss.data.augmentation import Normalisation
from wsss.data.dataset import Dataset
from wsss.manifests.listed_files import ListedFiles
from wsss.networks.backbones import backbone_of
from wsss.networks.initial_weights import load_initial_weights
from wsss.segmentation.deeplab import DeepLabV2, fused_logits, parameter_groups
from wsss.segmentation.losses import segmentation_loss
from wsss.settings.segmentation import SegmentationSettings
from wsss.training.loop import Batch, Losses, Machine, Plan, save_training, train
from wsss.training.pairs import TrainingPairs


def train_segmentation(
    dataset: Dataset,
    labels: ListedFiles,
    settings: SegmentationSettings,
    initial_weights: Path,
    folder: Path,
    machine: Machine,
) -> None:
    """Train DeepLabV2 on label images.

    It writes segmenter.safetensors, training.csv and settings.json.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    labels : ListedFiles
        The label images.
    settings : SegmentationSettings
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
    network = build_segmenter(settings, len(dataset.classes))
    load_initial_weights(network.backbone, initial_weights)
    samples = training_pairs(dataset, ids, labels, settings, network.backbone.normalisation)
    losses = partial(segmentation_losses, scales=settings.input_scales)
    groups = parameter_groups(network, settings)
    log = train(network, groups, losses, samples, training_plan(settings), machine)
    save_training(folder, "segmenter", network, log, {"segmentation": settings.model_dump(mode="json")})


def training_pairs(
    dataset: Dataset,
    ids: Sequence[str],
    labels: ListedFiles,
    settings: SegmentationSettings,
    normalisation: Normalisation,
) -> TrainingPairs:
    """Photographs with their label images, each at one of the scales of the settings."""
    draw = partial(np.random.Generator.choice, a=settings.augment_scales)
    return TrainingPairs(dataset, ids, labels, settings.crop, normalisation, draw, settings.seed)


def segmentation_losses(network: DeepLabV2, batch: Batch, scales: Sequence[float]) -> Losses:
    """The loss of all `scales` and of their fusion, for normalised images (N, 3, H, W) and labels, uint8 (N, H, W)."""
    images, labels = batch
    return {"loss": segmentation_loss(*fused_logits(network, images, scales), labels)}


def training_plan(settings: SegmentationSettings) -> Plan:
    """The plan of a training. It does not depend on the length of the list."""
    return Plan(
        name="DeepLabV2",
        batch=settings.batch,
        steps=settings.steps,
        total_steps=settings.steps,
        optimiser=settings.optimiser,
        precision=settings.precision,
        seed=settings.seed,
        accumulate=settings.accumulate,
    )


def build_segmenter(settings: SegmentationSettings, classes: int) -> DeepLabV2:
    """DeepLabV2 for `classes` classes and the background, on an untrained backbone.

    The output of the background is there in every dataset. If no label is background, it is trained to win nowhere.
    """
    backbone = backbone_of(settings.backbone, settings.output_stride, settings.dilated)
    return DeepLabV2(backbone, classes + 1, settings.rates)

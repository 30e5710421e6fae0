"""Training of the segmentation network on label images."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from wsss.backbone import backbone_of
from wsss.backbone_weights import load_initial_weights
from wsss.data.images import read_labels, read_pixels
from wsss.data.label_shards import label_path
from wsss.data.layout import Dataset
from wsss.data.transforms import Normalisation, augmented_pair
from wsss.segmentation.deeplab import DeepLabV2, fused_logits, parameter_groups
from wsss.segmentation.losses import segmentation_loss
from wsss.settings.segmentation import SegmentationSettings
from wsss.training_loop import Batch, Machine, Plan, rng_for, save_training, train


class LabelledPixels:
    """Augmented photographs (3, crop, crop) with their labels (crop, crop), uint8, 255 ignored."""

    def __init__(
        self,
        dataset: Dataset,
        ids: Sequence[str],
        labels: Path,
        settings: SegmentationSettings,
        normalisation: Normalisation,
    ) -> None:
        self.dataset, self.ids, self.labels = dataset, ids, labels
        self.settings, self.normalisation = settings, normalisation

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        epoch, index = key
        rng = rng_for(self.settings.seed, epoch, index)
        scale = float(rng.choice(self.settings.augment_scales))
        image = read_pixels(self.dataset.image_path(self.ids[index]))
        labels = read_labels(label_path(self.labels, self.ids[index]))
        return augmented_pair(image, labels, scale, self.settings.crop, self.normalisation, rng)


def train_segmentation(
    dataset: Dataset,
    labels: Path,
    settings: SegmentationSettings,
    initial_weights: Path,
    folder: Path,
    machine: Machine,
) -> None:
    """Train on the label images of the stage folder `labels`; write segmenter.safetensors and its log into `folder`."""
    ids = dataset.ids("train")
    torch.manual_seed(settings.seed)
    network = build_segmenter(settings, len(dataset.classes))
    load_initial_weights(network.backbone, initial_weights)
    samples = LabelledPixels(dataset, ids, labels, settings, network.backbone.normalisation)

    def compute_losses(_: nn.Module, batch: Batch) -> dict[str, Tensor]:
        images, targets = batch
        per_scale, fused = fused_logits(network, images, settings.input_scales)
        return {"loss": segmentation_loss(per_scale, fused, targets)}

    groups = parameter_groups(network, settings)
    log = train(network, groups, compute_losses, samples, training_plan(settings), machine)
    save_training(folder, "segmenter", network, log, {"segmentation": settings.model_dump(mode="json")})


def training_plan(settings: SegmentationSettings) -> Plan:
    """What a training does, whatever the length of the list."""
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
    """DeepLabV2 for `classes` classes and the background, on an untrained backbone."""
    backbone = backbone_of(settings.backbone, settings.output_stride, settings.dilated)
    return DeepLabV2(backbone, classes + 1, settings.rates)

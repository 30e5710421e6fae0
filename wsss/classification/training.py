"""Training of the classifier on images and image-level labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wsss.classification.classifier import Classifier, build_classifier
from wsss.data.augmentation import Normalisation, draw_view, random_long_side, size_of, view_pixels
from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.networks.initial_weights import load_initial_weights
from wsss.networks.saved_weights import load_weights, read_weights
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
        image = self.dataset.pixels(self.ids[index])
        view = draw_view(random_long_side(size_of(image), self.settings.long_side, rng), self.settings.crop, rng)
        pixels = view_pixels(image, view, self.settings.crop, self.normalisation)
        return pixels, torch.from_numpy(self.dataset.image_labels[self.ids[index]])


def train_classifier(
    dataset: Dataset,
    settings: ClassifierSettings,
    initial_weights: Path,
    folder: Path,
    machine: Machine,
    start: Path | None = None,
) -> None:
    """Train the classifier on the train list and its image-level labels.

    It writes classifier.safetensors, training.csv and settings.json.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    settings : ClassifierSettings
        The network and its training.
    initial_weights : Path
        The file from `write_initial_weights`. It is not used if the training starts from a finished classifier.
    folder : Path
        The folder for the results.
    machine : Machine
        What the training may use.
    start : Path or None
        The weights of the finished classifier that `settings.start` describes. None if it describes none.

    Raises
    ------
    WsssError
        If weights are missing or are of another network.
    """
    ids = dataset.ids("train")
    torch.manual_seed(settings.seed)
    network = build_classifier(settings, len(dataset.classes))
    if settings.start is None:
        load_initial_weights(network.backbone, initial_weights)
    else:
        load_finished(network, start)
    samples = LabelledImages(dataset, ids, settings, network.backbone.normalisation)
    plan = training_plan(settings, len(ids))
    log = train(network, parameter_groups(network), classifier_losses, samples, plan, machine, network.set_progress)
    save_training(folder, "classifier", network, log, {"classifier": settings.model_dump(mode="json")})


def load_finished(network: Classifier, weights: Path | None) -> None:
    """Load the weights of the finished classifier. The new objective keeps its random initial weights.

    Raises WsssError if there are no weights, or weights of another network.
    """
    second = network.settings.second_stage
    if second is None or weights is None:
        raise WsssError(f"{network.settings.label} starts from a finished classifier, whose weights are missing")
    new = f"objectives.{second.method}."
    drawn = {name: value for name, value in network.state_dict().items() if name.startswith(new)}
    load_weights(network, drawn | read_weights(weights), weights)


def training_plan(settings: ClassifierSettings, images: int) -> Plan:
    """The plan of a training on a list of `images` images.

    If training starts from a finished classifier, the objective sets the number of epochs.
    """
    per_epoch = steps_per_epoch(images, settings.batch)
    second = settings.second_stage
    epochs = settings.epochs if second is None else second.epochs
    last = epochs if second else settings.stop_after_epoch or epochs
    return Plan(
        name=f"classifier {settings.label}",
        batch=settings.batch,
        steps=per_epoch * last,
        total_steps=per_epoch * epochs,
        optimiser=settings.optimiser,
        precision=settings.precision,
        seed=settings.seed,
    )


def parameter_groups(network: Classifier) -> list[dict[str, Any]]:
    """SGD's groups: the trunk at the low learning rate, everything else at the high one.

    If training starts from a finished classifier, everything in it has the low rate, and new parameters the high one.
    """
    settings, second = network.settings, network.settings.second_stage
    trunk = [parameter for parameter in network.backbone.parameters() if parameter.requires_grad]
    heads = list(network.head_parameters())
    if second is None:
        return [_group("trunk", trunk, settings.lr), _group("heads", heads, settings.lr_heads)]
    new = list(network.objectives[second.method].parameters())
    finished = [head for head in heads if all(head is not one for one in new)]
    return [
        _group("trunk", trunk, second.lr),
        _group("heads", finished, second.lr),
        _group(second.method, new, second.lr_heads),
    ]


def _group(name: str, parameters: list[nn.Parameter], rate: float) -> dict[str, Any]:
    return {"name": name, "params": parameters, "lr": rate}


def classifier_losses(network: Classifier, batch: Batch) -> Losses:
    """Terms of the total loss, for normalised images (N, 3, H, W) and image-level labels, float32 (N, n)."""
    images, labels = batch
    return network.losses(images, labels)

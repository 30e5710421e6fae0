"""What the trainings of a run would do: networks, steps and learning rates. It needs neither data nor a GPU."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from wsss.classification import training as classification
from wsss.classification.classifier import build_classifier
from wsss.data.listing import Listing
from wsss.data.sources.coco import list_coco
from wsss.data.sources.coco14 import COCO14_LENGTHS
from wsss.data.sources.lists import read_list
from wsss.data.sources.own_images import list_images
from wsss.data.sources.voc_layout import VOC12_LENGTHS
from wsss.errors import WsssError
from wsss.networks.backbones import backbone_of
from wsss.plan.locations import train_list_file
from wsss.refinement.irnet import training as refinement
from wsss.refinement.irnet.network import EdgeNetwork
from wsss.segmentation import training as segmentation
from wsss.segmentation.deeplab import parameter_groups as segmentation_groups
from wsss.settings.backbone import BackboneSettings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.coco import COCO_CLASSES, Coco14Settings, CocoSettings
from wsss.settings.data import FolderSettings, SyntheticSettings, Voc12Settings
from wsss.settings.irnet import IrnetSettings
from wsss.settings.locations import LocationSettings
from wsss.settings.own_images import ImagesSettings
from wsss.settings.run import RunSettings
from wsss.training.loop import Plan, rate_share

# Lengths of published lists, by the name of a folder's dataset.
IMAGES = {"voc12": VOC12_LENGTHS, "coco14": COCO14_LENGTHS["leave_out"]}


@dataclass(frozen=True)
class Training:
    """One training: its network, how much of it is trained, and its plan.

    The plan is None if the number of images is not known. `rates` are the first learning rates by the name of their
    parameters. `crop` is in pixels.
    """

    stage: str
    network: str
    parameters: int
    trained: int
    crop: int
    batch: int
    accumulate: int
    rates: Mapping[str, float]
    plan: Plan | None

    def curve(self) -> list[tuple[int, list[float]]]:
        """Some steps, counted from 1, and their learning rates: the first step, each quarter, and the last step."""
        if self.plan is None:
            return []
        last = self.plan.steps - 1
        steps = dict.fromkeys([0, *(self.plan.steps * quarter // 4 for quarter in (1, 2, 3)), last])
        return [(step + 1, [rate * rate_share(self.plan, step) for rate in self.rates.values()]) for step in steps]


def trainings(run: RunSettings, classes: int, images: int | None) -> list[Training]:
    """The trainings of a run on a train list of `images` images, in order; not those that the user's files replace.

    Raises WsssError if the list is shorter than a batch.
    """
    found: list[Training] = []
    for stage in run.trained:
        settings = getattr(run, stage)
        if isinstance(settings, ClassifierSettings):
            found += _classifiers(settings, classes, images)
        elif isinstance(settings, IrnetSettings):
            found.append(_irnet(settings, images))
        else:
            found.append(_segmentation(run, classes))
    return found


class DataSize(NamedTuple):
    """The number of classes, and of images to train on; None if their list is neither on this machine nor published."""

    classes: int
    images: int | None


def data_size(run: RunSettings, locations: LocationSettings) -> DataSize:
    """The size of a run's data. Raises WsssError if it is in files that are not on this machine."""
    data = run.data
    if isinstance(data, SyntheticSettings):
        return DataSize(data.classes, data.train_images)
    if isinstance(data, Coco14Settings):
        return DataSize(len(data.classes or COCO_CLASSES), COCO14_LENGTHS[data.unannotated]["train"])
    if isinstance(data, CocoSettings | ImagesSettings):
        listing = _listing(data, locations)
        return DataSize(len(listing.classes), len(listing.splits["train"]))
    return DataSize(len(data.classes), _listed_images(data, locations))


def _listed_images(data: Voc12Settings | FolderSettings, locations: LocationSettings) -> int | None:
    """Length of the train list. None if the list is neither on this machine nor published."""
    file = train_list_file(data, locations)
    if file is not None:
        return len(read_list(file))
    published = VOC12_LENGTHS if isinstance(data, Voc12Settings) else IMAGES.get(data.name, {})
    return published.get(data.lists.train)


def _listing(data: CocoSettings | ImagesSettings, locations: LocationSettings) -> Listing:
    if locations.dataset is None:
        raise WsssError("config: locations.dataset is missing: set it to the folder of the photographs")
    folder = Path(locations.dataset)
    if isinstance(data, ImagesSettings):
        return list_images(data, folder, locations.lists_folder)
    # Without masks, nothing is written into `out`.
    return list_coco(data.model_copy(update={"masks": False}), folder, out=Path())


def _classifiers(settings: ClassifierSettings, classes: int, images: int | None) -> list[Training]:
    """The training of a classifier. If it starts from a finished classifier, that one's training comes first."""
    earlier = [] if settings.start is None else _classifiers(settings.start, classes, images)
    with torch.device("meta"):
        network = build_classifier(settings, classes)
    words = "" if settings.words == "none" else f", {settings.vocabulary} words"
    start = "" if settings.start is None else f", from the finished {settings.start.label}"
    groups = classification.parameter_groups(network)
    own = Training(
        stage="classifier",
        network=f"{settings.label} on {_named(settings.backbone)}{words}, {classes} classes{start}",
        **_counts(network, groups, [group["name"] for group in groups]),
        crop=settings.crop,
        batch=settings.batch,
        accumulate=1,
        plan=None if images is None else classification.training_plan(settings, images),
    )
    return [*earlier, own]


def _irnet(settings: IrnetSettings, images: int | None) -> Training:
    with torch.device("meta"):
        network = EdgeNetwork(backbone_of(settings.backbone), settings.displacement)
    groups = refinement.parameter_groups(network, settings)
    branches = ("edges", "displacements")[: len(groups)]
    return Training(
        stage="irnet",
        network=f"{' and '.join(branches)} on {_named(settings.backbone)}",
        **_counts(network, groups, branches),
        crop=settings.crop,
        batch=settings.batch,
        accumulate=1,
        plan=None if images is None else refinement.training_plan(settings, images),
    )


def _segmentation(run: RunSettings, classes: int) -> Training:
    settings = run.segmentation
    with torch.device("meta"):
        network = segmentation.build_segmenter(settings, classes)
    groups = segmentation_groups(network, settings)
    dilated = ", dilated" if settings.dilated else ""
    stride = f"output stride {network.backbone.strides[-1]}{dilated}"
    return Training(
        stage="segmentation",
        network=f"DeepLabV2 on {_named(settings.backbone)}, {stride}, {classes + 1} outputs",
        **_counts(network, groups, ("trunk", "head weights", "head biases")),
        crop=settings.crop,
        batch=settings.batch,
        accumulate=settings.accumulate,
        plan=segmentation.training_plan(settings),
    )


def _named(backbone: BackboneSettings) -> str:
    return f"{backbone.name} ({backbone.weights})"


def _counts(network: nn.Module, groups: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """The number of parameters, the number of trained parameters, and the first learning rates of SGD's groups."""
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "trained": sum(parameter.numel() for group in groups for parameter in group["params"]),
        "rates": {name: group["lr"] for name, group in zip(names, groups, strict=True)},
    }


def lines(name: str, run: RunSettings, locations: LocationSettings) -> Iterator[str]:
    """The trainings of a run as lines of text."""
    classes, images = data_size(run, locations)
    known = "a train list that is not here" if images is None else f"{images:,} train images"
    yield f"run {name}: {run.data.name}, {known}"
    for training in trainings(run, classes, images):
        yield f"  {training.stage}: {training.network}"
        yield f"    parameters {training.parameters:,}, trained {training.trained:,}"
        parts = f" in {training.accumulate} parts" if training.accumulate > 1 else ""
        yield f"    batch {training.batch}{parts}, crop {training.crop}, {_steps(training.plan)}"
        if training.plan is not None:
            yield _row("step", [f"lr {group}" for group in training.rates])
        for step, rates in training.curve():
            yield _row(f"{step:,}", [f"{rate:.3g}" for rate in rates])


def _row(step: str, cells: Sequence[str]) -> str:
    return f"    {step:>8}" + "".join(f"{cell:>17}" for cell in cells)


def _steps(plan: Plan | None) -> str:
    if plan is None:
        return "steps not known"
    schedule = "" if plan.steps == plan.total_steps else f" of a schedule of {plan.total_steps:,}"
    return f"{plan.steps:,} steps{schedule}"

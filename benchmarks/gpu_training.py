"""The three trainings on a GPU at their released shapes: a step by itself, and a training that reads image files.

python benchmarks/gpu_training.py    # a minute and a half
"""

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from gpu import card, gpu_seconds, peak_gigaflops
from made_dataset import make_dataset
from measure import highest_mib
from record import Row, command_line, write_record
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from wsss.classification import training as classification
from wsss.classification.classifier import build_classifier
from wsss.data.dataset import Dataset
from wsss.manifests.listed_files import ListedFiles
from wsss.networks.backbones import Backbone, backbone_of
from wsss.networks.inference.network import inference_backbone
from wsss.refinement.irnet import training as refinement
from wsss.refinement.irnet.network import EdgeNetwork
from wsss.runtime.device import move_to_device
from wsss.segmentation import training as segmentation
from wsss.segmentation.deeplab import parameter_groups
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.irnet import IrnetSettings
from wsss.settings.segmentation import SegmentationSettings
from wsss.settings.training import Precision
from wsss.training.loop import Losses, Machine, Plan, Samples, sgd, train, training_step

CLASSES, IMAGES, STEPS, WORKERS, REPETITIONS = 20, 64, 60, 8, 5
# With the real learning rates, untrained weights would not stay finite.
TINY_RATE = 1e-6
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


@dataclass(frozen=True)
class Training:
    """A network and its training, with released settings."""

    name: str
    network: nn.Module
    groups: list[dict[str, object]]
    losses: Callable[..., Losses]
    samples: Samples
    plan: Plan

    @property
    def slow_groups(self) -> list[dict[str, object]]:
        """The groups with a learning rate at which untrained weights stay finite."""
        return [{**group, "lr": TINY_RATE} for group in self.groups]


def backbone(name: str) -> dict[str, str]:
    """Settings of an untrained backbone. Only shapes matter here."""
    return {"name": name, "weights": "scratch"}


def trainings(dataset: Dataset, precision: Precision) -> Iterator[Training]:
    """VWL-L on ResNet101, IRNet on ResNet50 and DeepLabV2 on ResNet101."""
    yield classifier_training(dataset, precision)
    yield edge_training(dataset, precision)
    yield segmentation_training(dataset, precision)


def classifier_training(dataset: Dataset, precision: Precision) -> Training:
    """Crops of 512, batches of 16."""
    settings = ClassifierSettings.model_validate({"backbone": backbone("resnet101"), "precision": precision})
    network = build_classifier(settings, CLASSES)
    calm(network)
    ids = dataset.ids("train")
    samples = classification.LabelledImages(dataset, ids, settings, network.backbone.normalisation)
    groups = classification.parameter_groups(network)
    plan = classification.training_plan(settings, len(ids))
    return Training("classifier", network, groups, classification.classifier_losses, samples, plan)


def edge_training(dataset: Dataset, precision: Precision) -> Training:
    """Crops of 512, batches of 32."""
    settings = IrnetSettings.model_validate({"backbone": backbone("resnet50"), "precision": precision})
    network = EdgeNetwork(backbone_of(settings.backbone))
    calm(network)
    network.backbone = inference_backbone(network.backbone)
    ids, normalisation = dataset.ids("train"), network.backbone.normalisation
    samples = refinement.training_pairs(
        dataset, ids, ListedFiles(dataset.root / "made" / "train.tsv"), settings, normalisation
    )
    losses = partial(refinement.irnet_losses, radius=settings.radius)
    groups = refinement.parameter_groups(network, settings)
    return Training("IRNet", network, groups, losses, samples, refinement.training_plan(settings, len(ids)))


def segmentation_training(dataset: Dataset, precision: Precision) -> Training:
    """Crops of 321 at three scales, batches of 10 in two parts."""
    settings = SegmentationSettings.model_validate({"backbone": backbone("resnet101"), "precision": precision})
    network = segmentation.build_segmenter(settings, CLASSES)
    calm(network)
    ids, normalisation = dataset.ids("train"), network.backbone.normalisation
    samples = segmentation.training_pairs(
        dataset, ids, ListedFiles(dataset.root / "made" / "train.tsv"), settings, normalisation
    )
    losses = partial(segmentation.segmentation_losses, scales=settings.input_scales)
    groups = parameter_groups(network, settings)
    return Training("DeepLabV2", network, groups, losses, samples, segmentation.training_plan(settings))


def calm(network: nn.Module) -> None:
    """Scale down the output of residual blocks, so that features of untrained weights stay finite."""
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and name.endswith("bn3"):
            nn.init.constant_(module.weight, 0.1)


def step_row(training: Training) -> Row:
    """Steps on one batch that is in GPU memory."""
    plan, device = training.plan, move_to_device(training.network.train())
    batch = [torch.stack(part).to(device) for part in zip(*map(training.samples.__getitem__, keys(plan)), strict=True)]
    optimiser = sgd(training.slow_groups, plan.optimiser.model_copy(update={"weight_decay": 0}))
    step = partial(training_step, training.network, optimiser, training.losses, batch, plan, device)
    with FlopCounterMode(display=False) as counter:
        step()
    torch.cuda.reset_peak_memory_stats()
    (seconds,) = gpu_seconds({"step": step}, REPETITIONS).values()
    peak = peak_gigaflops(getattr(torch, plan.precision), tf32=True)
    share = counter.get_total_flops() / 1e9 / seconds / peak
    return Row(
        f"a step of {training.name}, {plan.precision}",
        f"{trunk_of(training.network)}, crops of {batch[0].shape[2]}, batch {plan.batch} in {plan.accumulate}",
        ours=plan.batch / seconds,
        unit="images/s",
        threads=1,
        peak=f"{share:.0%} of {peak / 1e3:.0f} TFLOP/s in {'TF32' if plan.precision == 'float32' else 'bfloat16'}",
        memory=f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB",
    )


def keys(plan: Plan) -> list[tuple[int, int]]:
    """Samples of a first batch."""
    return [(0, index) for index in range(plan.batch)]


def trunk_of(network: nn.Module) -> str:
    """The name of the network's ResNet, by the number of its blocks."""
    assert isinstance(network.backbone, Backbone)
    blocks = len(list(network.backbone.network.layer3))  # type: ignore[arg-type]
    return {6: "ResNet50", 23: "ResNet101"}[blocks]


def reading_row(training: Training, alone: Row) -> Row:
    """The whole training, with loader processes that decode and augment JPEG files."""
    plan = replace(training.plan, steps=STEPS, total_steps=STEPS)
    start = time.perf_counter()
    samples = Repeated(training.samples, plan.batch * STEPS)
    log = train(training.network, training.slow_groups, training.losses, samples, plan, Machine(workers=WORKERS))
    seconds = time.perf_counter() - start
    assert len(log) == STEPS // 10
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return Row(
        f"a training of {training.name}, {plan.precision}, from JPEG files",
        f"{STEPS} steps of {plan.batch} photographs of 500x375, {WORKERS} loader processes, their start included",
        ours=plan.batch * STEPS / seconds,
        unit="images/s",
        threads=WORKERS,
        memory=f"host: {highest_mib() / 1024:.1f} GiB, and up to {child:.1f} GiB for a loader process",
        note=f"{plan.batch * STEPS / seconds / alone.ours:.0%} of the pace of steps whose batch is there already",
    )


class Repeated:
    """A few photographs, repeated with new augmentation as one long epoch."""

    def __init__(self, samples: Samples, length: int) -> None:
        self.samples, self.length = samples, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, ...]:
        torch.set_num_threads(1)
        lap, index = divmod(key[1], len(self.samples))
        return self.samples[(lap, index)]


def main() -> None:
    """Measure, write the record, and print every row."""
    given = command_line(__doc__).parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        dataset = make_dataset(Path(name), IMAGES)
        for precision in PRECISIONS:
            for training in trainings(dataset, precision):
                rows.append(step_row(training))
                rows.append(reading_row(training, rows[-1]))
                print(rows[-2], rows[-1], sep="\n", flush=True)
    write_record(given.record, rows, card())
    for row in rows:
        print(f"{row.claim}: {row.ours:.0f} {row.unit}; {row.peak} {row.memory}; {row.note}")


if __name__ == "__main__":
    main()

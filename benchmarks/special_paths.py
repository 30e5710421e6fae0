"""How much time special code for speed saves: stages of this repository's configs with it and without it.

python benchmarks/special_paths.py --photographs FOLDER    # voc-animals, in VOC layout; some minutes

Each stage runs in its own process on one thread, with and without the special code in turns. Seconds are processor
time, which other processes hardly change. Starts of Python and torch are left out, because they are equal.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import yaml
from PIL import Image
from record import Row, command_line, write_record
from safetensors.torch import save_file
from torch import Tensor, nn

from wsss.cams.shards import write_cam_shard
from wsss.classification.classifier import build_classifier
from wsss.classification.training import train_classifier
from wsss.data.dataset import Dataset
from wsss.data.preparation import prepare
from wsss.data.sources.folder import list_folder
from wsss.files import write_text
from wsss.manifests.listed_files import ListedFiles
from wsss.networks.backbones import Backbone, backbone_of
from wsss.networks.initial_weights import load_initial_weights, write_initial_weights
from wsss.refinement.irnet.network import EdgeNetwork
from wsss.refinement.method import IrnetTraining, Trainings
from wsss.refinement.pseudo_labels import write_pseudo_shard
from wsss.runtime.device import move_to_device
from wsss.settings.cam_files import CamFileSettings
from wsss.settings.label_files import LabelFileSettings
from wsss.settings.run import RunSettings
from wsss.training.loop import Machine

PROJECT = Path(__file__).resolve().parents[1]
PHOTOGRAPHS = PROJECT.parent / "shared" / "voc-animals"
LEAST_GAIN = 0.05


def plain_backbone(backbone: Backbone, precision: torch.dtype = torch.float32) -> Backbone:
    """A backbone as it is trained."""
    move_to_device(backbone.eval())
    return backbone.to(precision)


def as_torch_chooses(images: Tensor, weight: Tensor) -> bool:
    """A replacement of `torch_is_slow`, so that torch's convolution is always used."""
    return False


def resized_by_pillow(
    pixels: np.ndarray, size: tuple[int, int], rows: np.ndarray | None = None, columns: np.ndarray | None = None
) -> np.ndarray:
    """The whole image resized by Pillow, then its rows and columns; (rows, 3, columns)."""
    whole = np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BICUBIC))
    if rows is not None and columns is not None:
        whole = whole[np.ix_(rows, columns)]
    return np.ascontiguousarray(whole.transpose(0, 2, 1))


@dataclass(frozen=True)
class SpecialPath:
    """Special code for speed. `replaced`: replacements of names without it. `exact`: the walk is exact without it.

    `images`: the number of images in the stage.
    """

    name: str
    stage: str
    sizes: str
    images: int
    replaced: Mapping[str, Any]
    exact: bool = False


INFERENCE = "wsss.networks.inference.convolutions"
PATHS = (
    SpecialPath(
        "BatchNorm folded into convolutions",
        "cams",
        "CAMs of voc-animals",
        2,
        {"wsss.classification.classifier.inference_backbone": plain_backbone},
    ),
    SpecialPath(
        "1x1 convolutions by oneDNN on one thread",
        "cams",
        "CAMs of voc-animals",
        2,
        {f"{INFERENCE}.torch_is_slow": as_torch_chooses},
    ),
    SpecialPath("accelerated walk", "pseudo_labels", "pseudo labels of voc-animals", 6, {}, exact=True),
    SpecialPath(
        "own bicubic resizing",
        "classifier",
        "the classifier's training of voc-animals",
        8,
        {"wsss.data.resampling.resize_pixels": resized_by_pillow},
    ),
)


@dataclass(frozen=True)
class Prepared:
    """The inputs of the stages, below a folder: a prepared dataset, weights, and earlier stages."""

    folder: Path
    settings: RunSettings
    images: int

    @property
    def ids(self) -> list[str]:
        """The images that a stage works on."""
        return self.dataset.ids("train")[: self.images]

    @property
    def dataset(self) -> Dataset:
        """The dataset with few images in both lists."""
        return Dataset(self.folder / "data")

    @property
    def initial(self) -> Path:
        """Weights of a backbone from ImageNet."""
        return self.folder / "initial" / "weights.safetensors"

    @property
    def weights(self) -> tuple[Path, Path]:
        """Weights of a classifier and of IRNet's branches, with untrained heads on that backbone."""
        return self.folder / "classifier.safetensors", self.folder / "edges.safetensors"


def settings_of(config: str) -> RunSettings:
    """The base run of a config of this repository."""
    content = yaml.safe_load((PROJECT / config).read_text())
    return RunSettings.model_validate({name: content[name] for name in RunSettings.model_fields if name in content})


def prepare_weights(prepared: Prepared) -> None:
    """The backbone's weights, a classifier and IRNet's branches."""
    settings, dataset = prepared.settings, prepared.dataset
    assert settings.classifier is not None
    write_initial_weights(settings.classifier.backbone, {}, prepared.initial.parent)
    torch.manual_seed(0)
    classifier = build_classifier(settings.classifier, len(dataset.classes))
    load_initial_weights(classifier.backbone, prepared.initial)
    assert settings.irnet is not None
    branches = EdgeNetwork(backbone_of(settings.irnet.backbone)).branches
    networks: tuple[nn.Module, ...] = (classifier, branches)
    for file, network in zip(prepared.weights, networks, strict=True):
        save_file({name: value.contiguous() for name, value in network.state_dict().items()}, file)


def prepare_photographs(folder: Path, photographs: Path, count: int) -> Prepared:
    """Prepare `count` photographs of voc-animals, with the settings of their config."""
    prepared = Prepared(folder, settings_of("configs/voc-animals.yaml"), count)
    source = folder / "source"
    for split, images in (("train", count), ("val", 1)):
        ids = (photographs / f"ImageSets/Segmentation/{split}.txt").read_text().split()[:images]
        write_text(source / f"ImageSets/Segmentation/{split}.txt", "\n".join(ids) + "\n")
    for name in ("JPEGImages", "image_labels.csv"):
        (source / name).symlink_to(photographs.resolve() / name)
    data: Any = prepared.settings.data
    lists = {"train": "train", "train_scored": "train", "val": "val"}
    prepare(list_folder(source, data.classes, data.ignored_classes, lists), folder / "data")
    prepare_weights(prepared)
    return prepared


def prepare_stage(path: SpecialPath, folder: Path, photographs: Path) -> Prepared:
    """Prepare the inputs of the stage of `path`."""
    prepared = prepare_photographs(folder, photographs, path.images)
    if path.stage == "pseudo_labels":
        run_cams(prepared, "cams")
    return prepared


def run_cams(prepared: Prepared, name: str) -> None:
    """CAM stores of the photographs."""
    dataset, settings, out = prepared.dataset, prepared.settings, prepared.folder / name
    ids, manifest = prepared.ids, out / "0-of-1.tsv"
    assert settings.classifier is not None
    assert not isinstance(settings.cams, CamFileSettings)
    write_cam_shard(dataset, ids, prepared.weights[0], settings.classifier, settings.cams, out, manifest)


def run_pseudo_labels(prepared: Prepared, name: str) -> None:
    """Pseudo labels of the photographs."""
    dataset, settings, out = prepared.dataset, prepared.settings, prepared.folder / name
    assert settings.irnet is not None
    assert not isinstance(settings.pseudo_labels, LabelFileSettings)
    trainings = Trainings(IrnetTraining(settings.irnet, prepared.initial, prepared.weights[1]))
    ids, manifest = prepared.ids, out / "0-of-1.tsv"
    write_pseudo_shard(
        dataset,
        ids,
        ListedFiles(prepared.folder / "cams" / "0-of-1.tsv"),
        settings.pseudo_labels,
        trainings,
        out,
        manifest,
    )


def run_classifier(prepared: Prepared, name: str) -> None:
    """One epoch of the classifier's training, on all images."""
    assert prepared.settings.classifier is not None
    settings = prepared.settings.classifier.model_copy(update={"stop_after_epoch": 1})
    train_classifier(prepared.dataset, settings, prepared.initial, prepared.folder / name, Machine())


STAGES: Mapping[str, Callable[[Prepared, str], None]] = {
    "cams": run_cams,
    "pseudo_labels": run_pseudo_labels,
    "classifier": run_classifier,
}


def without(path: SpecialPath, prepared: Prepared) -> Prepared:
    """Remove the special code from this process and from the settings."""
    for name, replacement in path.replaced.items():
        patch(name, replacement).start()
    if not path.exact:
        return prepared
    walk = prepared.settings.pseudo_labels.model_copy(update={"walk": "exact"})
    return replace(prepared, settings=prepared.settings.model_copy(update={"pseudo_labels": walk}))


def send_seconds(sending: Connection, path: SpecialPath, prepared: Prepared, with_it: bool) -> None:
    """Run the stage of `path` in this process, and send its seconds of processor time."""
    torch.set_num_threads(1)
    used = prepared if with_it else without(path, prepared)
    start = time.process_time()
    STAGES[path.stage](used, f"{path.stage}-{'with' if with_it else 'without'}")
    sending.send(time.process_time() - start)


def seconds_elsewhere(path: SpecialPath, prepared: Prepared, with_it: bool) -> float:
    """Seconds of the stage in its own process."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=send_seconds, args=(sending, path, prepared, with_it))
    child.start()
    sending.close()
    seconds: float = receiving.recv()
    child.join()
    return seconds


def measure(path: SpecialPath, prepared: Prepared, repetitions: int) -> Row:
    """Medians with and without the special code, in turns."""
    prepared = replace(prepared, images=path.images)
    pairs = [[seconds_elsewhere(path, prepared, with_it) for with_it in (True, False)] for _ in range(repetitions)]
    ours, plain = (median(seconds) for seconds in zip(*pairs, strict=True))
    gain = 1 - ours / plain
    print(f"{path.name}: {ours:.2f} s with, {plain:.2f} s without: {gain:.1%}", pairs, flush=True)
    return Row(
        path.name,
        f"{path.sizes}, {path.images} images",
        ours=ours,
        unit="s",
        threads=1,
        reference=plain,
        ratio=plain / ours,
        note="kept" if gain >= LEAST_GAIN else "below 5%",
    )


def main() -> None:
    """Measure, write the record, and print every row."""
    parser = command_line(__doc__)
    parser.add_argument("--photographs", type=Path, default=PHOTOGRAPHS, help="voc-animals, in VOC layout")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="names of paths", choices=[path.name for path in PATHS])
    given = parser.parse_args()
    paths = [path for path in PATHS if given.only is None or path.name in given.only]
    with tempfile.TemporaryDirectory() as name:
        rows = [
            measure(path, prepare_stage(path, Path(name) / str(number), given.photographs), given.repetitions)
            for number, path in enumerate(paths)
        ]
    write_record(given.record, rows)


if __name__ == "__main__":
    main()

"""What the check of files costs that a stage opens, as a share of the stage, on one core.

python benchmarks/checked_reading.py    # a minute

Sums are computed once for each file and process. So each stage is measured with every file read for the first time, and
with the least that it can do with a file. A training reads its photographs in every epoch and sums them in the first.
"""

import hashlib
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from made_dataset import make_dataset
from measure import median_seconds
from record import Row, command_line, write_record
from safetensors.torch import save_file

from wsss.cams.shards import load_cam_maker
from wsss.classification.classifier import build_classifier
from wsss.classification.training import LabelledImages
from wsss.data.dataset import Dataset
from wsss.evaluation.cam_curve import score_cams
from wsss.evaluation.scores import score_labels
from wsss.evaluation.thresholds import score_range
from wsss.files import sha256_of
from wsss.manifests.listed_files import ListedFiles
from wsss.manifests.rows import write_manifest
from wsss.networks.backbones import TORCHVISION_INPUT
from wsss.networks.finite import require_finite_weights
from wsss.networks.saved_weights import read_weights
from wsss.segmentation.training import training_pairs
from wsss.settings.cam_curve import CamCurveSettings
from wsss.settings.cams import PlainCamSettings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.segmentation import SegmentationSettings
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path

IMAGES, MOST = 60, 0.02
BACKBONE = {"name": "resnet50", "weights": "scratch"}
CLASSIFIER = ClassifierSettings.model_validate({"backbone": BACKBONE})
SEGMENTATION = SegmentationSettings.model_validate({"backbone": BACKBONE})


def make_stores(dataset: Dataset, folder: Path) -> ListedFiles:
    """CAM stores of the images, at the resolution of a network, and their manifest."""
    rng, ids = np.random.default_rng(0), dataset.ids("train")
    for image_id in ids:
        height, width = dataset.sizes[image_id]
        keys, scales = dataset.present(image_id), (1.0, 0.5, 1.5, 2.0)
        grids = [(round(height * scale / 16), round(width * scale / 16)) for scale in scales]
        maps = [rng.random((len(keys), *grid), np.float32).astype(np.float16) for grid in grids]
        CamStore(image_id, (height, width), keys, scales, maps, "made").write(store_path(folder, image_id))
    write_manifest(folder / "train.tsv", folder, [(one, str(store_path(Path(), one))) for one in ids])
    return ListedFiles(folder / "train.tsv")


def sums(paths: list[Path]) -> None:
    """What the check adds to a file whose content has been read: its sum."""
    for content in (path.read_bytes() for path in paths):
        hashlib.sha256(content).hexdigest()


def reads(paths: list[Path]) -> None:
    """Reading alone, which is not part of the check."""
    for path in paths:
        path.read_bytes()


def draw(samples: LabelledImages | object, count: int) -> None:
    """Samples of one epoch."""
    for index in range(count):
        samples[0, index]  # type: ignore[index]


def compare(stage: str, files: list[Path], run: Callable[[], object], repetitions: int) -> Row:
    """The seconds of the check of some files, and those of a stage that reads them."""
    calls: dict[str, Callable[[], object]] = {
        "stage": run,
        "sums": partial(sums, files),
        "reads": partial(reads, files),
    }
    seconds = median_seconds(calls, dict.fromkeys(calls, repetitions), time.process_time)
    size = sum(path.stat().st_size for path in files) / len(files)
    return row_of(stage, f"{len(files)} files of {size / 1000:.1f} kB", seconds["sums"] - seconds["reads"], seconds)


def row_of(stage: str, sizes: str, check: float, seconds: dict[str, float]) -> Row:
    """The row of a stage."""
    share = check / seconds["stage"]
    return Row(
        f"checked reading: {stage}",
        sizes,
        ours=1000 * check,
        unit="ms",
        threads=1,
        reference=1000 * seconds["stage"],
        error=f"{share:.2%} of the stage",
        goal=f"at most {MOST:.0%} of the stage",
        met=share <= MOST,
        note="the reference is the whole stage, ours is the check in it; processor's seconds",
    )


def weights_row(folder: Path, dataset: Dataset, repetitions: int) -> Row:
    """The check of a ResNet50's weights, and the CAMs of a single image with them."""
    torch.manual_seed(0)
    network = build_classifier(CLASSIFIER, len(dataset.classes))
    save_file(network.state_dict(), folder / "classifier.safetensors")
    weights, image_id = folder / "classifier.safetensors", dataset.ids("val")[0]

    def cams_of_one() -> None:
        maker = load_cam_maker(weights, CLASSIFIER, len(dataset.classes), PlainCamSettings())
        maker.stores_of([maker.prepared(image_id, dataset.image(image_id), dataset.present(image_id))])

    state = read_weights(weights)
    calls: dict[str, Callable[[], object]] = {
        "stage": cams_of_one,
        "sums": partial(sha256_of, weights),
        "finite": partial(require_finite_weights, "", state, ""),
    }
    seconds = median_seconds(calls, dict.fromkeys(calls, repetitions), time.process_time)
    sizes = f"ResNet50, {weights.stat().st_size / 1e6:.0f} MB, and one image of 500x375"
    return row_of("weights, and the CAMs of one image", sizes, seconds["sums"] + seconds["finite"], seconds)


def main() -> None:
    """Print the share of the check in each stage."""
    parser = command_line(__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        dataset = make_dataset(Path(place), IMAGES)
        ids, made = dataset.ids("train"), ListedFiles(dataset.root / "made" / "train.tsv")
        stores = make_stores(dataset, Path(place) / "cams")
        photographs = [dataset.image_path(one) for one in ids]
        masks = [dataset.root / dataset.index[one].mask for one in ids]
        labels, cams = [made.path(one) for one in ids], [stores.path(one) for one in ids]
        scores = score_range(*CamCurveSettings().thresholds)
        images = LabelledImages(dataset, ids, CLASSIFIER, TORCHVISION_INPUT)
        pairs = training_pairs(dataset, ids, made, SEGMENTATION, TORCHVISION_INPUT)
        stages: dict[str, tuple[list[Path], Callable[[], object]]] = {
            "samples of the classifier's training": (photographs, partial(draw, images, IMAGES)),
            "samples of DeepLabV2's training": ([*photographs, *labels], partial(draw, pairs, IMAGES)),
            "scores of CAMs": ([*cams, *masks], partial(score_cams, dataset, ids, stores, scores)),
            "scores of label images": ([*labels, *masks], partial(score_labels, dataset, ids, made, 1)),
        }
        rows = [compare(stage, files, run, given.repetitions) for stage, (files, run) in stages.items()]
        rows.append(weights_row(Path(place), dataset, given.repetitions))
    write_record(given.record, rows)
    for row in rows:
        print(f"{row.claim}: {row.ours:.2f} of {row.reference:.0f} ms, {row.error}")


if __name__ == "__main__":
    main()

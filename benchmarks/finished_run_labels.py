"""How the accelerated walk and CAMs in bfloat16 change the pseudo labels of finished runs on real photographs.

python benchmarks/finished_run_labels.py --run results/runs/default    # minutes a run for some hundred images
"""

import statistics
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from cams import our_cams
from finished_run import FinishedRun
from random_walk import Labelled, Scene, compare_labels
from record import Row, command_line, write_record

from wsss.classification.classifier import load_classifier
from wsss.data.images import read_image
from wsss.evaluation.scores import confusion_matrix, mean_iou
from wsss.refinement.random_walk import pseudo_label
from wsss.runtime.device import move_to_device
from wsss.settings.classifier import ClassifierSettings


def name_of(run: FinishedRun) -> str:
    """The name of the run's dataset."""
    return run.dataset.root.name.rpartition("-")[0]


def scenes_of_run(run: FinishedRun) -> Iterator[Labelled]:
    """Train images of a finished run: their CAMs, and the edges of its IRNet."""
    for store, edge in run.train_images:
        scene = Scene(store.size, torch.from_numpy(edge), torch.from_numpy(store.strided()))
        yield scene, {run.pseudo_labels.background_score, run.pseudo_labels.object_score}


def scores_of_pseudo_labels(run: FinishedRun) -> tuple[float, float]:
    """mIoU of pseudo labels on train, in percent, with the run's edges: from its CAMs, and from CAMs in bfloat16."""
    folder, settings = run.stages["classifier"]
    dataset = run.dataset
    weights = folder / "classifier.safetensors"
    trained = ClassifierSettings.model_validate(settings)
    network = load_classifier(trained, len(dataset.classes), weights, torch.bfloat16)
    move_to_device(network)
    scored, labels = set(dataset.ids("train_scored")), len(dataset.classes) + 1
    complete = run.pseudo_labels.model_copy(update={"background_score": run.pseudo_labels.object_score})
    matrices = np.zeros((2, labels, labels), np.int64)
    for store, edge in run.train_images:
        if store.image_id not in scored:
            continue
        image = read_image(dataset.image_path(store.image_id))
        truth = dataset.truth(store.image_id)
        for matrix, cams in zip(matrices, (store, our_cams(network, image, store.keys, store.scales)), strict=True):
            found = pseudo_label(cams.strided(), cams.keys, edge, cams.size, complete, torch.device("cpu"))
            matrix += confusion_matrix(truth, found, labels)
    float32, bfloat16 = (100 * mean_iou(matrix) for matrix in matrices)
    return float32, bfloat16


def compare_pseudo_labels(runs: Sequence[FinishedRun]) -> Row:
    """The change of the pseudo labels' mIoU by CAMs in bfloat16: the mean and each run. The goal is for every run."""
    float32, bfloat16 = zip(*map(scores_of_pseudo_labels, runs), strict=True)
    differences = [after - before for before, after in zip(float32, bfloat16, strict=True)]
    first = runs[0]
    return Row(
        "mIoU of pseudo labels, CAMs in bfloat16 against float32",
        f"{len(first.dataset.ids('train_scored'))} train images of {name_of(first)}, "
        f"{first.stages['classifier'][1]['backbone']['name']}, the edges of float32's IRNet, mean of {len(runs)} runs",
        ours=statistics.mean(bfloat16),
        unit="%",
        threads=torch.get_num_threads(),
        reference=statistics.mean(float32),
        error=f"{statistics.mean(differences):+.3f}",
        goal="within 0.1 in every run",
        met=max(map(abs, differences)) <= 0.1,
        note=f"run by run {', '.join(f'{difference:+.3f}' for difference in differences)}",
    )


def main() -> None:
    """Measure, write the record, and print the differences."""
    parser = command_line(__doc__)
    parser.add_argument(
        "--run",
        type=Path,
        nargs="+",
        required=True,
        help="finished runs of one dataset with masks, such as results/runs/default",
    )
    given = parser.parse_args()
    runs = [FinishedRun(folder) for folder in given.run]
    scenes = chain.from_iterable(map(scenes_of_run, runs))
    rows = [compare_labels(scenes, name_of(runs[0])), compare_pseudo_labels(runs)]
    write_record(given.record, rows)
    for row in rows:
        print(f"{row.claim}: {row.ours:.4g} {row.unit}; {row.error}. {row.note}".rstrip())


if __name__ == "__main__":
    main()

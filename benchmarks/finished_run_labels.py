"""What the accelerated walk and CAMs in bfloat16 do to the pseudo labels of a finished run on real photographs.

python benchmarks/finished_run_labels.py --run results/runs/default    # minutes for some hundred images
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from cams import our_cams
from finished_run import FinishedRun
from random_walk import Labelled, Scene, compare_labels
from record import Row, command_line, write_record

from wsss.classification.network import load_classifier
from wsss.data.images import read_image
from wsss.device import place
from wsss.evaluation.scores import confusion_matrix, mean_iou
from wsss.refinement.random_walk import pseudo_label
from wsss.settings.classification import ClassifierSettings


def name_of(run: FinishedRun) -> str:
    """The name of the run's dataset."""
    return run.dataset.root.name.rpartition("-")[0]


def scenes_of_run(run: FinishedRun) -> Iterator[Labelled]:
    """Train images of a finished run: their CAMs, and the edges that its IRNet draws."""
    for store, edge in run.train_images():
        scene = Scene(store.size, torch.from_numpy(edge), torch.from_numpy(store.strided()))
        yield scene, {run.pseudo_labels.background_score, run.pseudo_labels.object_score}


def compare_pseudo_labels(run: FinishedRun) -> Row:
    """mIoU on train of the pseudo labels by the run's own edges, from its CAMs and from CAMs in bfloat16."""
    folder, settings = run.stages["classifier"]
    dataset = run.dataset
    weights = folder / "classifier.safetensors"
    network = load_classifier(ClassifierSettings.model_validate(settings), len(dataset.classes), weights)
    place(network)
    network.backbone.to(torch.bfloat16)
    scored, labels = set(dataset.ids("train_scored")), len(dataset.classes) + 1
    complete = run.pseudo_labels.model_copy(update={"background_score": run.pseudo_labels.object_score})
    matrices = {way: np.zeros((labels, labels), np.int64) for way in ("float32", "bfloat16")}
    for store, edge in run.train_images():
        if store.image_id not in scored:
            continue
        image = read_image(dataset.image_path(store.image_id))
        cams = {"float32": store, "bfloat16": our_cams(network, image, store.keys, store.scales)}
        truth = dataset.truth(store.image_id)
        for way, one in cams.items():
            found = pseudo_label(one.strided(), one.keys, edge, one.size, complete, torch.device("cpu"))
            matrices[way] += confusion_matrix(truth, found, labels)
    scores = {way: 100 * mean_iou(matrix) for way, matrix in matrices.items()}
    return Row(
        "mIoU of pseudo labels, CAMs in bfloat16 against float32",
        f"{len(scored)} train images of {name_of(run)}, {settings['backbone']['name']}, the edges of float32's IRNet",
        ours=scores["bfloat16"],
        unit="%",
        threads=torch.get_num_threads(),
        reference=scores["float32"],
        error=f"{scores['bfloat16'] - scores['float32']:+.3f}",
        goal="within 0.1",
        met=abs(scores["bfloat16"] - scores["float32"]) <= 0.1,
    )


def main() -> None:
    """Measure, write the record, and print what differs."""
    parser = command_line(__doc__)
    parser.add_argument("--run", type=Path, required=True, help="a finished run with masks: results/runs/default")
    given = parser.parse_args()
    run = FinishedRun(given.run)
    rows = [compare_labels(scenes_of_run(run), name_of(run)), compare_pseudo_labels(run)]
    write_record(given.record, rows)
    for row in rows:
        print(f"{row.claim}: {row.ours:.4g} {row.unit}; {row.error}")


if __name__ == "__main__":
    main()

"""The report of a run, from its metrics, curves, panels and training logs."""

import json
from collections.abc import Mapping
from pathlib import Path

from wsss.data.dataset import Dataset
from wsss.evaluation.collect import collect, curve_of
from wsss.evaluation.metrics import Record, read_metrics
from wsss.evaluation.thresholds import best
from wsss.files import write_text
from wsss.reporting.figures import draw_threshold_curve, draw_training_curve
from wsss.reporting.report import write_report
from wsss.settings.run import RunSettings

LOGS = {"classifier_log": "classifier", "irnet_log": "IRNet", "segmentation_log": "DeepLabV2"}
PANELS = {
    "panels_val": "Images of val: photograph, CAM, pseudo label, prediction with CRF, truth",
    "panels_train": "Images of train: photograph, CAM, pseudo label, prediction with CRF, truth",
}


def write_run_report(
    name: str,
    run: RunSettings,
    paths: Mapping[str, str],
    files: Mapping[str, Path],
    report: Path,
    artifacts: Path,
) -> None:
    """Write report.html and artifacts.tsv (stage, path, settings) of the run `name`.

    `paths` has the folder of each stage. `files` has metrics and images. If the run has them, it also has cam_train,
    cam_val, panels_train, panels_val, the training logs, and the scores of the upper bound as bound_<stage>_<split>.
    """
    settings = {stage: values for stage, values in run.model_dump(mode="json").items() if isinstance(values, dict)}
    listed = [
        {"stage": stage, "path": path, "settings": json.dumps(settings.get(stage, {}), sort_keys=True)}
        for stage, path in paths.items()
    ]
    dataset = Dataset(files["images"].parent)
    write_report(
        report,
        title=f"{run.data.name}: {name}",
        metrics=read_metrics(files["metrics"]),
        bounds=_bounds(dataset, run, files),
        settings=settings,
        figures=_figures(dataset, files, report.parent),
        artifacts=listed,
        facts={
            "dataset": run.data.name,
            "classes": ", ".join(dataset.classes),
            "images": f"{len(dataset.ids('train'))} train, {len(dataset.ids('val'))} val",
            "method": run.classifier.label,
            "trained on": run.supervision.replace("_", " "),
        },
    )
    lines = ["stage\tpath\tsettings", *("\t".join(row.values()) for row in listed)]
    write_text(artifacts, "\n".join(lines) + "\n")


def _bounds(dataset: Dataset, run: RunSettings, files: Mapping[str, Path]) -> list[Record]:
    """Records of the same network trained on the truth; empty if the report does not need them."""
    scores = {name.removeprefix("bound_"): file for name, file in files.items() if name.startswith("bound_")}
    return collect(run.model_copy(update={"supervision": "truth"}), dataset.classes, scores)


def _figures(dataset: Dataset, files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Draw the curves into `folder`. Returns every figure by its caption, in the order of the page."""
    figures: dict[str, Path] = {}
    if "cam_train" in files:
        curves = {
            split: curve_of(json.loads(files[f"cam_{split}"].read_text()), dataset.classes)
            for split in ("train", "val")
        }
        path = folder / "threshold_curve.png"
        draw_threshold_curve(curves, best(curves["train"])["background_score"], path)
        figures["mIoU of the CAMs over the background score; the line marks the score chosen on train"] = path
    figures |= {caption: files[panels] for panels, caption in PANELS.items() if panels in files}
    path = folder / "training.png"
    draw_training_curve({title: files[log] for log, title in LOGS.items() if log in files}, path)
    figures["Losses of the trainings"] = path
    return figures

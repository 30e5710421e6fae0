"""The report of a run, from its metrics, curves, panels and training logs."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from wsss.data.dataset import Dataset, scored_split
from wsss.evaluation.collect import collect, curves_of
from wsss.evaluation.metrics import Record, read_metrics
from wsss.evaluation.thresholds import best
from wsss.files import write_text
from wsss.manifests.single_files import list_file
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
    dataset, metrics = Dataset(files["images"].parent), read_metrics(files["metrics"])
    write_report(
        report,
        title=f"{run.data.name}: {name}",
        metrics=metrics,
        bounds=_bounds(dataset, run, files),
        settings=settings,
        figures=_figures(dataset, files, report.parent),
        artifacts=listed,
        facts={
            "dataset": run.data.name,
            "classes": ", ".join(dataset.classes),
            "images": f"{len(dataset.ids('train'))} train, {len(dataset.ids('val'))} val",
            "method": run.method,
            "trained on": run.trained_on,
        },
        notes=list(_notes(dataset, run, bool(metrics))),
        skipped=dataset.skipped,
        has_background=dataset.has_background,
    )
    lines = ["stage\tpath\tsettings", *("\t".join(row.values()) for row in listed)]
    write_text(artifacts, "\n".join(lines) + "\n")


def _notes(dataset: Dataset, run: RunSettings, has_scores: bool) -> Iterator[str]:
    """Sentences about splits without images and images without masks; none if everything on the lists is scored."""
    # Without pseudo labels there are no scores on train.
    splits = ("train", "val") if run.has_labels else ("val",)
    if not has_scores:
        masks = any(dataset.scored_ids(split) for split in splits)
        yield f"{'The masks hold only ignored pixels' if masks else 'No masks'}: no scores. All else was made as usual."
    for split in splits:
        listed, scored = len(dataset.ids(scored_split(split)) or dataset.ids(split)), len(dataset.scored_ids(split))
        if not listed:
            yield f"No images of {split}: nothing is predicted and scored on {split}."
        elif scored < listed:
            of_these = f"scores on {split} are of these" if scored else f"no scores on {split}"
            yield f"Masks of {scored} of {listed} images of {split}: {of_these}."


def _bounds(dataset: Dataset, run: RunSettings, files: Mapping[str, Path]) -> list[Record]:
    """Records of the same network trained on the truth; empty if the report does not need them."""
    scores = {name.removeprefix("bound_"): file for name, file in files.items() if name.startswith("bound_")}
    return collect(run.model_copy(update={"supervision": "truth"}), dataset, scores)


def _figures(dataset: Dataset, files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Draw the curves into `folder`. Returns every figure by its caption, in the order of the page."""
    figures = _threshold_figure(dataset, files, folder / "threshold_curve.png")
    shown = {f"panels_{split}" for split in ("train", "val") if dataset.ids(split)}
    figures |= {caption: files[panels] for panels, caption in PANELS.items() if panels in files and panels in shown}
    # A run with a finished segmentation network trains nothing.
    if logs := {title: files[log] for log, title in LOGS.items() if log in files}:
        path = folder / "training.png"
        draw_training_curve(logs, path)
        list_file(path)
        figures["Losses of the trainings"] = path
    return figures


def _threshold_figure(dataset: Dataset, files: Mapping[str, Path], path: Path) -> dict[str, Path]:
    """The figure of the CAMs' threshold curves; none without masks, or where no score is compared with CAMs."""
    curves = curves_of(dataset, files)
    if not curves or not dataset.has_background:
        return {}
    first = next(iter(curves))
    draw_threshold_curve(curves, best(curves[first])["background_score"], path)
    list_file(path)
    return {f"mIoU of the CAMs over the background score; the line marks the score chosen on {first}": path}

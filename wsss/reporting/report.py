"""The report of a run: one self-contained page, and a table for the terminal. Both show scores in percent."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from wsss.data.index import SkippedImage
from wsss.errors import WsssError
from wsss.evaluation.metrics import Record
from wsss.files import write_text
from wsss.settings.comparison import ScoredStage

STAGES = get_args(ScoredStage)
STAGE_TITLES = {
    "cam": "CAM",
    "cam_crf": "CAM + CRF",
    "pseudo_label": "pseudo labels",
    "merged_label": "pseudo labels + object masks",
    "prediction": "prediction",
    "prediction_crf": "prediction + CRF",
}
POST_PROCESSING_TITLES = {"none": "no", "crf": "yes", "pamr": "PAMR instead"}
SUPERVISION_TITLES = {None: "–", "pseudo_labels": "pseudo labels", "truth": "truth (full supervision)"}
COLUMNS = (
    "stage",
    "split",
    "mIoU %",
    "pixel acc. %",
    "images",
    "CRF",
    "background score",
    "trained on",
    "initialisation",
    "seed",
)
UPPER_BOUND = "† chosen with the masks of the very split that is scored: an upper bound"
NUMBERS = frozenset({"mIoU %", "pixel acc. %", "images", "seed"})


@dataclass(frozen=True)
class _Row:
    """A record as texts. `cells`: by column. `per_class`: in percent or None. `share`: mIoU in percent."""

    cells: dict[str, str]
    per_class: dict[str, float | None]
    share: float


def write_report(
    path: Path,
    *,
    title: str,
    metrics: Sequence[Record],
    bounds: Sequence[Record],
    settings: Mapping[str, Mapping[str, Any]],
    figures: Mapping[str, Path],
    artifacts: Sequence[Mapping[str, str]],
    facts: Mapping[str, str],
    notes: Sequence[str] = (),
    skipped: Sequence[SkippedImage] = (),
    has_background: bool = True,
) -> None:
    """Write the page of a run: one HTML file with its figures inside, which loads nothing and runs no script.

    `bounds`: scores of the same network trained on the truth, empty if not requested. `settings`: the settings of each
    stage. `figures`: PNG files by caption, in the order of the page. `artifacts`: mappings with stage, path and
    settings. `facts`: further facts of the run, such as its dataset. `notes`: sentences about what the scores are of,
    shown first. `skipped`: images that were left out. `has_background`: whether pixels may belong to no class. Without
    metrics the page says that there are no scores. Raises WsssError if a figure is missing.
    """
    records = ordered(metrics)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(
        title=title,
        columns=COLUMNS,
        numbers=NUMBERS,
        headline=_row(_headline(records)) if records else None,
        rows=[_row(item) for item in records],
        recoveries=[_recovery(item, bound) for bound in bounds for item in records if _same_stage(item, bound)],
        has_upper_bound=any(_chosen_on_itself(item) for item in records),
        class_names=list(dict.fromkeys(name for item in records for name in item.per_class)),
        settings={stage: flattened(values) for stage, values in settings.items()},
        figures={caption: _data_uri(file) for caption, file in figures.items()},
        artifacts=artifacts,
        facts=facts,
        notes=notes,
        skipped=skipped,
        has_background=has_background,
    )
    write_text(path, page + "\n")


def summary_text(metrics: Sequence[Record]) -> str:
    """The scores as an aligned table for a terminal: one line for each record, in the order of the stages."""
    records = ordered(metrics)
    if not records:
        return "No scores: the report says why.\n"
    table = [dict(zip(COLUMNS, COLUMNS, strict=True)), *(_row(item).cells for item in records)]
    widths = {column: max(len(cells[column]) for cells in table) for column in COLUMNS}
    lines = ["  ".join(_aligned(cells[column], column, widths[column]) for column in COLUMNS) for cells in table]
    lines.insert(1, "  ".join("-" * widths[column] for column in COLUMNS))
    lines += notes_of(records)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def notes_of(metrics: Sequence[Record]) -> list[str]:
    """What must be said below a table of these scores."""
    return [UPPER_BOUND] if any(_chosen_on_itself(item) for item in metrics) else []


def cells_of(item: Record) -> dict[str, str]:
    """The cells of a score in a table, by column."""
    return _row(item).cells


def _aligned(text: str, column: str, width: int) -> str:
    return text.rjust(width) if column in NUMBERS else text.ljust(width)


def ordered(metrics: Sequence[Record]) -> list[Record]:
    """Scores in the order of the stages."""
    return sorted(metrics, key=lambda item: (STAGES.index(item.stage), item.split))


def _headline(records: Sequence[Record]) -> Record:
    """The score of the last stage that has one, on val if possible."""
    return max(records, key=lambda item: (STAGES.index(item.stage), item.split == "val"))


def _row(item: Record) -> _Row:
    cells = (
        _title(item),
        item.split,
        _percent(item.miou),
        _percent(item.pixel_accuracy),
        _images(item),
        POST_PROCESSING_TITLES[item.post_processing],
        _threshold(item),
        SUPERVISION_TITLES[item.supervision],
        item.initialisation,
        "–" if item.seed is None else str(item.seed),
    )
    per_class = {name: None if iou is None else 100 * iou for name, iou in item.per_class.items()}
    return _Row(dict(zip(COLUMNS, cells, strict=True)), per_class, 100 * item.miou)


def _title(item: Record) -> str:
    """The name of the stage, with the method that replaced the CRF, if one did."""
    title = STAGE_TITLES[item.stage]
    return title.replace("+ CRF", "+ PAMR") if item.post_processing == "pamr" else title


def _same_stage(item: Record, other: Record) -> bool:
    return (item.stage, item.split) == (other.stage, other.split)


def _recovery(item: Record, bound: Record) -> dict[str, str]:
    """A score as a share of its upper bound, as texts."""
    return {
        "stage": _title(item),
        "split": item.split,
        "pseudo labels": _percent(item.miou),
        "truth": _percent(bound.miou),
        "recovery ratio": f"{_percent(item.miou / bound.miou)}%" if bound.miou else "–",
    }


def _images(item: Record) -> str:
    """The number of images that are scored, and of how many if some have no mask."""
    everything = item.listed is None or item.listed == item.images
    return str(item.images) if everything else f"{item.images} of {item.listed}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


def _threshold(item: Record) -> str:
    if item.threshold is None:
        return "–"
    origin = "from config" if item.threshold_from == "config" else f"chosen on {item.threshold_from}"
    return f"{item.threshold:g}, {origin}{' †' if _chosen_on_itself(item) else ''}"


def _chosen_on_itself(item: Record) -> bool:
    return item.threshold_from == item.split


def flattened(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as dotted keys. Values are JSON, except texts, which are not quoted."""
    flat: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            flat.update(flattened(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value if isinstance(value, str) else json.dumps(value)
    return flat


def _data_uri(path: Path) -> str:
    try:
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
    except FileNotFoundError:
        raise WsssError(f"missing figure: {path}; run the workflow up to its report") from None

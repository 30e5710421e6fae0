"""The card of a model: what it was trained on, how good it is on which images, and how it is used."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from wsss.data.dataset import Dataset
from wsss.evaluation.comparison import table_line
from wsss.evaluation.metrics import Record
from wsss.files import write_text
from wsss.reporting.report import COLUMNS, cells_of, flattened, notes_of, ordered
from wsss.settings.run import RunSettings

# The settings that a use of the model needs. All others are in the report of the run.
SHOWN = ("segmentation", "prediction", "prediction_labels")
USE = """\
    wsss segment segmenter.safetensors photographs/ -o masks --overlay

```python
import wsss

segmented = wsss.load_segmenter("segmenter.safetensors").predict("cow.jpg")
segmented.labels                       # uint8 (height, width), the values of the table above
segmented.overlay().save("overlay.jpg")
```

The file is in the format of safetensors: loading it runs no code. Its metadata say what using it needs: classes,
network, scales and CRF."""


def write_model_card(
    name: str,
    run: RunSettings,
    dataset: Dataset,
    metrics: Sequence[Record],
    digests: Mapping[str, str],
    path: Path,
) -> None:
    """Write model_card.md of a run.

    Parameters
    ----------
    name : str
        The name of the run's folder.
    run : RunSettings
        The run.
    dataset : Dataset
        Its dataset.
    metrics : Sequence[Record]
        Its scores; empty where nothing could be scored.
    digests : Mapping[str, str]
        The digest of the run's `settings` and that of its `code`.
    path : Path
        The file to write.
    """
    sections = [
        f"# A segmentation network trained on {run.data.name}",
        "\n".join(_facts(name, run, dataset, digests)),
        "## Use",
        USE,
        "## Scores",
        "\n".join(_scores(metrics)),
        "## Settings",
        "\n".join(_settings(run)),
    ]
    write_text(path, "\n\n".join(sections) + "\n")


def _facts(name: str, run: RunSettings, dataset: Dataset, digests: Mapping[str, str]) -> Iterator[str]:
    counts = {split: len(dataset.ids(split)) for split in ("train", "val")}
    ground = "0 is the background" if dataset.has_background else "every pixel belongs to a class"
    yield f"- Run `{name}` of wsss, digest of its settings {digests['settings']}, of its code {digests['code']}."
    yield f"- Images: {counts['train']} train, {counts['val']} val."
    yield f"- Trained on: {run.trained_on}. Network: DeepLabV2 on {run.segmentation.backbone.label}."
    yield f"- Label images hold the values of this table; {ground}."
    yield ""
    yield from _table(["value", "class"], [[str(value), one] for one, value in dataset.values.classes.items()])


def _scores(metrics: Sequence[Record]) -> Iterator[str]:
    if not metrics:
        yield "There are none: the dataset has no masks to score with."
        return
    records = ordered(metrics)
    yield from _table(COLUMNS, [[*cells_of(item).values()] for item in records])
    yield ""
    yield "The network's own scores are those of the stage prediction. The stages before it made what it learnt from."
    yield from notes_of(records)
    last = next((item for item in reversed(records) if item.stage.startswith("prediction")), None)
    if last is not None:
        yield ""
        yield f"IoU of each class, {cells_of(last)['stage']} on {last.split}:"
        yield ""
        cells = [
            [one, "not in the masks" if iou is None else f"{100 * iou:.1f}"] for one, iou in last.per_class.items()
        ]
        yield from _table(["class", "IoU %"], cells)


def _settings(run: RunSettings) -> Iterator[str]:
    everything = run.model_dump(mode="json")
    rows = [[f"{stage}.{key}", value] for stage in SHOWN for key, value in flattened(everything[stage]).items()]
    return _table(["setting", "value"], rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table of Markdown."""
    for cells in (header, ["---"] * len(header), *rows):
        yield table_line(cells)

"""The files of a comparison: records, table, Markdown and plot."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.evaluation.collect import collect
from wsss.evaluation.comparison import compare, markdown, write_table
from wsss.evaluation.metrics import Record
from wsss.files import write_json, write_text
from wsss.reporting.figures import draw_comparison
from wsss.settings.comparison import PublishedSettings
from wsss.settings.run import RunSettings


def write_comparison(
    name: str,
    stage: str,
    dataset: Dataset,
    runs: Mapping[str, Mapping[str, Mapping[str, Any]]],
    folder: Path,
    published: PublishedSettings | None = None,
) -> None:
    """Write table.csv, table.md, records.json and plot.png of comparison `name` into `folder`.

    `runs` maps each row and seed to two entries. `settings` has the settings of the run. `scores` has the files of its
    scores by `<stage>_<split>`. The figures of `published` are shown beside them, and its source below. Raises
    WsssError if there is nothing to score.
    """
    records: dict[str, dict[str, dict[int, Record]]] = {}
    for row, seeds in runs.items():
        for seed, run in seeds.items():
            paths = {key: Path(path) for key, path in run["scores"].items()}
            for item in collect(RunSettings.model_validate(run["settings"]), dataset, paths):
                records.setdefault(item.split, {}).setdefault(row, {})[int(seed)] = item
    if not records:
        raise WsssError(
            f"comparison {name}: nothing to score after stage {stage}, because no image on the lists of what is scored "
            "has a mask: add masks, or leave the comparison out"
        )
    figures = published.rows if published else {}
    lines = [
        line
        for split, scores in records.items()
        for line in compare(scores, split, {row: own[split] for row, own in figures.items() if split in own})
    ]
    write_table(lines, folder / "table.csv")
    source = f"\npublished: {published.source}\n" if published else ""
    write_text(folder / "table.md", f"{name}: mIoU after stage `{stage}`\n\n{markdown(lines)}{source}")
    listed = [
        {"row": row, **json.loads(item.model_dump_json())}
        for scores in records.values()
        for row, seeds in scores.items()
        for item in seeds.values()
    ]
    write_json(folder / "records.json", listed)
    draw_comparison(lines, folder / "plot.png")

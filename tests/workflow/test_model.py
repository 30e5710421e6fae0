"""The target `model`: what it needs, and what its script writes."""

import json
import runpy
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.commands.conftest import Made, make
from tests.workflow.conftest import PROJECT, Workplace
from wsss.evaluation.metrics import write_metrics
from wsss.manifests.single_files import check_file, list_file
from wsss.segmentation.model import read_model

SCRIPT = PROJECT / "workflow_scripts" / "make_model.py"


def test_a_model_needs_the_scores_and_no_report(workplace: Workplace) -> None:
    planned = workplace.planned("model")
    assert planned["make_model"] == planned["train_segmentation"] == planned["collect_metrics"] == 1
    assert not planned.keys() & {"write_report", "draw_panels", "make_masks"}
    assert "make_model" not in workplace.planned()


class Named(list[str]):
    """Values by name and in order, as a script gets them from snakemake."""

    def __init__(self, **values: Any) -> None:
        super().__init__(map(str, values.values()))
        self.by_name = {name: str(value) for name, value in values.items()}

    def __getattr__(self, name: str) -> str:
        return self.by_name[name]

    def items(self) -> Iterable[tuple[str, str]]:
        return self.by_name.items()


def test_the_script_writes_model_and_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made: Made = make(tmp_path / "made", True)
    metrics, out = tmp_path / "metrics.json", tmp_path / "out"
    write_metrics([], metrics, tmp_path / "metrics.csv")
    files = {"model": out / "segmenter.safetensors", "card": out / "model_card.md"}
    job = SimpleNamespace(
        input=Named(images=made.dataset.root / "images.tsv", weights=made.weights, metrics=metrics),
        output=Named(**files),
        params=Named(settings=made.run.key(), digests=json.dumps({"settings": "a" * 12, "code": "b" * 12})),
        resources={},
        rule="make_model",
        wildcards=SimpleNamespace(run="mine-0a1b2c"),
        log=[str(tmp_path / "log.txt")],
    )
    for file in job.input:
        list_file(Path(file))
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    # Scripts set this level. It is taken back for the tests that follow in this process.
    caplog.set_level("INFO", logger="wsss")
    runpy.run_path(str(SCRIPT), {"snakemake": job})
    for file in files.values():
        check_file(file)
    assert files["model"].read_bytes() == made.model.read_bytes()
    assert read_model(files["model"])[0].code_digest == "b" * 12
    assert "`mine-0a1b2c`" in files["card"].read_text()

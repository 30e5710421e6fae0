"""docs/use-the-result.md and docs/tour.ipynb, command by command and cell by cell, on the finished miniature."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image
from typer.testing import CliRunner

import wsss
from tests.workflow.conftest import PROJECT, Workplace, made_once
from wsss.cli import app
from wsss.data.images import read_labels

PAGE = PROJECT / "docs" / "use-the-result.md"
RUN = "results/runs/default"
NOTEBOOK = PROJECT / "docs" / "tour.ipynb"


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return [block for own, block in found if own == language]


def commands() -> list[list[str]]:
    return [shlex.split(line, comments=True) for block in blocks("") for line in block.splitlines()]


def run_command(place: Workplace, command: list[str]) -> str:
    """Run a command of the page in the current folder, which is that of the results. Returns what it tells."""
    program, *words = command
    if program == "snakemake":
        done = place.snakemake(*words)
        assert done.code == 0, done.output
        return done.output
    assert program == "wsss"
    found = CliRunner().invoke(app, [wsss.Dataset(RUN).classes[0] if word == "CLASS" else word for word in words])
    if words[0] == "submit":
        # The miniature is no run of VOC 2012.
        assert "is of another dataset" in found.stderr, found.output
    else:
        assert found.exit_code == 0, f"{command}: {found.output} {found.exception!r}"
    return found.stdout


@pytest.fixture(scope="session")
def with_model(finished: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A copy of the finished workplace, after the first command of the page."""

    def make(folder: Path) -> None:
        shutil.copytree(finished.root, folder, symlinks=True)
        run_command(Workplace(folder), commands()[0])

    return Workplace(made_once(tmp_path_factory, "with_model", make))


@pytest.fixture
def place(with_model: Workplace, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """That workplace as the current folder, with the photographs, masks and lists that the page names."""
    monkeypatch.chdir(with_model.work)
    dataset = wsss.Dataset(RUN)
    val = dataset.ids("val")
    for folder in ("photographs", "truth"):
        Path(folder).mkdir(exist_ok=True)
    for image_id in val:
        shutil.copy(dataset.image_path(image_id), "photographs")
        shutil.copy(dataset.root / dataset.index[image_id].mask, "truth")
    shutil.copy(dataset.image_path(val[0]), "cow.jpg")
    Path("val.txt").write_text("".join(f"{image_id}\n" for image_id in val))
    return with_model


def names(folder: str) -> set[str]:
    return {path.stem for path in Path(folder).iterdir() if path.is_file()}


def test_every_command_of_the_page_runs(place: Workplace) -> None:
    first, *others = commands()
    assert first == ["snakemake", "model"]
    assert names(f"{RUN}/model") == {"segmenter", "model_card"}
    told = {" ".join(command): run_command(place, command) for command in others}
    assert names("masks/labels") == names("masks/overlays") == names("photographs")
    assert {path.stem for path in Path("some/probabilities").rglob("*.npy")} == {"cow", "val_0000"}
    for file in ("for-coco/annotations.json", "for-cvat/annotations.xml", "for-label-studio/tasks.json"):
        assert Path(file).stat().st_size > 500
    assert names("large/labels") == {"cow"}
    assert len(Path("looked-at/index.csv").read_text().splitlines()) == 1 + 6
    assert len([path for path in Path("one-class/maps").rglob("*") if path.is_file()]) == 1
    assert "written: segmenter.onnx" in told["wsss export default segmenter.onnx"]
    with_crf, without = (read_labels(Path(folder, "labels", "cow.png")) for folder in ("some", "plain"))
    assert not np.array_equal(with_crf, without)
    assert len(Path(f"{RUN}/masks/index.csv").read_text().splitlines()) == 1 + 16 + 6
    one, of_the_run, other = (text for command, text in told.items() if command.startswith("wsss evaluate"))
    assert one == other
    assert "torch" in told["wsss info"]
    (block,) = blocks("python")
    found: dict[str, Any] = {}
    exec(compile(block, str(PAGE), "exec"), found)
    np.testing.assert_array_equal(found["segmented"].labels, with_crf)
    assert f"mIoU            {100 * found['scores'].miou:.1f}%" in one
    # What the model makes is what the workflow has made, up to the rounding of other numbers of threads.
    assert found["scores"].miou == pytest.approx(json.loads(of_the_run)["miou"], abs=1e-3)
    with Image.open("overlay.jpg") as overlay:
        assert overlay.size == with_crf.shape[::-1]


def test_the_notebook_runs(with_model: Workplace) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")] == []
    folder = with_model.work / "docs"
    folder.mkdir(exist_ok=True)
    done = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    shown = [output for cell in done.cells for output in cell.get("outputs", ())]
    assert len([output for output in shown if "image/png" in output.get("data", {})]) == 8
    assert "mIoU" in "".join(output.get("text", "") for output in shown)

"""The reference ways that benchmarks measure against compute what ours compute; what is measured reaches its page."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from tests.conftest import PROJECT
from wsss.data.resampling import resize_pixels
from wsss.refinement.random_walk import random_walk


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(PROJECT / "benchmarks"))
    return importlib.import_module(name)


@pytest.mark.parametrize("size", [(57, 90), (5, 30), (1, 1)])
def test_the_dense_walk(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = load("random_walk", monkeypatch)
    scene = benchmark.make_scene(size, 3)
    assert scene.edge.min() >= 0
    assert scene.edge.max() <= 1
    exact = random_walk(scene.cams, scene.edge, benchmark.EXACT)
    assert benchmark.error(exact, benchmark.dense_walk(scene, benchmark.EXACT)) < 1e-4


def test_gathered_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = load("affinity_loss", monkeypatch)
    (loss, gradient), (our_loss, our_gradient) = (benchmark.prepare(way, 1)() for way in ("gathered", "ours"))
    assert our_loss == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(our_gradient, gradient, rtol=0, atol=1e-5 * float(gradient.abs().max()))


def test_the_released_input_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = load("input_pipeline", monkeypatch)
    assert benchmark.grey_levels_apart(benchmark.write_photographs(tmp_path, 4)) < 1e-3


def prepare_copy(mib: int) -> Callable[[], torch.Tensor]:
    return torch.ones(mib, 2**18).clone


def test_memory_is_that_of_the_call_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The input, as large again, does not count."""
    measure = load("measure", monkeypatch)
    assert 200 < measure.peak_mib(prepare_copy, 256) < 400


def prepare_note(file: Path) -> Callable[[], object]:
    def note() -> None:
        with file.open("a") as lines:
            lines.write(f"{os.getpid()}\n")

    return note


def test_a_call_runs_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure, file = load("measure", monkeypatch), tmp_path / "processes"
    with measure.in_own_process(prepare_note, file) as call:
        call()
        call()
    first, *others = file.read_text().split()
    assert others == [first, first]
    assert int(first) != os.getpid()


def test_a_script_leaves_a_record_that_becomes_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A benchmark as `make bench` runs it, on one map."""
    file = tmp_path / "new" / "affinity_loss.json"
    script = PROJECT / "benchmarks" / "affinity_loss.py"
    command = [sys.executable, script, "--batch", "1", "--repetitions", "1", "--record", file]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    record, report = load("record", monkeypatch), load("report", monkeypatch)
    found = record.read_record(file)
    assert ran.stdout.startswith(found.machine)
    time, memory = found.rows
    assert time.ratio == pytest.approx(time.reference / time.ours)
    assert (memory.unit, memory.goal) == ("MiB", "at least 2, within 1e-5")
    lines = report.page("Performance", {"affinity_loss": found}, "").splitlines()
    assert f"- `affinity_loss`, {found.date}: {found.machine}" in lines
    (row,) = (line for line in lines if line.startswith(f"| {memory.claim} |"))
    assert f"| {report.figure(memory.reference)} MiB | {report.figure(memory.ours)} MiB |" in row


@pytest.mark.parametrize("on_gpu", [False, True])
def test_the_pages_show_the_records(on_gpu: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    file, content = load("report", monkeypatch).kept_page(on_gpu)
    assert file.read_text() == content


def test_a_missed_goal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    record, report = load("record", monkeypatch), load("report", monkeypatch)
    met = record.Row(
        "walk", "500x375", 0.04, "s", 1, 123.0, 3075.0, memory="9 MiB", goal="at least 2,500", met=True, note="exact"
    )
    missed = record.Row("CAMs", "500x375", 2.0, "s", 2, 3.0, 1.5, goal="at least 1.8", met=False, note="Two threads.")
    page = report.page("Speed", {"a": record.Record("1 January 2030", "a machine", [met, missed])}, "The end.")
    assert "| walk | 500x375 | 1 | 123 s | 0.04 s | 3,075 |  |  | 9 MiB | at least 2,500: met |" in page
    assert "**at least 1.8: missed** |" in page
    assert page.startswith("# Speed\n")
    assert page.endswith("The end.")
    assert page.split("## Goals that are not met")[1].split("##")[0].strip() == (
        "- CAMs: the goal is at least 1.8. Two threads."
    )
    assert "- walk: exact" in page.split("## Notes")[1]
    assert "None." in report.page("Speed", {"a": record.Record("1 January 2030", "a machine", [met])}, "")


def test_every_script_is_known_to_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = {"finished_run", "gpu", "made_dataset", "measure", "photographs", "record", "report"}
    scripts = {file.stem for file in (PROJECT / "benchmarks").glob("*.py")} - shared
    assert scripts == set(load("report", monkeypatch).THREADS)


def test_overhead_is_starts_and_idle_seconds_over_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two jobs side by side from 0 to 10 and 4 to 12, one from 15 to 20: 17 of 25 seconds are covered."""
    benchmark = load("demo_overhead", monkeypatch)
    jobs = [benchmark.Job(0, 10), benchmark.Job(4, 12), benchmark.Job(15, 20)]
    assert benchmark.covered(jobs) == 17
    profile = "rule x:\nimport time:    900000 |    1000000 |   torch\nimport time:    100000 |     100000 | re\n"
    row = benchmark.overhead(jobs, profile, wall=25, interpreter=0.5)
    assert row.ours == pytest.approx(100 * (2.5 + 8) / (23 - 2.5))
    assert row.met is False
    file = tmp_path / "deep" / "x.benchmark.tsv"
    file.parent.mkdir()
    file.write_text("s\th:m:s\n2.5000\t0:00:02\n")
    (job,) = benchmark.read_jobs(tmp_path)
    assert job.end - job.start == pytest.approx(2.5)


def test_growth_finds_the_exponent(monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = load("growth", monkeypatch)
    points = [benchmark.Point("a", "pixels", n, 1 + 1e-9 * n**2, 0) for n in (10, 10**6, 10**7, 10**8)]
    assert benchmark.exponent(points) == pytest.approx(2, abs=0.01)


def test_the_dense_crf_for_each_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = load("dense_crf", monkeypatch)
    image, cams = benchmark.make_photograph(0), benchmark.make_store("0", 0).full()
    labels = benchmark.confident_labels(image, cams, benchmark.KEYS, benchmark.SETTINGS)
    assert len(np.unique(labels)) > 1
    np.testing.assert_array_equal(benchmark.lattice_for_each_pass(image, cams), labels)


def test_what_stands_for_a_special_path_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = load("special_paths", monkeypatch)
    pixels = np.random.default_rng(0).integers(0, 256, (37, 50, 3), dtype=np.uint8)
    rows, columns = np.arange(5, 20), np.arange(30, 3, -1)
    ours = resize_pixels(pixels, (41, 56), rows, columns)
    np.testing.assert_array_equal(benchmark.resized_by_pillow(pixels, (41, 56), rows, columns), ours)
    np.testing.assert_array_equal(benchmark.resized_by_pillow(pixels, (41, 56)), resize_pixels(pixels, (41, 56)))


def test_every_name_that_is_replaced_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a path would be measured against itself."""
    for path in load("special_paths", monkeypatch).PATHS:
        assert path.replaced or path.exact
        for name in path.replaced:
            module, _, attribute = name.rpartition(".")
            assert hasattr(importlib.import_module(module), attribute)


def test_special_paths_have_a_table_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    record, report = load("record", monkeypatch), load("report", monkeypatch)
    measured = record.Row("own walk", "labels", 9.0, "s", 1, 10.0, note="kept")
    gone = record.Row("own tiles", "none", 0.0, "s", 1, note="removed")
    section = report.special_section([record.Record("1 January 2030", "a machine", [measured, gone])])
    assert "| own walk | labels | 10 s | 9 s | 10.0% | kept |" in section
    assert "| own tiles | none |  |  |  | removed |" in section
    assert "- 1 January 2030: a machine" in section

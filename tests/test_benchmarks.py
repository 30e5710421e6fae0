"""The reference ways that benchmarks measure against compute what ours compute."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.conftest import PROJECT
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
    measure = load("measure", monkeypatch)
    assert measure.peak_mib(prepare_copy, 64) == pytest.approx(64, abs=4)

"""A training on two devices, by the rule that trains on one."""

import csv
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.workflow.conftest import Workplace


def test_a_rule_with_two_devices_trains_what_it_trains_with_one(copy_of_finished: Workplace) -> None:
    place = copy_of_finished
    weights = place.only("results/data-synthetic-*/**/segmentation-*/segmenter.safetensors")
    files = [weights, *(weights.with_name(name) for name in ("training.csv", "settings.json", "code.txt"))]
    before = {file.name: file.read_bytes() for file in files}
    wanted, rows = load_file(weights), losses(files[1])
    for file in files:
        file.unlink()
    more = ("--set-resources", "train_segmentation:gpu=2", "--resources", "gpu=2")
    outcome = place.snakemake(weights.relative_to(place.work), *more)
    assert outcome.code == 0, outcome.output
    for name in ("settings.json", "code.txt"):
        assert weights.with_name(name).read_bytes() == before[name]
    assert losses(files[1]) == pytest.approx(rows, rel=1e-5)
    for name, values in load_file(weights).items():
        np.testing.assert_allclose(values, wanted[name], rtol=1e-4, atol=1e-5, err_msg=name)
    (log,) = place.work.glob("logs/data-synthetic-*/**/segmentation-*/training.log")
    assert "DeepLabV2: step 2" in log.read_text()
    assert place.leftovers() == []
    assert not list(weights.parent.glob("*.checkpoint"))
    # The number of devices is no setting: with one, the training is not planned again.
    assert "train_segmentation" not in place.planned()


def losses(file: Path) -> list[float]:
    with file.open() as rows:
        return [float(row["loss"]) for row in csv.DictReader(rows)]

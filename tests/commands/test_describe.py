"""`wsss describe`: what a config's trainings would do, against the published figures and the trainings themselves."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from torch import nn
from torchvision import models
from typer.testing import CliRunner, Result

from tests.conftest import PROJECT
from wsss.classification.training import train_classifier
from wsss.cli import app
from wsss.commands.describe import Training, data_size, trainings
from wsss.data.dataset import Dataset
from wsss.networks.initial_weights import write_initial_weights
from wsss.settings.config import merge, read_config
from wsss.settings.config_file import read_config_file
from wsss.settings.locations import LocationSettings
from wsss.settings.run import RunSettings
from wsss.training.loop import Machine

VWL_L = PROJECT / "configs" / "voc12-vwl-l.yaml"
SCRATCH: dict[str, Any] = {"name": "resnet18", "weights": "scratch"}
BASE: dict[str, Any] = {
    "data": {"kind": "synthetic", "train_images": 6, "val_images": 3, "image_size": 64, "classes": 4},
    "classifier": {"backbone": SCRATCH, "vocabulary": 6, "long_side": [40, 56], "crop": 48, "batch": 2, "epochs": 11},
    "irnet": {"backbone": SCRATCH, "batch": 4, "crop": 96},
    "segmentation": {"backbone": SCRATCH, "steps": 40},
}


def run_of(**changes: Any) -> RunSettings:
    return read_config(merge(BASE, changes)).runs["default"]


def described(run: RunSettings, images: int | None) -> dict[str, Training]:
    return {training.stage: training for training in trainings(run, data_size(run, LocationSettings()).classes, images)}


@pytest.fixture(scope="module")
def published() -> dict[str, Training]:
    config = read_config_file(VWL_L)
    run = config.runs["default"]
    return described(run, data_size(run, config.machine.locations).images)


def steps(training: Training) -> tuple[int, int]:
    assert training.plan is not None
    return training.plan.steps, training.plan.total_steps


def test_steps_are_the_published_ones(published: dict[str, Training]) -> None:
    # 10,582 images: 661 batches of 16, 330 of 32. The CAMs are those of the fifth of six epochs.
    assert steps(published["classifier"]) == (3305, 3966)
    assert steps(published["irnet"]) == (990, 990)
    assert steps(published["segmentation"]) == (20_000, 20_000)
    shapes = {name: (one.batch, one.accumulate, one.crop) for name, one in published.items()}
    assert shapes == {"classifier": (16, 1, 512), "irnet": (32, 1, 512), "segmentation": (10, 2, 321)}


def numbers(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def norms(module: nn.Module) -> int:
    return sum(numbers(one) for one in module.modules() if isinstance(one, nn.BatchNorm2d))


def test_parameters_are_counted_and_frozen_ones_told_apart(published: dict[str, Training]) -> None:
    with torch.device("meta"):
        resnet50: Any = models.resnet50()
        resnet101: Any = models.resnet101()
    trunk50, trunk101 = (numbers(network) - numbers(network.fc) for network in (resnet50, resnet101))
    heads = 2048 * 20 + 2048 * 256 + 2048 * 256 + 256 * 20
    classifier = published["classifier"]
    assert classifier.parameters == trunk101 + heads
    assert classifier.trained == numbers(resnet101.layer3) + numbers(resnet101.layer4) + heads
    edges = 32 * (64 + 256 + 512 + 1024 + 2048) + 5 * 2 * 32 + 160 + 1
    assert (published["irnet"].parameters, published["irnet"].trained) == (trunk50 + edges, edges)
    pyramid = 4 * (2048 * 21 * 9 + 21)
    deeplab = published["segmentation"]
    assert deeplab.parameters == trunk101 + pyramid
    assert deeplab.trained == trunk101 - norms(resnet101) + pyramid


def test_displacements_count_where_they_are_trained() -> None:
    plain, both = (described(run_of(irnet={"displacement": on}), 6)["irnet"] for on in (False, True))
    assert both.trained - plain.trained == both.parameters - plain.parameters > 0
    assert (plain.rates, both.rates) == ({"edges": 0.1}, {"edges": 0.1, "displacements": 1.0})


@pytest.mark.parametrize("method", ["pamr", "crf", "none"])
def test_irnet_is_no_training_of_a_run_whose_labels_do_not_need_it(method: str) -> None:
    """Whether or not it has settings."""
    without = {stage: own for stage, own in BASE.items() if stage != "irnet"}
    for base in (BASE, without):
        run = read_config(merge(base, {"pseudo_labels": {"method": method}})).runs["default"]
        assert list(described(run, 6)) == ["classifier", "segmentation"]


def test_a_second_stage_is_told_after_its_start() -> None:
    run = run_of(classifier={"objectives": [{"method": "recam"}]})
    start, second = trainings(run, data_size(run, LocationSettings()).classes, 6)[:2]
    assert (start.stage, second.stage) == ("classifier", "classifier")
    assert start == described(run_of(), 6)["classifier"]
    assert second.network == "vwl_l_recam on resnet18 (scratch), 6 words, 4 classes, from the finished vwl_l"
    assert second.rates == {"trunk": 5e-5, "heads": 5e-5, "recam": 5e-4}
    assert second.trained - start.trained == second.parameters - start.parameters == 512 * 4
    # Six images in batches of two, four times over.
    assert (steps(start), steps(second)) == ((33, 33), (12, 12))


def test_curves_follow_the_schedule(published: dict[str, Training]) -> None:
    wanted = {0: 1.0, 826: None, 1652: None, 2478: None, 3304: None}
    curve = published["classifier"].curve()
    assert [step - 1 for step, _ in curve] == list(wanted)
    for step, rates in curve:
        share = (1 - (step - 1) / 3966) ** 0.9
        np.testing.assert_allclose(rates, [0.01 * share, 0.1 * share], rtol=1e-12)
    # DeepLab's rate changes every ten steps: in its last, 20,000th, the ten steps before the last ten are gone.
    last, rates = published["segmentation"].curve()[-1]
    assert last == 20_000
    np.testing.assert_allclose(rates, np.array([0.001, 0.01, 0.02]) * (10 / 20_000) ** 0.9, rtol=1e-12)


def test_a_short_training_has_each_step_once() -> None:
    assert [step for step, _ in described(run_of(segmentation={"steps": 2}), 6)["segmentation"].curve()] == [1, 2]
    assert [step for step, _ in described(run_of(segmentation={"steps": 1}), 6)["segmentation"].curve()] == [1]


def test_what_is_told_is_what_the_training_does(dataset: Dataset, tmp_path: Path) -> None:
    run = run_of()
    told = described(run, data_size(run, LocationSettings()).images)["classifier"]
    write_initial_weights(run.classifier.backbone, {}, tmp_path)
    train_classifier(dataset, run.classifier, tmp_path / "weights.safetensors", tmp_path, Machine())
    log = pd.read_csv(tmp_path / "training.csv")
    assert steps(told) == (log["step"].iloc[-1], 33)
    assert told.curve()[-1][1][0] == pytest.approx(log["lr"].iloc[-1], rel=1e-9)


@pytest.mark.parametrize(
    ("data", "images"),
    [
        ({"kind": "synthetic", "train_images": 17}, 17),
        ({"kind": "voc12"}, 10_582),
        ({"kind": "voc12", "lists": {"train": "train"}}, 1_464),
        ({"kind": "voc12", "lists": {"train": "mine"}}, None),
    ],
)
def test_lengths_of_lists_that_are_known(data: dict[str, Any], images: int | None) -> None:
    run = read_config(BASE | {"data": data}).runs["default"]
    assert data_size(run, LocationSettings()).images == images


def test_a_folders_list_is_read_where_it_is(tmp_path: Path) -> None:
    run = read_config(BASE | {"data": {"kind": "folder", "name": "mine", "classes": {"cat": 1}}}).runs["default"]
    here = LocationSettings(dataset=str(tmp_path))
    assert data_size(run, here).images is None
    assert data_size(run, LocationSettings()).images is None
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\nb\nc\n")
    assert data_size(run, here).images == 3
    unknown = described(run, None)
    assert (unknown["classifier"].plan, unknown["classifier"].curve()) == (None, [])
    assert steps(unknown["segmentation"]) == (40, 40)


def test_lengths_of_lists_of_ones_own(tmp_path: Path) -> None:
    config = read_config_file(PROJECT / "configs" / "voc-animals.yaml")
    assert data_size(config.runs["default"], config.machine.locations).images == 320
    elsewhere = LocationSettings(lists=str(tmp_path))
    assert data_size(config.runs["default"], elsewhere).images is None


def describe(path: Path) -> Result:
    return CliRunner().invoke(app, ["describe", str(path)])


def test_the_command_tells_every_run() -> None:
    told = describe(VWL_L)
    assert told.exit_code == 0
    text = told.output
    assert "run default: voc12, 10,582 train images" in text
    assert "vwl_l on resnet101 (imagenet), 256 words, 20 classes" in text
    assert "3,305 steps of a schedule of 3,966" in text
    assert "batch 32, crop 512, 990 steps" in text
    assert "batch 10 in 2 parts, crop 321, 20,000 steps" in text
    bound = text[text.index("run fully_supervised") : text.index("run paper")]
    assert "segmentation:" in bound
    assert "classifier:" not in bound


@pytest.mark.parametrize(
    "path", [PROJECT / "config.yaml", *sorted((PROJECT / "configs").glob("*.yaml"))], ids=lambda path: path.stem
)
def test_every_config_of_the_project_can_be_told(path: Path) -> None:
    told = describe(path)
    assert told.exit_code == 0, told.output
    assert told.output.startswith("run default: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [1", ", line 1: no YAML: while parsing a flow sequence"),
        ("- 1\n", "is no config: it has no keys"),
        ("", "is no config: it has no keys"),
        (yaml.safe_dump({"data": {"kind": "synthetic"}, "clasifier": {}}), "config: unknown key clasifier"),
        (
            yaml.safe_dump(BASE | {"classifier": {"backbone": SCRATCH, "batch": 7}}),
            "a batch of 7 is larger than the train list (6 images)",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(content)
    told = describe(path)
    assert told.exit_code == 1
    assert told.output.splitlines()[-1].startswith("error: ")
    assert message in told.output.splitlines()[-1]

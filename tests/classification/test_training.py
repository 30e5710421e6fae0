"""Training of the classifier: its samples, its rates, what moves and what stays, and that it repeats itself."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from wsss.classification import training
from wsss.classification.classifier import build_classifier
from wsss.classification.training import LabelledImages, parameter_groups, train_classifier
from wsss.data.augmentation import Normalisation
from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.errors import WsssError
from wsss.networks.initial_weights import write_initial_weights
from wsss.settings.classifier import ClassifierSettings
from wsss.training import loop as training_loop
from wsss.training.loop import Machine

BACKBONE = {"name": "resnet18", "weights": "scratch", "seed": 5}
PLAIN = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def settings(**changes: object) -> ClassifierSettings:
    small = {"backbone": BACKBONE, "vocabulary": 6, "long_side": (40, 56), "crop": 48, "batch": 2, "epochs": 4}
    return ClassifierSettings.model_validate(small | {"lr": 0.05} | changes)


@pytest.fixture(scope="module")
def initial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backbone")
    write_initial_weights(settings().backbone, {}, folder)
    return folder / "weights.safetensors"


def samples(dataset: Dataset, **changes: object) -> LabelledImages:
    return LabelledImages(dataset, dataset.ids("train"), settings(**changes), PLAIN)


def test_a_sample_follows_from_epoch_and_index(dataset: Dataset) -> None:
    ours = samples(dataset)
    assert len(ours) == 6
    pixels, labels = ours[1, 3]
    assert pixels.shape == (3, 48, 48)
    np.testing.assert_array_equal(labels, dataset.image_labels[dataset.ids("train")[3]])
    assert torch.equal(pixels, samples(dataset)[1, 3][0])
    others = [ours[2, 3][0], ours[1, 4][0], samples(dataset, seed=1)[1, 3][0]]
    assert not any(torch.equal(pixels, other) for other in others)


def test_half_of_the_samples_are_mirrored(dataset: Dataset) -> None:
    """With one length and a crop as large, a sample is the photograph itself or its mirror, padded."""
    whole = np.asarray(read_image(dataset.image_path(dataset.ids("train")[0])), np.float32) / 255
    ours = samples(dataset, long_side=(64, 64), crop=64)
    mirrored = 0
    for epoch in range(60):
        shown = ours[epoch, 0][0].numpy().transpose(1, 2, 0)
        rows, columns = np.nonzero(shown.any(2))
        shown = shown[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert shown.shape == whole.shape
        straight, turned = (np.abs(shown - one).max() < 1e-5 for one in (whole, whole[:, ::-1]))
        assert straight != turned
        mirrored += turned
    assert 18 <= mirrored <= 42


def test_the_trunk_has_the_low_rate_and_the_heads_the_high_one() -> None:
    network = build_classifier(settings(), 4)
    trunk, heads = parameter_groups(network)
    assert (trunk["lr"], heads["lr"]) == (0.05, 0.1)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    sets = [{names[id(parameter)] for parameter in group["params"]} for group in (trunk, heads)]
    trunk_names = {name for name in names.values() if name.startswith("backbone.")}
    frozen = tuple(f"backbone.network.{part}." for part in ("conv1", "bn1", "layer1", "layer2"))
    assert sets[0] == {name for name in trunk_names if not name.startswith(frozen)}
    assert sets[1] == {name for name in names.values() if not name.startswith("backbone.")}


@pytest.fixture(scope="module")
def trained(dataset: Dataset, initial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classifier")
    train_classifier(dataset, settings(), initial, folder, Machine())
    return folder


BANK: dict[str, object] = {"words": "vwl_m", "frozen_stages": 1, "rho": 0.3}


@pytest.fixture(scope="module")
def trained_with_a_bank(dataset: Dataset, initial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bank")
    train_classifier(dataset, settings(**BANK), initial, folder, Machine())
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_weights_log_and_settings_are_left(dataset: Dataset, trained: Path) -> None:
    assert set(contents(trained)) == {"classifier.safetensors", "settings.json", "training.csv"}
    spelt_out = json.loads((trained / "settings.json").read_text())["classifier"]
    assert ClassifierSettings.model_validate(spelt_out) == settings()
    assert set(spelt_out) == set(ClassifierSettings.model_fields)
    log = pd.read_csv(trained / "training.csv")
    assert list(log.columns) == ["step", "lr", "img", "word", "w2i", "decov"]
    # Six images in batches of two, four times over.
    assert list(log["step"]) == [10, 12]
    np.testing.assert_allclose(log["lr"], [0.05 * (1 - 9 / 12) ** 0.9, 0.05 * (1 - 11 / 12) ** 0.9])
    build_classifier(settings(), 4).load_state_dict(load_file(trained / "classifier.safetensors"))


def test_frozen_stages_and_statistics_stay_and_the_rest_moves(trained: Path, initial: Path) -> None:
    before, after = load_file(initial), load_file(trained / "classifier.safetensors")
    for name, start in before.items():
        stays = name.startswith(("conv1", "bn1", "layer1", "layer2")) or "running" in name or "num_batches" in name
        assert torch.equal(after[f"backbone.network.{name}"], start) == stays, name


def test_the_same_settings_give_the_same_bytes(dataset: Dataset, initial: Path, trained: Path, tmp_path: Path) -> None:
    torch.manual_seed(99)
    train_classifier(dataset, settings(), initial, tmp_path / "again", Machine(workers=2))
    assert contents(tmp_path / "again") == contents(trained)
    train_classifier(dataset, settings(seed=1), initial, tmp_path / "other", Machine())
    assert contents(tmp_path / "other")["classifier.safetensors"] != contents(trained)["classifier.safetensors"]


def test_a_bank_is_trained_by_pixels_and_kept_with_the_weights(
    dataset: Dataset, initial: Path, trained_with_a_bank: Path, tmp_path: Path
) -> None:
    log = pd.read_csv(trained_with_a_bank / "training.csv")
    assert list(log.columns) == ["step", "lr", "img", "word"]
    weights = load_file(trained_with_a_bank / "classifier.safetensors")
    assert bool(weights["words.bank.filled"])
    # Means of features after ReLU; the codebook that the first labels came from has both signs.
    assert float(weights["words.bank.codebook"].min()) >= 0
    assert float(weights["words.bank.codebook"].max()) > 0
    # Nothing is detached after layer2, as released; the stem stays.
    for name, start in load_file(initial).items():
        if name.startswith(("conv1", "bn1")):
            assert torch.equal(weights[f"backbone.network.{name}"], start)
        elif name.startswith("layer1") and name.endswith("weight"):
            assert not torch.equal(weights[f"backbone.network.{name}"], start), name
    train_classifier(dataset, settings(**BANK), initial, tmp_path, Machine(workers=1))
    assert contents(tmp_path) == contents(trained_with_a_bank)


class Killed(BaseException):
    """What no handler of the loop may catch."""


@pytest.mark.parametrize(("changes", "unbroken"), [({}, "trained"), (BANK, "trained_with_a_bank")])
def test_a_resumed_training_gives_the_same_bytes(
    dataset: Dataset,
    initial: Path,
    changes: dict[str, object],
    unbroken: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    machine = Machine(checkpoint=tmp_path / "classifier.checkpoint", fingerprint="f")
    losses, calls = training.classifier_losses, iter(range(100))

    def killed(network: torch.nn.Module, batch: training_loop.Batch) -> dict[str, torch.Tensor]:
        if next(calls) == 11:
            raise Killed
        return losses(network, batch)

    with monkeypatch.context() as context:
        context.setattr(training, "classifier_losses", killed)
        with pytest.raises(Killed):
            train_classifier(dataset, settings(**changes), initial, tmp_path, machine)
    assert [path.name for path in tmp_path.iterdir()] == ["classifier.checkpoint"]
    train_classifier(dataset, settings(**changes), initial, tmp_path, replace(machine, workers=2))
    assert contents(tmp_path) == contents(request.getfixturevalue(unbroken))


def test_stopping_early_keeps_the_schedule(dataset: Dataset, initial: Path, trained: Path, tmp_path: Path) -> None:
    train_classifier(dataset, settings(stop_after_epoch=3), initial, tmp_path, Machine())
    log = pd.read_csv(tmp_path / "training.csv")
    assert list(log["step"]) == [9]
    np.testing.assert_allclose(log["lr"], [0.05 * (1 - 8 / 12) ** 0.9])


def test_training_learns(dataset: Dataset, initial: Path, tmp_path: Path) -> None:
    lively = settings(words="vwe", epochs=10, optimiser={"momentum": 0.9, "weight_decay": 1e-4}, lr=0.02, lr_heads=0.02)
    train_classifier(dataset, lively, initial, tmp_path, Machine())
    log = pd.read_csv(tmp_path / "training.csv")
    assert list(log.columns) == ["step", "lr", "img", "word", "w2i"]
    assert log["img"].iloc[-1] < 0.9 * log["img"].iloc[0]


def test_a_batch_larger_than_the_list_is_refused(dataset: Dataset, initial: Path, tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"a batch of 7 is larger than the train list \(6 images\)"):
        train_classifier(dataset, settings(batch=7), initial, tmp_path, Machine())
    assert not list(tmp_path.iterdir())

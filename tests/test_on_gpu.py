"""What runs on a GPU: the CPU's results within rounding, and the same bytes every time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.classification.small_classifier import small_settings
from tests.training.test_steps import PLAN, TRAININGS, Repeated
from wsss.cams.shards import write_cam_shard
from wsss.classification.classifier import build_classifier
from wsss.data.dataset import Dataset
from wsss.labelling.pamr import Pamr
from wsss.manifests.rows import read_manifest
from wsss.settings.cams import PlainCamSettings
from wsss.settings.pamr import PamrSettings
from wsss.stores.cam_store import CamStore
from wsss.training.loop import Machine, train

pytestmark = pytest.mark.gpu


def trained(name: str, precision: str) -> dict[str, torch.Tensor]:
    torch.manual_seed(8)
    network, compute_losses, batch = TRAININGS[name]()
    groups = [{"params": [parameter for parameter in network.parameters() if parameter.requires_grad], "lr": 1e-3}]
    plan = replace(PLAN, precision=precision)  # type: ignore[arg-type]
    train(network, groups, compute_losses, Repeated(batch), plan, Machine())
    return {name: value.cpu() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_repeats_to_the_byte(name: str, precision: str) -> None:
    first, second = trained(name, precision), trained(name, precision)
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_comes_near_the_cpus(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    there = trained(name, "float32")
    monkeypatch.setattr("wsss.runtime.device.pick_device", lambda: torch.device("cpu"))
    for key, value in trained(name, "float32").items():
        torch.testing.assert_close(there[key], value, rtol=1e-2, atol=1e-3)


def stores(dataset: Dataset, folder: Path, settings: PlainCamSettings) -> list[CamStore]:
    torch.manual_seed(6)
    network = build_classifier(small_settings(), len(dataset.classes))
    folder.mkdir()
    save_file(network.state_dict(), folder / "classifier.safetensors")
    manifest = folder / "shards" / "train" / "0-of-1.tsv"
    ids = dataset.ids("train")
    write_cam_shard(dataset, ids, folder / "classifier.safetensors", small_settings(), settings, folder, manifest)
    assert [row.id for row in read_manifest(manifest)] == ids
    return [CamStore.read(folder / row.file, row.id) for row in read_manifest(manifest)]


def test_pamr_repeats_to_the_byte_and_comes_near_the_cpus() -> None:
    image = np.random.default_rng(0).integers(0, 256, (61, 83, 3), dtype=np.uint8)
    cams = np.random.default_rng(1).random((3, 61, 83), np.float32)
    for stride in (1, 4):
        settings = PamrSettings(method="pamr", stride=stride)
        there, again, here = (
            Pamr(image, 3, settings, torch.device(name)).smoothed(cams) for name in ("cuda", "cuda", "cpu")
        )
        np.testing.assert_array_equal(there, again)
        np.testing.assert_allclose(there, here, rtol=0, atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_maps_of_batches_come_near_the_cpus(
    dataset: Dataset, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    settings = PlainCamSettings.model_validate({"scales": (1.0, 0.5), "precision": precision, "store_dtype": "float32"})
    there, again = (stores(dataset, tmp_path / name, settings) for name in ("there", "again"))
    monkeypatch.setattr("wsss.runtime.device.pick_device", lambda: torch.device("cpu"))
    here = stores(dataset, tmp_path / "here", settings)
    for ours, second, cpus in zip(there, again, here, strict=True):
        assert ours.image_id == cpus.image_id
        for cam, same, wanted in zip(ours.cams, second.cams, cpus.cams, strict=True):
            np.testing.assert_array_equal(cam, same)
            np.testing.assert_allclose(
                cam, wanted, rtol=0, atol=(1e-4 if precision == "float32" else 0.1) * wanted.max()
            )

"""A model that explains itself: its metadata, its tensors, equal bytes, and files that are no model."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.files import sha256_of
from wsss.segmentation.model import METADATA_KEY, check_classes, read_model, write_model
from wsss.segmentation.training import build_segmenter
from wsss.settings.run import RunSettings

SCRATCH: dict[str, Any] = {"name": "resnet18", "weights": "scratch"}
RUN = RunSettings.model_validate(
    {"data": {"kind": "synthetic", "classes": 4}}
    | {name: {"backbone": SCRATCH} for name in ("classifier", "irnet")}
    | {"segmentation": {"backbone": SCRATCH, "output_stride": 16, "rates": [1, 2]}, "prediction": {"scales": [1.0]}}
)
DIGESTS = {"settings": "a" * 12, "code": "b" * 12}


@pytest.fixture
def weights(dataset: Dataset, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_file(build_segmenter(RUN.segmentation, len(dataset.classes)).state_dict(), tmp_path / "trained.safetensors")
    return tmp_path / "trained.safetensors"


def test_a_model_has_the_tensors_and_says_how_they_are_used(dataset: Dataset, weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "model" / "segmenter.safetensors"
    write_model(RUN, dataset, weights, DIGESTS, path)
    facts, state = read_model(path)
    torch.testing.assert_close(state, load_file(weights), rtol=0, atol=0)
    assert list(facts.classes.items()) == list(dataset.values.classes.items())
    assert (facts.segmentation, facts.prediction, facts.prediction_labels) == (
        RUN.segmentation,
        RUN.prediction,
        RUN.prediction_labels,
    )
    assert facts.weights_sha256 == sha256_of(weights)
    assert (facts.settings_digest, facts.code_digest) == ("a" * 12, "b" * 12)
    assert facts.input.mean == (0.485, 0.456, 0.406)


def test_a_model_is_the_same_anywhere(dataset: Dataset, weights: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / weights.name
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(weights.read_bytes())
    write_model(RUN, dataset, weights, DIGESTS, tmp_path / "one.safetensors")
    write_model(RUN, dataset, elsewhere, DIGESTS, tmp_path / "two.safetensors")
    content = (tmp_path / "one.safetensors").read_bytes()
    assert content == (tmp_path / "two.safetensors").read_bytes()
    assert str(tmp_path).encode() not in content
    with safe_open(tmp_path / "one.safetensors", "pt") as file:
        assert list(file.metadata()) == [METADATA_KEY]


def changed(path: Path, **changes: Any) -> Path:
    """A copy of a model with other metadata."""
    with safe_open(path, "pt") as file:
        content = json.loads(file.metadata()[METADATA_KEY])
    text = json.dumps({name: value for name, value in {**content, **changes}.items() if value is not None})
    save_file(load_file(path), path.with_name("changed.safetensors"), {METADATA_KEY: text})
    return path.with_name("changed.safetensors")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format_version": 2}, "has the format 2 and this version of wsss reads 1"),
        ({"format_version": None}, "its metadata cannot be read"),
        ({"classes": {"cat": 300}}, r"classes\.cat"),
        ({"classes": {"cat": 1, "dog": 1}}, "two classes have the same value"),
        ({"classes": {"c\nat": 1}}, "control character"),
        ({"prediction": {"scales": [1.0], "tiles": 3}}, r"prediction\.tiles"),
        ({"prediction": {"scales": [1.0], "a\nb": 3}}, r"prediction\.a\\nb"),
    ],
)
def test_other_metadata_are_refused(
    changes: dict[str, Any], told: str, dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    write_model(RUN, dataset, weights, DIGESTS, tmp_path / "model.safetensors")
    with pytest.raises(WsssError, match=told) as raised:
        read_model(changed(tmp_path / "model.safetensors", **changes))
    assert "\n" not in str(raised.value)


def test_what_is_no_model_is_told_by_its_path(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"trained\.safetensors does not say how it is used"):
        read_model(weights)
    with pytest.raises(WsssError, match=r"no model at .*gone\.safetensors"):
        read_model(tmp_path / "gone.safetensors")
    weights.write_bytes(weights.read_bytes()[:-7])
    with pytest.raises(WsssError, match=r"trained\.safetensors is damaged"):
        read_model(weights)


def test_a_pipe_is_not_waited_for(dataset: Dataset, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.safetensors")
    check_classes(tmp_path / "model.safetensors", dataset)
    with pytest.raises(WsssError, match=r"no model at .*model\.safetensors"):
        read_model(tmp_path / "model.safetensors")


def test_weights_of_another_network_are_refused(dataset: Dataset, weights: Path, tmp_path: Path) -> None:
    other = RUN.model_copy(update={"segmentation": RUN.segmentation.model_copy(update={"rates": (1, 2, 3)})})
    with pytest.raises(WsssError, match="is of another network"):
        write_model(other, dataset, weights, DIGESTS, tmp_path / "model.safetensors")

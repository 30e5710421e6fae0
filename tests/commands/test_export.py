"""`wsss export`: graphs of all kinds of backbones, run by onnxruntime, against the workflow's own predictions."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from typer.testing import CliRunner, Result

import wsss
from tests.commands.conftest import CLASSES, DIGESTS, Made, make, run_settings
from wsss.cli import app
from wsss.commands.export import size_of
from wsss.commands.onnx_graph import graph_of_size
from wsss.data.augmentation import to_tensor
from wsss.errors import WsssError
from wsss.files import sha256_of
from wsss.networks.backbones import CAFFE_INPUT, TORCHVISION_INPUT
from wsss.segmentation.model import write_model
from wsss.segmentation.training import build_segmenter
from wsss.segmentation.whole_graph import PixelsToProbabilities
from wsss.settings.run import RunSettings

SCALES = [1.0, 0.5]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def model_of(made: Made, folder: Path, backbone: str, scales: Sequence[float] = SCALES, **changes: Any) -> Path:
    """A model with random weights on a backbone. Its scores are not rounded when they are stored."""
    own = {"backbone": {"name": backbone, "weights": "scratch"}, "output_stride": 16, "rates": [1, 2], "crop": 64}
    values = made.run.model_dump(mode="json") | {
        "segmentation": own | changes,
        "prediction": {"scales": list(scales), "store_dtype": "float32"},
    }
    settings = RunSettings.model_validate(values)
    torch.manual_seed(0)
    network = build_segmenter(settings.segmentation, len(made.dataset.classes))
    for branch in network.aspp:
        # Larger than the initial weights, so that probabilities differ from pixel to pixel.
        torch.nn.init.normal_(branch.weight, std=0.05)
    save_file(network.state_dict(), folder / "weights.safetensors")
    write_model(settings, made.dataset, folder / "weights.safetensors", DIGESTS, folder / "segmenter.safetensors")
    return folder / "segmenter.safetensors"


def probabilities(path: Path, photograph: Path) -> np.ndarray:
    """What the graph gives for a photograph, by onnxruntime alone."""
    pixels = np.asarray(Image.open(photograph).convert("RGB"), np.float32).transpose(2, 0, 1)[None]
    (found,) = onnxruntime.InferenceSession(path).run(["probabilities"], {"pixels": pixels})
    return np.asarray(found)[0]


@pytest.mark.parametrize("backbone", ["resnet18", "efficientnet_lite0", "timm/resnet10t"])
def test_the_graph_gives_the_workflows_probabilities_at_any_size(usual: Made, tmp_path: Path, backbone: str) -> None:
    model = model_of(usual, tmp_path, backbone)
    found = run(model, tmp_path / "out.onnx")
    assert found.exit_code == 0, found.output
    assert "float32 (1, 3, height, width)" in found.stdout
    assert "fixed" not in found.stdout
    segmenter = wsss.load_segmenter(model)
    for name in ("plain.jpg", "cmyk.tif"):
        photograph = usual.photographs / name
        own = probabilities(tmp_path / "out.onnx", photograph)
        wanted = segmenter.predict(photograph, crf=False)
        np.testing.assert_allclose(own, wanted.probabilities, atol=1e-3)
        values = np.array([*wanted.names])
        assert np.mean(values[own.argmax(0)] == wanted.labels) > 0.999
    assert own.std(axis=(1, 2)).max() > 0.01


def test_without_a_background_the_first_output_is_left_out(tmp_path: Path) -> None:
    made = make(tmp_path / "made", False)
    model = model_of(made, tmp_path, "resnet18")
    assert run(model, tmp_path / "out.onnx").exit_code == 0
    photograph = made.photographs / "plain.jpg"
    own = probabilities(tmp_path / "out.onnx", photograph)
    wanted = wsss.load_segmenter(model).predict(photograph, crf=False).probabilities
    assert len(own) == len(CLASSES)
    np.testing.assert_allclose(own, wanted, atol=1e-3)


def test_the_file_says_what_it_is_and_has_equal_bytes(usual: Made, tmp_path: Path) -> None:
    for name in ("one.onnx", "two.onnx"):
        assert run(usual.model.parent.parent, tmp_path / name).exit_code == 0
    content = (tmp_path / "one.onnx").read_bytes()
    assert content == (tmp_path / "two.onnx").read_bytes()
    # Nothing of the machine is told.
    assert str(Path(wsss.__file__).parent).encode() not in content
    facts = {one.key: one.value for one in onnx.load_model_from_string(content).metadata_props}
    assert json.loads(facts["class_names"]) == ["background", "cow", "cat", "dog"]
    assert json.loads(facts["class_values"]) == [0, 3, 8, 12]
    assert json.loads(facts["palette"]) == [[0, 0, 0], [128, 128, 0], [64, 0, 0], [64, 0, 128]]
    assert facts["model_sha256"] == sha256_of(usual.model)
    assert facts["weights_sha256"] == sha256_of(usual.weights)
    assert facts["dataset"] == "mine"


def test_a_fixed_size(usual: Made, tmp_path: Path) -> None:
    found = run(usual.model, tmp_path / "out.onnx", "--size", "48x80")
    assert found.exit_code == 0, found.output
    assert "float32 (1, 3, 48, 80)" in found.stdout
    (given,) = onnxruntime.InferenceSession(tmp_path / "out.onnx").get_inputs()
    assert given.shape == [1, 3, 48, 80]


def test_a_network_of_one_size_gets_a_fixed_one_and_it_is_told(
    usual: Made, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """ONNX cannot resize the positions of this vision transformer. At 160x160 there is nothing to resize."""
    model = model_of(usual, tmp_path, "timm/test_vit", [1.0], output_stride="native", crop=160)
    found = run(model, tmp_path / "out.onnx")
    assert found.exit_code == 0, found.output
    assert "the size of its input is fixed at 160, 160: no graph of any size (" in found.stdout
    assert len(found.stdout.splitlines()) == 6
    found = run(model, tmp_path / "other.onnx", "--size", "64x64")
    assert (found.exit_code, "torch cannot write this network as ONNX" in found.stderr) == (1, True)
    assert len(found.stderr.splitlines()) == 1
    assert not (tmp_path / "other.onnx").exists()
    # Compiled code has printed nothing either.
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("normalisation", [CAFFE_INPUT, TORCHVISION_INPUT])
def test_pixels_are_normalised_as_the_workflow_does(normalisation: Any) -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (5, 7, 3)).astype(np.uint8))
    pixels = torch.from_numpy(np.asarray(image, np.float32).transpose(2, 0, 1)[None].copy())
    seen: list[torch.Tensor] = []

    class Network(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            seen.append(images)
            return images

    PixelsToProbabilities(Network(), normalisation, (1.0,))(pixels)
    np.testing.assert_allclose(seen[0][0].numpy(), to_tensor(image, normalisation).numpy(), rtol=1e-5, atol=1e-4)


def test_a_graph_of_another_network_is_refused() -> None:
    networks = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = build_segmenter(run_settings().segmentation, 2)
        for branch in network.aspp:
            torch.nn.init.normal_(branch.weight, std=0.3)
        networks.append(PixelsToProbabilities(network, TORCHVISION_INPUT, (1.0,)).eval())
    with pytest.raises(WsssError, match="probabilities differ from torch's by"):
        graph_of_size(networks[0], networks[1], (32, 32))


def test_a_missing_package_is_named_with_its_remedy(
    usual: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found = run(usual.model, tmp_path / "out.onnx")
    assert found.exit_code == 1
    assert "needs onnxruntime, which is not installed: pip install 'wsss[onnx]'" in found.stderr
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("text", ["0x5", "5", "axb", "5x9000", "5 x 5", "-5x5"])
def test_sizes_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(WsssError, match="give height x width"):
        size_of(text)


def test_places_that_are_none_are_told(usual: Made, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = run(usual.model, tmp_path / "file" / "out.onnx", "--size", "32x32")
    assert (found.exit_code, "cannot be written" in found.stderr) == (1, True)
    found = run("gone", tmp_path / "out.onnx")
    assert (found.exit_code, "no model at gone" in found.stderr) == (1, True)

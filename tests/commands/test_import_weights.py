"""The import of released weights: every entry in its place, what is left out, and what is said of files that misfit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from typer.testing import CliRunner, Result

from tests.reference import noise, released_weights
from wsss.classification.classifier import build_classifier
from wsss.cli import app
from wsss.commands.import_weights import import_weights, read_codebook
from wsss.errors import WsssError
from wsss.files import sha256_of
from wsss.networks.backbones import backbone_of, build_backbone
from wsss.networks.initial_weights import load_initial_weights, write_initial_weights
from wsss.networks.released_names import Released
from wsss.networks.saved_weights import take_weights
from wsss.refinement.irnet.network import EdgeNetwork
from wsss.settings.backbone import BackboneSettings
from wsss.settings.classifier import ClassifierSettings


@pytest.fixture(scope="module")
def vwe() -> dict[str, Tensor]:
    return released_weights("vwe")


@pytest.fixture(scope="module")
def irnet() -> dict[str, Tensor]:
    return released_weights("irnet")


@pytest.fixture(scope="module")
def deeplab() -> dict[str, Tensor]:
    return released_weights("deeplab")


def imported(kind: Released, state: dict[str, Any], folder: Path, codebook: Path | None = None) -> dict[str, Tensor]:
    """What the import makes of a state dict, which goes through a file of torch."""
    torch.save(state, folder / "released.pth")
    import_weights(kind, folder / "released.pth", folder / "ours.safetensors", codebook)
    return dict(load_file(folder / "ours.safetensors"))


def assert_same(ours: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert set(ours) == set(wanted)
    assert all(torch.equal(ours[name], value) for name, value in wanted.items())


def repeated(state: dict[str, Tensor], trunk: str, stages: list[list[str]], other: dict[str, str]) -> dict[str, Tensor]:
    """`state` with the entries that released networks save twice: stages of the trunk and lists of layers."""
    extra = {}
    for name, value in state.items():
        part, _, rest = name.removeprefix(f"{trunk}.").partition(".")
        for number, parts in enumerate(stages, 1):
            if name.startswith(f"{trunk}.") and part in parts:
                extra[f"stage{number}.{parts.index(part)}.{rest}"] = value
                extra[f"backbone.{number - 1}.{parts.index(part)}.{rest}"] = value
        for start, place in other.items():
            if name.startswith(start):
                extra[place + name.removeprefix(start)] = value
    return state | extra


def test_repeats_of_a_classifier_and_its_wrapper_leave_no_trace(vwe: dict[str, Tensor], tmp_path: Path) -> None:
    stages = [["conv1", "bn1", "relu", "maxpool", "layer1"], ["layer2"], ["layer3"], ["layer4"]]
    heads = {"classifier.": "newly_added.0.", "VWE.": "newly_added.1.", "fc_a.": "newly_added.2."}
    whole = repeated(vwe, "resnet", stages, heads)
    assert {"stage1.4.0.conv1.weight", "stage4.0.2.bn3.bias", "newly_added.1.centroid"} <= set(whole)
    wrapped = {f"module.{name}": value for name, value in whole.items()}
    assert_same(imported(Released.VWE, wrapped, tmp_path), imported(Released.VWE, vwe, tmp_path))


def test_leftovers_of_irnet_leave_no_trace(irnet: dict[str, Tensor], tmp_path: Path) -> None:
    stages = [["conv1", "bn1", "relu", "maxpool"], ["layer1"], ["layer2"], ["layer3"], ["layer4"]]
    layers = {"fc_edge1.": "edge_layers.0.", "fc_dp7.": "dp_layers.6.", "mean_shift.": "fc_dp7.4."}
    whole = repeated(irnet, "resnet50", stages, layers)
    whole |= {"path_indices0": torch.zeros(2, 1, 5, dtype=torch.int64), "path_indices12": torch.zeros(1)}
    whole |= {"disp_target": torch.zeros(1, 2, 152, 1), "dp_layers.6.4.running_mean": torch.zeros(2)}
    assert {"stage1.0.weight", "stage5.0.0.conv1.weight", "fc_dp7.4.running_mean"} <= set(whole)
    ours = imported(Released.IRNET, irnet, tmp_path)
    assert_same(imported(Released.IRNET, whole, tmp_path), ours)
    assert torch.equal(ours["displacement_branch.mean"], irnet["mean_shift.running_mean"])
    assert torch.equal(ours["displacement_branch.joined.3.weight"], irnet["fc_dp7.3.weight"])


@pytest.mark.parametrize("old", [True, False], ids=["old format", "new format"])
def test_every_kind_of_file_gives_the_same_bytes(vwe: dict[str, Tensor], tmp_path: Path, old: bool) -> None:
    torch.save(vwe, tmp_path / "a.pth", _use_new_zipfile_serialization=not old)
    save_file(vwe, tmp_path / "a.safetensors")
    for source in ("a.pth", "a.safetensors"):
        import_weights(Released.VWE, tmp_path / source, tmp_path / "out" / source / "ours.safetensors")
    ours = [tmp_path / "out" / source / "ours.safetensors" for source in ("a.pth", "a.safetensors")]
    assert_same(dict(load_file(ours[0])), dict(load_file(ours[1])))
    import_weights(Released.VWE, tmp_path / "a.pth", tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == ours[0].read_bytes()
    with safe_open(ours[0], "pt") as file:
        assert file.metadata() == {"origin": f"released vwe, SHA-256 {sha256_of(tmp_path / 'a.pth')}"}


def test_imported_networks_stand_in_place_of_a_training(
    vwe: dict[str, Tensor], irnet: dict[str, Tensor], tmp_path: Path
) -> None:
    """As `finished` names them, in a stage of their own."""
    backbone = {"name": "resnet50", "weights": "imagenet"}
    file, taken = tmp_path / "ours.safetensors", tmp_path / "taken.safetensors"
    ours = imported(Released.VWE, vwe, tmp_path)
    named = {"backbone": backbone, "words": "vwe", "vocabulary": len(ours["words.codebook"])}
    classifier = build_classifier(ClassifierSettings.model_validate(named), len(ours["classifier.weight"]))
    take_weights(file, classifier, taken)
    assert taken.read_bytes() == file.read_bytes()
    imported(Released.IRNET, irnet, tmp_path)
    take_weights(file, EdgeNetwork(backbone_of(BackboneSettings.model_validate(backbone))), taken, "backbone.")
    assert taken.read_bytes() == file.read_bytes()


def test_counts_of_batches_are_kept_where_there_are_any(vwe: dict[str, Tensor], tmp_path: Path) -> None:
    ours = imported(Released.VWE, vwe | {"resnet.bn1.num_batches_tracked": torch.tensor(7)}, tmp_path)
    counts = {name: int(value) for name, value in ours.items() if name.endswith("num_batches_tracked")}
    assert counts.pop("backbone.network.bn1.num_batches_tracked") == 7
    assert len(counts) == 52
    assert set(counts.values()) == {0}


def shrunk(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Zeros that take no memory."""
    return {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}


def test_the_depth_and_the_sizes_are_the_files(tmp_path: Path) -> None:
    settings = ClassifierSettings.model_validate(
        {"backbone": {"name": "resnet101", "weights": "scratch"}, "vocabulary": 12}
    )
    with torch.device("meta"):
        wanted = build_classifier(settings, 3).state_dict()
    heads = {"classifier.weight": "classifier.weight", "words.codebook": "VWE.centroid"}
    heads |= {"words.word.weight": "fc_b.weight", "words.word_to_image.weight": "fc_a.weight"}
    shapes = {}
    for name, value in wanted.items():
        released = heads.get(name) or name.replace("backbone.network.", "resnet.")
        shapes[released] = (*value.shape, 1, 1) if name in heads else tuple(value.shape)
    save_file({name: value.contiguous() for name, value in shrunk(shapes).items()}, tmp_path / "a.safetensors")
    said = import_weights(Released.VWL_L, tmp_path / "a.safetensors", tmp_path / "ours.safetensors")
    assert said == f"{tmp_path / 'ours.safetensors'}: vwl_l on resnet101, 12 words, 3 classes"
    ours = load_file(tmp_path / "ours.safetensors")
    assert {name: value.shape for name, value in ours.items()} == {name: v.shape for name, v in wanted.items()}
    assert all(value.dtype == wanted[name].dtype for name, value in ours.items())


def test_a_memory_banks_codebook_comes_from_a_file_of_its_own(vwe: dict[str, Tensor], tmp_path: Path) -> None:
    state = {name: value for name, value in vwe.items() if not name.startswith("VWE.")}
    codebook = noise("codebook", (32, 2048)).astype(np.float64)
    np.save(tmp_path / "words.npy", codebook)
    ours = imported(Released.VWL_M, state, tmp_path, tmp_path / "words.npy")
    outside = {name for name in ours if not name.startswith("backbone.")}
    assert outside == {"classifier.weight", "words.word.weight", "words.bank.codebook", "words.bank.filled"}
    assert ours["words.bank.filled"]
    np.testing.assert_array_equal(ours["words.bank.codebook"], codebook.astype(np.float32))
    assert torch.equal(ours["words.word.weight"], vwe["fc_b.weight"][:, :, 0, 0])
    np.save(tmp_path / "words.npy", codebook[:31])
    with pytest.raises(WsssError, match=r"vwl_m: words\.bank\.codebook is 31 x 2048, not 32 x 2048$"):
        imported(Released.VWL_M, state, tmp_path, tmp_path / "words.npy")


def test_a_codebook_of_objects_is_not_unpickled(vwe: dict[str, Tensor], tmp_path: Path) -> None:
    np.save(tmp_path / "words.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(WsssError, match=r"words\.npy cannot be read as an array of numbers .*allow_pickle=False"):
        imported(Released.VWL_M, vwe, tmp_path, tmp_path / "words.npy")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x04\x00{'a("])
def test_a_damaged_codebook_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "words.npy").write_bytes(content)
    with pytest.raises(WsssError, match=r"words\.npy cannot be read as an array of numbers"):
        read_codebook(tmp_path / "words.npy")


def test_a_missing_codebook_is_named(tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"no codebook at .*words\.npy"):
        read_codebook(tmp_path / "words.npy")


@pytest.mark.parametrize(("kind", "given"), [(Released.VWL_M, False), (Released.VWE, True)])
def test_a_codebook_belongs_to_the_memory_bank_alone(
    vwe: dict[str, Tensor], tmp_path: Path, kind: Released, given: bool
) -> None:
    np.save(tmp_path / "words.npy", noise("codebook", (32, 2048)))
    with pytest.raises(WsssError, match="--codebook names the"):
        imported(kind, vwe, tmp_path, tmp_path / "words.npy" if given else None)


def test_every_fault_is_named(vwe: dict[str, Tensor], tmp_path: Path) -> None:
    gone = ("resnet.layer3.5.conv2.weight", "resnet.bn1.running_var")
    state = {name: value for name, value in vwe.items() if name not in gone}
    state |= {"resnet.fc.weight": torch.ones(2), "epoch": torch.tensor(3)}
    state |= {
        "resnet.bn1.bias": torch.ones(65),
        "VWE.centroid": torch.ones(31, 2048, 1, 1),
        "fc_a.weight": torch.ones(()),
    }
    with pytest.raises(WsssError) as caught:
        imported(Released.VWE, state, tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'released.pth'} does not hold the weights of a released vwe: "
        "missing resnet.bn1.running_var, resnet.layer3.5.conv2.weight; unknown resnet.fc.weight, epoch; "
        "resnet.bn1.bias is 65, not 64; VWE.centroid is 31 x 2048 x 1 x 1, not 32 x 2048; "
        "fc_a.weight is a number, not 20 x 32"
    )
    assert not (tmp_path / "ours.safetensors").exists()


def test_another_networks_file_is_refused(irnet: dict[str, Tensor], deeplab: dict[str, Tensor], tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"missing .*classifier\.weight.*; unknown .*fc_edge1\.0\.weight"):
        imported(Released.VWL_L, irnet, tmp_path)
    with pytest.raises(WsssError, match=r"deeplab_start: unknown aspp\.c0\.weight, .*aspp\.c3\.bias$"):
        imported(Released.DEEPLAB_START, deeplab, tmp_path)


def test_a_matrix_is_no_convolution_of_another_kind(vwe: dict[str, Tensor], tmp_path: Path) -> None:
    flat = vwe["resnet.layer1.0.conv1.weight"][:, :, 0, 0]
    with pytest.raises(WsssError, match=r"resnet\.layer1\.0\.conv1\.weight is 64 x 64, not 64 x 64 x 1 x 1$"):
        imported(Released.VWE, vwe | {"resnet.layer1.0.conv1.weight": flat}, tmp_path)


class Intruder:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.mkdir, (self.folder,))


def test_code_in_a_file_is_refused_and_not_run(tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"released\.pth cannot be read as weights alone"):
        imported(Released.IRNET, {"a": Intruder(tmp_path / "intruded")}, tmp_path)
    assert not (tmp_path / "intruded").exists()


def test_a_state_dict_within_a_checkpoint_is_found(vwe: dict[str, Tensor], tmp_path: Path) -> None:
    alone, within = tmp_path / "alone", tmp_path / "within"
    alone.mkdir()
    within.mkdir()
    imported(Released.VWE, vwe, alone)
    imported(Released.VWE, {"state_dict": vwe, "epoch": 3}, within)
    first, second = (load_file(folder / "ours.safetensors") for folder in (alone, within))
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_deeplabs_start_becomes_a_backbones_file(deeplab: dict[str, Tensor], tmp_path: Path) -> None:
    """From the file as downloaded, without `base.` and with outputs for COCO, to a network of the workflow."""
    start = {name.removeprefix("base."): value for name, value in deeplab.items() if ".aspp." not in name}
    start |= {"fc.weight": torch.ones(91, 2048, 1, 1), "fc.bias": torch.ones(91)}
    imported(Released.DEEPLAB_START, start, tmp_path)
    file = tmp_path / "ours.safetensors"
    values = {"name": "resnet101", "weights": "file", "caffe_style": True, "input": "caffe"}
    settings = BackboneSettings.model_validate(values | {"file_sha256": sha256_of(file)})
    write_initial_weights(settings, {"resnet101": str(file)}, tmp_path / "initial")
    with torch.device("meta"):
        backbone = build_backbone("resnet101").to_empty(device="cpu")
    load_initial_weights(backbone, tmp_path / "initial" / "weights.safetensors")
    network = backbone.network.state_dict()
    for ours, theirs in (
        ("conv1.weight", "layer1.conv1.conv.weight"),
        ("layer1.0.downsample.1.bias", "layer2.block1.shortcut.bn.bias"),
        ("layer3.22.conv2.weight", "layer4.block23.conv3x3.conv.weight"),
        ("layer4.2.bn3.running_var", "layer5.block3.increase.bn.running_var"),
    ):
        assert torch.equal(network[ours], start[theirs])


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["import-weights", *map(str, arguments)])


def test_the_command(vwe: dict[str, Tensor], tmp_path: Path) -> None:
    source, out = tmp_path / "vwe.pth", tmp_path / "folder" / "classifier.safetensors"
    torch.save(vwe, source)
    done = run("vwe", source, out)
    assert (done.exit_code, done.output) == (0, f"{out}: vwe on resnet50, 32 words, 20 classes\n")
    assert torch.equal(load_file(out)["words.codebook"], vwe["VWE.centroid"][:, :, 0, 0])
    refused = run("irnet", source, tmp_path / "other.safetensors")
    assert refused.exit_code == 1
    assert refused.output.startswith(f"error: {source} does not hold the weights of a released irnet: missing ")
    assert len(refused.output.splitlines()) == 1
    assert run("vwf", source, out).exit_code == 2
    assert run("vwe", tmp_path / "gone.pth", out).exit_code == 2

"""Stages of timm's networks against the networks' own modules, and what is said where timm cannot give them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from tests.conftest import PROJECT
from tests.reference import noise
from wsss.commands.describe import trainings
from wsss.errors import WsssError
from wsss.networks.backbones import WholeBackbone, build_backbone
from wsss.networks.initial_weights import write_initial_weights
from wsss.refinement.irnet.network import EdgeNetwork, edges_of_image
from wsss.settings.backbone import BackboneSettings
from wsss.settings.config import read_config

VIT, CONVNEXT, SWIN = "timm/vit_tiny_patch16_224", "timm/convnext_atto", "timm/swin_tiny_patch4_window7_224"


def images(height: int, width: int) -> Tensor:
    return torch.from_numpy(noise("backbone/x", (2, 3, height, width)))


def whole_of(backbone: WholeBackbone, name: str, **options: Any) -> Any:
    """The classifier that timm has, head and all, with the backbone's weights."""
    whole = timm.create_model(name.removeprefix("timm/"), **options).eval()
    own = backbone.network.state_dict()
    state = {key: own[ours] for key, ours in backbone.whole.published.items() if ours is not None}
    assert set(own) == set(backbone.whole.published.values()) - {None}
    whole.load_state_dict(whole.state_dict() | state)
    return whole


def built(name: str, *options: Any, **more: Any) -> WholeBackbone:
    backbone = build_backbone(name, *options, **more)
    assert isinstance(backbone, WholeBackbone)
    return backbone


def near(ours: Tensor, theirs: Tensor) -> None:
    assert float(theirs.abs().max()) > 1e-3
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5 * float(theirs.abs().max()))


@torch.no_grad()
def test_a_vits_stages_are_blocks_at_equal_distances() -> None:
    backbone = built(VIT)
    whole = whole_of(backbone, VIT, dynamic_img_size=True)
    stages = backbone(images(33, 47))
    tokens = whole.norm_pre(whole._pos_embed(whole.patch_embed(pad(images(33, 47), (0, 1, 0, 15)))))
    wanted = []
    for number, block in enumerate(whole.blocks, 1):
        tokens = block(tokens)
        # Of twelve blocks: after the third, fifth, eighth, tenth and last.
        if number in (3, 5, 8, 10, 12):
            wanted.append(tokens[:, 1:].reshape(2, 3, 3, 192).permute(0, 3, 1, 2))
    for ours, theirs in zip(stages, wanted, strict=True):
        near(ours, theirs)


@torch.no_grad()
def test_the_first_of_four_levels_counts_twice() -> None:
    backbone = built(CONVNEXT, "native")
    whole = whole_of(backbone, CONVNEXT)
    features = whole.stem(pad(images(33, 47), (0, 17, 0, 31)))
    wanted = []
    for level, stride in zip(whole.stages, (4, 8, 16, 32), strict=True):
        features = level(features)
        wanted.append(features[:, :, : -(-33 // stride), : -(-47 // stride)])
    stages = backbone(images(33, 47))
    assert backbone.strides == (4, 4, 8, 16, 32)
    for ours, theirs in zip(stages, [wanted[0], *wanted], strict=True):
        near(ours, theirs)
    assert [bool(list(backbone.stage_parameters(number))) for number in range(1, 6)] == [True, False, True, True, True]


@torch.no_grad()
def test_maps_with_channels_at_the_end_are_turned() -> None:
    backbone = built(SWIN)
    whole = whole_of(backbone, SWIN, strict_img_size=False)
    features = whole.patch_embed(images(64, 96))
    for ours, level in zip(backbone(images(64, 96))[1:], whole.layers, strict=True):
        features = level(features)
        near(ours, features.permute(0, 3, 1, 2))
    assert backbone.strides == (4, 4, 8, 16, 32), "its own, as it cannot be brought to 16"


def dilations(network: nn.Module) -> set[tuple[int, ...]]:
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    return {tuple(layer.dilation) for layer in layers if layer.kernel_size[0] % 2 and layer.kernel_size[0] > 1}


@pytest.mark.parametrize("name", ["timm/resnet10t", "timm/mobilenetv3_small_050", CONVNEXT])
@torch.no_grad()
def test_an_output_stride_comes_with_dilation_or_without(name: str) -> None:
    for output_stride in (8, 16):
        dilated, plain = (built(name, output_stride, dilated=one) for one in (True, False))
        assert max(dilations(dilated)) > (1, 1)
        assert dilations(plain) == {(1, 1)}
        plain.load_state_dict(dilated.state_dict())
        for backbone in (plain, dilated):
            assert backbone.strides[-1] == output_stride
            sizes = [tuple(stage.shape[2:]) for stage in backbone(images(65, 97))]
            assert sizes == [(-(-65 // stride), -(-97 // stride)) for stride in backbone.strides]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("timm/convnext_tinny", (), "has no network convnext_tinny; alike are: convnext_tiny"),
        ("timm/convnext_tiny.nowhere", (), "gives no features"),
        ("timm/mixer_s16_224", (), r"timm/mixer_s16_224 takes images of 224x224 only .* choose another, such as"),
        (SWIN, (8,), r"cannot be brought to output_stride 8 .* its own is 32; set output_stride: native, or choose"),
        (VIT, (8,), r"cannot be brought to output_stride 8 .* its own is 16"),
    ],
)
def test_what_timm_cannot_give_is_refused(name: str, options: tuple[Any, ...], message: str) -> None:
    with pytest.raises(WsssError, match=message):
        build_backbone(name, *options)


def test_strides_that_4_does_not_divide_give_edges_at_4() -> None:
    backbone = built("timm/vit_small_patch14_dinov2")
    assert backbone.strides == (14,) * 5
    network = EdgeNetwork(backbone, displacement=True).eval()
    assert edges_of_image(network, images(33, 47)[0], pad_to=64).shape == (9, 12)


def test_images_are_made_into_what_the_weights_were_trained_on() -> None:
    with torch.device("meta"):
        assert build_backbone(VIT).normalisation == ((0.5,) * 3, (0.5,) * 3, False)
        assert build_backbone("timm/resnet10t").normalisation == build_backbone("resnet18").normalisation


def test_without_timm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(WsssError, match=r"backbone timm/convnext_atto needs timm.* pip install 'wsss\[timm\]'"):
        build_backbone(CONVNEXT)


def test_timm_is_loaded_only_when_asked_for() -> None:
    code = (
        "import sys, wsss.classification.training, wsss.refinement.irnet.training, wsss.segmentation.prediction\n"
        "from wsss.networks.backbones import build_backbone\n"
        "build_backbone('resnet18')\n"
        "assert 'timm' not in sys.modules\n"
        "build_backbone('timm/resnet10t')\n"
        "assert 'timm' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)


def test_a_download_that_fails_says_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing listens there: a machine without a network.
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    settings = BackboneSettings(name="timm/resnet10t", weights="imagenet")
    with pytest.raises(WsssError, match=r"weights of timm/resnet10t could not be had .*locations.backbones.timm/res"):
        write_initial_weights(settings, {}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_only_safetensors_are_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def download(*arguments: Any, **options: Any) -> str:
        asked.append(options.get("filename", arguments[1:]))
        raise OSError("no such file")

    monkeypatch.setattr("timm.models._hub.hf_hub_download", download)
    with pytest.raises(WsssError, match="no such file"):
        write_initial_weights(BackboneSettings(name="timm/resnet10t", weights="imagenet"), {}, tmp_path / "out")
    assert asked == ["model.safetensors"]


def test_describe_knows_timms_networks() -> None:
    backbone = {"name": VIT, "weights": "scratch"}
    config: dict[str, Any] = {
        "data": {"kind": "synthetic", "train_images": 16, "val_images": 3, "image_size": 64, "classes": 4},
        "classifier": {"backbone": backbone},
        "irnet": {"backbone": backbone},
        "segmentation": {"backbone": backbone, "output_stride": "native"},
    }
    described = {one.stage: one for one in trainings(read_config(config).runs["default"], 4, 64)}
    assert described["classifier"].network.startswith("vwl_l on timm/vit_tiny_patch16_224 (scratch)")
    assert "timm/vit_tiny_patch16_224 (scratch), output stride 16" in described["segmentation"].network
    assert described["irnet"].trained < described["irnet"].parameters

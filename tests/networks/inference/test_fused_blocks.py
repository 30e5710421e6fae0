"""Fused convolutions: the same outputs as a ResNet's own blocks, and only where nothing else is asked of them."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.reference import noise
from wsss.networks.backbones import Backbone, build_backbone
from wsss.networks.inference.folding import fold_norms
from wsss.networks.inference.precision import to_precision
from wsss.settings.backbone import BackboneName

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


class Recorded(TorchDispatchMode):
    """Names of the operations that run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def features(backbone: Backbone, images: torch.Tensor) -> tuple[torch.Tensor, bool]:
    """The last features, and whether a library's fused convolution had a part in them."""
    with Recorded() as recorded:
        found = backbone(images)[-1]
    return found, any(name.startswith(("_convolution_pointwise", "cudnn_convolution")) for name in recorded.names)


def networks(name: BackboneName, device: str) -> tuple[Backbone, Backbone]:
    """One with its BatchNorms, which do something, and one with these folded into the convolutions."""
    pair = []
    for _ in range(2):
        torch.manual_seed(0)
        backbone = build_backbone(name).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for module in backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.bias, -0.2, 0.2)
                nn.init.uniform_(module.weight, 0.5, 1)
        pair.append(backbone)
    fold_norms(pair[1])
    return pair[0], pair[1]


def views(device: str) -> torch.Tensor:
    return torch.from_numpy(noise("fused/x", (2, 3, 65, 47))).to(device)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
@pytest.mark.parametrize(("dtype", "allowed"), [(torch.float32, 1e-5), (torch.bfloat16, 0.05)])
@pytest.mark.parametrize("device", DEVICES)
@torch.inference_mode()
def test_fused_blocks_give_what_blocks_give(
    name: BackboneName, dtype: torch.dtype, allowed: float, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    plain, folded = networks(name, device)
    to_precision(folded, dtype)
    (exact, fused), (ours, ours_fused) = features(plain, views(device)), features(folded, views(device).to(dtype))
    possible = dtype == torch.float32 or device == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert (fused, ours_fused) == (False, possible)
    assert (ours.float() - exact).norm() <= allowed * exact.norm()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("grad", "autocast", "wanted"), [(True, False, False), (False, True, False), (False, False, True)]
)
def test_blocks_stay_plain_where_more_is_asked(grad: bool, autocast: bool, wanted: bool, device: str) -> None:
    _, folded = networks("resnet18", device)
    folded.requires_grad_(False)
    with torch.set_grad_enabled(grad), torch.autocast(device, torch.bfloat16, enabled=autocast):
        _, fused = features(folded, views(device))
    assert fused == wanted

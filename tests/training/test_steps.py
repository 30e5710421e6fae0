"""A step of each training: the host never waits for the device, and bfloat16 comes near float32."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.classification.small_classifier import small_settings
from tests.parts import members, method_of
from tests.reference import noise
from wsss.classification.classifier import build_classifier
from wsss.classification.training import classifier_losses
from wsss.networks.backbones import build_backbone
from wsss.refinement.irnet.network import EdgeNetwork
from wsss.refinement.irnet.training import irnet_losses
from wsss.segmentation.deeplab import DeepLabV2
from wsss.segmentation.training import segmentation_losses
from wsss.settings.objectives import ObjectiveSettings
from wsss.settings.training import OptimiserSettings
from wsss.training.loop import Batch, Losses, Machine, Plan, train

SIDE, RADIUS, STEPS = 64, 4, 3
Training = tuple[nn.Module, Callable[..., Losses], Batch]
# Operations whose result, or its size, must be known to the host before it can go on.
WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "bincount", "is_nonzero", "equal")


def images() -> Tensor:
    return torch.from_numpy(noise("steps/x", (2, 3, SIDE, SIDE)))


def classifier(words: str, *objectives: str) -> Training:
    settings = small_settings(words=words, objectives=[{"method": method} for method in objectives])
    network = build_classifier(settings, 3)
    labels = torch.tensor([[1.0, 0, 0], [0, 1, 1]])
    return network, classifier_losses, [images(), labels]


def irnet(displacement: bool) -> Training:
    network = EdgeNetwork(build_backbone("resnet18"), displacement)
    labels = torch.randint(0, 3, (2, 4, 4), dtype=torch.uint8).repeat_interleave(16, 1).repeat_interleave(16, 2)
    labels[:, 28:32] = 255
    return network, partial(irnet_losses, radius=RADIUS), [images(), labels]


def segmentation() -> Training:
    network = DeepLabV2(build_backbone("resnet18", 8, True), 3, (1, 2))
    labels = torch.randint(0, 3, (2, SIDE, SIDE), dtype=torch.uint8)
    labels[:, :9] = 255
    return network, partial(segmentation_losses, scales=(1.0, 0.5)), [images(), labels]


TRAININGS: dict[str, Callable[[], Training]] = {
    **{words: lambda words=words: classifier(words) for words in ("none", "vwe", "vwl_l", "vwl_m")},  # type: ignore[misc]
    **{
        method: lambda method=method: classifier("none", method)  # type: ignore[misc]
        for method in map(method_of, members(ObjectiveSettings))
    },
    "irnet": lambda: irnet(False),
    "irnet with displacements": lambda: irnet(True),
    "segmentation": segmentation,
}


@pytest.fixture(params=TRAININGS)
def training(request: pytest.FixtureRequest) -> Callable[[], Training]:
    """Makes the same network and batch at every call."""

    def make() -> Training:
        torch.manual_seed(8)
        return TRAININGS[request.param]()

    return make


class NeverWait(TorchDispatchMode):
    """Refuses what would make the host wait for a GPU."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        by_mask = func._opname in ("index", "index_put_", "index_put") and any(
            index is not None and index.dtype in (torch.bool, torch.uint8) for index in args[1]
        )
        if by_mask or func._opname.startswith(WAITING):
            raise AssertionError(f"{func} waits for the device")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "wait", [lambda x: float(x.sum()), lambda x: x[x > 0], lambda x: x.nonzero(), lambda x: bool((x > 0).all())]
)
def test_waiting_is_noticed(wait: Callable[[Tensor], object]) -> None:
    with NeverWait(), pytest.raises(AssertionError, match="waits for the device"):
        wait(torch.ones(3))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_step_never_waits_for_the_device(training: Callable[[], Training], precision: str) -> None:
    network, compute_losses, batch = training()
    network.train()
    with NeverWait():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            losses = compute_losses(network, batch)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    assert any(parameter.grad is not None for parameter in network.parameters())


class Repeated:
    """The same few samples at every epoch."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def __len__(self) -> int:
        return len(self.batch[0])

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, ...]:
        return tuple(tensor[key[1]] for tensor in self.batch)


PLAN = Plan("steps", 2, STEPS, STEPS, OptimiserSettings(momentum=0.9, weight_decay=1e-4), "float32", 0)


def test_training_in_bfloat16_is_near(training: Callable[[], Training]) -> None:
    rows = {}
    for precision in ("float32", "bfloat16"):
        network, compute_losses, batch = training()
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        groups = [{"params": trained, "lr": 1e-3}]
        log = train(network, groups, compute_losses, Repeated(batch), replace(PLAN, precision=precision), Machine())
        assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
        rows[precision] = {name: loss for name, loss in log[-1].items() if name not in ("step", "lr")}
    exact, near = rows["float32"], rows["bfloat16"]
    assert near != exact
    for name, loss in exact.items():
        # Which words an image has is decided by maxima: with so few words, one that falls the other way is felt.
        assert near[name] == pytest.approx(loss, rel=0.3 if name == "word" else 0.05, abs=0.01), name

"""All trainings, one after the other, each for a few steps. Run as a script, it starts two ranks that share them.

`python two_ranks.py FOLDER` writes a file of each rank, FOLDER/0.safetensors and FOLDER/1.safetensors: the losses of
every step and the trained weights.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from wsss.training.launch import is_rank, member, run_ranks

if __name__ == "__main__" and not is_rank():
    run_ranks(2, sys.argv, 2)
    sys.exit()

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.classification.small_classifier import small_settings
from tests.parts import members, method_of
from tests.reference import noise
from tests.tiny_backbone import normalised_backbone, tiny_backbone
from wsss.classification.classifier import Classifier
from wsss.classification.training import classifier_losses
from wsss.refinement.irnet.network import EdgeNetwork
from wsss.refinement.irnet.training import irnet_losses
from wsss.segmentation.deeplab import DeepLabV2
from wsss.segmentation.training import segmentation_losses
from wsss.settings.objectives import ObjectiveSettings
from wsss.settings.training import OptimiserSettings
from wsss.training import loop
from wsss.training.loop import Batch, Losses, Machine, Plan, train
from wsss.training.ranks import rank

SIDE, STEPS, IMAGES = 32, 20, 8
PLAN = Plan("together", 4, STEPS, STEPS, OptimiserSettings(momentum=0.9, weight_decay=1e-4), "float32", 0)
Training = tuple[nn.Module, Callable[..., Losses], Plan]
# Rates at which losses move, and what is rounded in one step does not grow in the next ones.
RATE = 1e-2
RATES = {"irnet with displacements": 1e-4}
# A training with a state besides its weights, and the files of its checkpoints.
RESUMED, BEGUN_BY_ONE, BEGUN_BY_TWO = "vwl_m released", "one.checkpoint", "two.checkpoint"


class Samples:
    """Images with their labels: of classes, or of pixels, of which each image ignores others, and some ignore all."""

    def __init__(self, pixels: bool) -> None:
        self.images = torch.from_numpy(noise("ranks/x", (IMAGES, 3, SIDE, SIDE)))
        self.labels = torch.from_numpy(noise("ranks/y", (IMAGES, 3)) > 0).float()
        if pixels:
            cells = torch.from_numpy(noise("ranks/z", (IMAGES, 4, 4)) * 2).round().abs().clamp(max=2).byte()
            self.labels = cells.repeat_interleave(8, 1).repeat_interleave(8, 2)
            for number in range(IMAGES):
                self.labels[number, : SIDE * number // (IMAGES - 1)] = 255

    def __len__(self) -> int:
        return IMAGES

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, ...]:
        return self.images[key[1]], self.labels[key[1]]


def classifier(words: str, *objectives: str, **changes: object) -> Training:
    settings = small_settings(words=words, objectives=[{"method": method} for method in objectives], **changes)
    return Classifier(tiny_backbone(), 3, settings), classifier_losses, PLAN


def irnet(displacement: bool) -> Training:
    return EdgeNetwork(tiny_backbone(), displacement), partial(irnet_losses, radius=3), PLAN


def segmentation(batch: int, parts: int) -> Training:
    network = DeepLabV2(normalised_backbone(), 3, (1, 2))
    return network, partial(segmentation_losses, scales=(1.0, 0.5)), replace(PLAN, batch=batch, accumulate=parts)


TRAININGS: dict[str, Callable[[], Training]] = {
    **{
        f"{words} {formulation}": partial(classifier, words, formulation=formulation)
        for words in ("none", "vwe", "vwl_l", "vwl_m")
        for formulation in ("released", "paper")
    },
    **{method: partial(classifier, "none", method) for method in map(method_of, members(ObjectiveSettings))},
    "irnet": partial(irnet, False),
    "irnet with displacements": partial(irnet, True),
    "segmentation": partial(segmentation, 4, 1),
    "segmentation, a part for each rank": partial(segmentation, 4, 2),
    "segmentation, three parts that ranks share": partial(segmentation, 6, 3),
}


class StoppedError(Exception):
    """Ends a training in the middle."""


def trained(name: str, checkpoint: Path | None = None, stop: int = STEPS) -> dict[str, Tensor]:
    """Train for `stop` steps, from a checkpoint if there is one, and save one after every step.

    Returns the losses of every step, the state after the last, and the images that this process has seen.
    """
    torch.manual_seed(3)
    network, compute_losses, plan = TRAININGS[name]()
    seen: list[Tensor] = []

    def seeing(network: nn.Module, batch: Batch) -> Losses:
        if len(seen) == stop * plan.accumulate:
            raise StoppedError
        seen.append(batch[0][:, 0, 0, 0])
        return compute_losses(network, batch)

    groups = [{"params": [one for one in network.parameters() if one.requires_grad], "lr": RATES.get(name, RATE)}]
    samples, machine = Samples("irnet" in name or "segmentation" in name), Machine(checkpoint=checkpoint)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "STEPS_BETWEEN_LOG_ROWS", 1)
        patch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
        try:
            rows = train(network, groups, seeing, samples, plan, machine)
        except StoppedError:
            return {}
    losses = {f"loss {key}": torch.tensor([row[key] for row in rows]) for key in rows[0] if key not in ("step", "lr")}
    return {**losses, **network.state_dict(), "seen": torch.cat(seen)}


def main(folder: Path) -> None:
    """What each rank does."""
    with member():
        found = {name: trained(name) for name in TRAININGS}
        trained(RESUMED, folder / BEGUN_BY_TWO, stop=STEPS // 2)
        found["resumed"] = trained(RESUMED, folder / BEGUN_BY_ONE)
        flat = {f"{name}/{key}": value.contiguous() for name, one in found.items() for key, value in one.items()}
        save_file(flat, folder / f"{rank()}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

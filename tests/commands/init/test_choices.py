"""Settings that fit photographs: those of the configs that are known to work, and bounds for all others."""

from typing import Any

import pytest
import yaml

from tests.conftest import PROJECT
from wsss.commands.init.choices import Facts, choose


def config(name: str) -> dict[str, Any]:
    content = yaml.safe_load((PROJECT / name).read_text())
    assert isinstance(content, dict)
    return content


def test_the_photographs_of_voc_animals_get_its_settings() -> None:
    found, known = (
        choose(Facts(images=320, long_side=500, photographs=400, cores=2)),
        config("configs/voc-animals.yaml"),
    )
    classifier, irnet, segmentation = (known[stage] for stage in ("classifier", "irnet", "segmentation"))
    assert list(found.long_side) == classifier["long_side"]
    assert (found.crop, found.batch, found.epochs) == tuple(classifier[key] for key in ("crop", "batch", "epochs"))
    assert (found.irnet_crop, found.irnet_batch, found.irnet_epochs) == (irnet["crop"], irnet["batch"], irnet["epochs"])
    assert (found.segmentation_crop, found.steps) == (segmentation["crop"], segmentation["steps"])
    assert (found.scales, found.log2_steps, found.pad_to, found.shards) == (None, 8, 512, known["shards"])


def test_images_of_the_embedded_size_get_its_sides() -> None:
    found, known = choose(Facts(images=240, long_side=160, photographs=300)), config("config.yaml")
    assert list(found.long_side) == known["classifier"]["long_side"]
    assert (found.crop, found.irnet_crop) == (known["classifier"]["crop"], known["irnet"]["crop"])
    assert found.segmentation_crop == known["segmentation"]["crop"]
    assert list(found.scales or ()) == known["cams"]["scales"]
    assert (found.log2_steps, found.pad_to) == (known["pseudo_labels"]["log2_steps"], 160)


@pytest.mark.parametrize("images", [1, 2, 3, 5, 8, 19, 32, 100, 853, 10_582, 1_000_000])
@pytest.mark.parametrize("long_side", [1, 30, 64, 100, 159, 161, 250, 375, 516, 670])
def test_every_choice_can_be_trained(images: int, long_side: int) -> None:
    found = choose(Facts(images, long_side, images, cores=64))
    assert 1 <= found.batch <= min(images, 8)
    assert 1 <= found.irnet_batch <= min(images, 16)
    if images >= 2:
        assert images // found.batch >= 1
        assert found.batch >= 2
    assert 6 <= found.epochs <= 100
    assert 3 <= found.irnet_epochs <= 50
    assert 1 <= found.steps <= 20_000
    assert 128 <= found.long_side[0] < found.long_side[1] <= 640
    for side in (found.crop, found.irnet_crop, found.segmentation_crop):
        assert side % 32 == 0
        assert 128 <= side <= 512
    assert found.pad_to >= long_side
    assert found.pad_to % 16 == 0
    assert 3 <= found.log2_steps <= 8
    assert 1 <= found.shards <= max(images // 100, 1)


def test_fewer_images_have_more_passes_and_more_images_more_steps() -> None:
    counts = [20, 80, 320, 1280, 5120]
    found = [choose(Facts(count, 500, count)) for count in counts]
    assert [one.epochs for one in found] == sorted((one.epochs for one in found), reverse=True)
    steps = [count // one.batch * one.epochs for count, one in zip(counts, found, strict=True)]
    assert steps == sorted(steps)
    # The bounds: a hundred epochs for few images, and the six of the papers for thousands.
    assert (found[0].epochs, found[-1].epochs) == (100, 6)
    assert [one.steps for one in found] == [250, 450, 450, 1760, 7040]


def test_tiny_images_are_enlarged_for_cams() -> None:
    """64 pixels have two cells on each side; at 2.5 times the size they are as large as in training."""
    assert choose(Facts(100, 64, 100)).scales == (2.5, 3.75)
    assert choose(Facts(100, 199, 100)).scales == (1.0, 1.5)
    assert choose(Facts(100, 200, 100)).scales is None

"""Which settings fit a number and a size of photographs.

Two configs are known to work with this backbone on a CPU: configs/voc-animals.yaml (320 images to train on, 500 pixels)
and config.yaml (160 pixels). Sizes follow from them in proportion. Every training sees as many crops as that of
voc-animals, within bounds for few and for many images.
"""

import math
from dataclasses import dataclass

# Larger photographs are worked on at about 516 x 387 pixels. It is the size of the photographs of VOC.
MOST_PIXELS = 200_000
LARGEST_BATCH = 8
LARGEST_IRNET_BATCH = 16
# Crops that the trainings of voc-animals see: epochs x images, or steps x batch.
CLASSIFIER_CROPS = 16 * 320
IRNET_CROPS = 8 * 320
SEGMENTATION_CROPS = 450 * 8
# Passes through the train list: the papers' for many images, and a bound that keeps few images from being learnt by
# heart.
CLASSIFIER_PASSES = (6, 100)
IRNET_PASSES = (3, 50)
SEGMENTATION_PASSES = (11, 100)
MOST_STEPS = 20_000
# The side of the embedded dataset's images. Smaller images are enlarged to it.
SMALLEST_SIDE = 160
# From this long side on, half an image still has enough cells for CAMs.
SIDE_FOR_ALL_SCALES = 200
# With more images in a shard, the start of Python and torch takes a small part of its time.
IMAGES_IN_A_SHARD = 100
MOST_SHARDS = 16


@dataclass(frozen=True)
class Facts:
    """What the choices depend on.

    Parameters
    ----------
    images : int
        Photographs to train on, at least 1.
    long_side : int
        Median of the longer sides, in pixels, at the size at which photographs are worked on.
    photographs : int
        All photographs.
    cores : int
        Cores of this machine. They change no result.
    """

    images: int
    long_side: int
    photographs: int
    cores: int = 1


@dataclass(frozen=True)
class Choices:
    """Settings of a run that fit the photographs. The names are those of the config. Sides are in pixels."""

    long_side: tuple[int, int]
    crop: int
    batch: int
    epochs: int
    # None: the default, four scales from 0.5 to 2.
    scales: tuple[float, float] | None
    irnet_crop: int
    irnet_batch: int
    irnet_epochs: int
    log2_steps: int
    pad_to: int
    segmentation_crop: int
    steps: int
    shards: int


def choose(facts: Facts) -> Choices:
    """The settings that fit the photographs.

    Parameters
    ----------
    facts : Facts
        Number and size of the photographs.

    Returns
    -------
    Choices
        The settings. No batch is larger than the number of images to train on.
    """
    images, side = facts.images, facts.long_side
    batch = _batch(images, LARGEST_BATCH)
    return Choices(
        long_side=(_side(side, 0.512, 128), _side(side, 0.896, 192)),
        crop=_side(side, 0.64, SMALLEST_SIDE),
        batch=batch,
        epochs=round(_passes(images, CLASSIFIER_CROPS, CLASSIFIER_PASSES)),
        scales=_scales(side),
        irnet_crop=_side(side, 0.512, 128),
        irnet_batch=_batch(images, LARGEST_IRNET_BATCH),
        irnet_epochs=round(_passes(images, IRNET_CROPS, IRNET_PASSES)),
        log2_steps=_log2_steps(side),
        pad_to=max(-(-side // 16) * 16, 64),
        segmentation_crop=_side(side, 0.512, 128),
        steps=min(round(_passes(images, SEGMENTATION_CROPS, SEGMENTATION_PASSES) * images / batch), MOST_STEPS),
        shards=max(min(facts.photographs // IMAGES_IN_A_SHARD, facts.cores, MOST_SHARDS), 1),
    )


def _batch(images: int, largest: int) -> int:
    """A power of two: at most half of the images, so that an epoch has two steps and a lost image does no harm."""
    half = 1 << (max(images // 2, 1).bit_length() - 1)
    return min(max(half, min(images, 2)), largest)


def _passes(images: int, crops: int, bounds: tuple[int, int]) -> float:
    return min(max(crops / images, bounds[0]), bounds[1])


def _side(long_side: int, share: float, least: int) -> int:
    """A share of the long side: a multiple of 32, the stride of the backbone."""
    return max(round(share * long_side / 32) * 32, least)


def _scales(long_side: int) -> tuple[float, float] | None:
    """Scales at which an image is as large as in training. Small images are never made smaller."""
    if long_side >= SIDE_FOR_ALL_SCALES:
        return None
    first = max(round(SMALLEST_SIDE / long_side, 1), 1.0)
    return first, round(1.5 * first, 2)


def _log2_steps(long_side: int) -> int:
    """The walk reaches the same share of an image of any size. Its reach grows with the square root of its steps."""
    return min(max(round(8 + 2 * math.log2(long_side / 500)), 3), 8)

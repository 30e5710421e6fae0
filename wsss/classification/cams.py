"""Multi-scale, mirrored class activation maps, image by image, into stores."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, groupby, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wsss.artifacts import sha256_of
from wsss.classification.cam_store import CamStore
from wsss.classification.network import Classifier, load_classifier
from wsss.data.images import read_image
from wsss.data.layout import Dataset
from wsss.data.transforms import to_tensor
from wsss.device import place
from wsss.image_store import write_store_shard
from wsss.pipelining import in_background
from wsss.precision import to_precision
from wsss.settings.cams import Branches, CamSettings
from wsss.settings.classification import ClassifierSettings

# On a GPU: what goes through the network at once, 24 photographs of VOC; less on a card of less memory, of which every
# pixel, its mirror's and those at double size take some 3 kB in float32.
MOST_PIXELS, BYTES_OF_PIXEL = 4_500_000, 8_000
MOST_READERS = 8


class Photograph(NamedTuple):
    """An image as the network is to see it, at every scale: normalised (3, h, w); `size`: (height, width)."""

    image_id: str
    size: tuple[int, int]
    scaled: list[Tensor]


def write_cam_shard(
    dataset: Dataset,
    ids: Sequence[str],
    weights: Path,
    classifier: ClassifierSettings,
    settings: CamSettings,
    folder: Path,
    manifest: Path,
) -> None:
    """Write `folder`/stores/<id>.zarr.zip for every image of `ids`, then their manifest.

    On a GPU, images of one size go through the network together. On a CPU each goes by itself, with its mirror: batches
    were slower.
    """
    network = load_classifier(classifier, len(dataset.classes), weights)
    device, precision = place(network), getattr(torch, settings.precision)
    # The head stays in float32, and with it the maps: it costs next to nothing.
    to_precision(network.backbone, precision)
    digest = sha256_of(weights)
    on_gpu = device.type == "cuda"

    def read(image_id: str) -> Photograph:
        image = read_image(dataset.image_path(image_id))
        scaled = [to_tensor(image, network.backbone.normalisation, scale).to(precision) for scale in settings.scales]
        size = (image.height, image.width)
        return Photograph(image_id, size, [one.pin_memory() for one in scaled] if on_gpu else scaled)

    def stores_of(batch: Sequence[Photograph]) -> list[CamStore]:
        scales = zip(*(photograph.scaled for photograph in batch), strict=True)
        images = (torch.stack([one.to(device, non_blocking=True) for one in scale]) for scale in scales)
        maps = [class_maps(network, one, settings.branches) for one in images]
        arrays = [one.cpu().numpy().astype(settings.store_dtype) for one in maps]
        return [store_of(photograph, cams) for photograph, *cams in zip(batch, *arrays, strict=True)]

    def store_of(photograph: Photograph, cams: Sequence[np.ndarray]) -> CamStore:
        keys = dataset.present(photograph.image_id)
        return CamStore(
            photograph.image_id, photograph.size, keys, settings.scales, [one[keys] for one in cams], digest
        )

    pixels, readers = pace(device)
    if on_gpu:
        # Each reader would start as many helpers, and wait for them.
        torch.set_num_threads(1)
    batches = of_one_size(sorted(ids, key=dataset.sizes.__getitem__) if pixels else ids, dataset.sizes, pixels)
    with ThreadPoolExecutor(readers) as pool:
        photographs = in_background(lambda batch: list(pool.map(read, batch)), batches)
        # A GPU would wait while a batch's stores are written; on a CPU, other threads' memory does not stay (`place`).
        batches_of_stores = in_background(stores_of, photographs) if pixels else map(stores_of, photographs)
        write_store_shard(ids, chain.from_iterable(batches_of_stores), folder, manifest, "CAMs")


def pace(device: torch.device) -> tuple[int, int]:
    """How many pixels of images may go through the network at once, 0 for image by image, and how many read them."""
    if device.type == "cpu":
        return 0, 1
    memory = torch.cuda.get_device_properties(device).total_memory
    return min(MOST_PIXELS, memory // BYTES_OF_PIXEL), min(torch.get_num_threads(), MOST_READERS)


def of_one_size(ids: Iterable[str], sizes: Mapping[str, tuple[int, int]], pixels: int) -> Iterator[list[str]]:
    """Images of one size that follow each other, as many at once as have so many pixels, at least one."""
    for size, alike in groupby(ids, sizes.__getitem__):
        while batch := list(islice(alike, max(pixels // math.prod(size), 1))):
            yield batch


@torch.inference_mode()
def class_maps(network: Classifier, images: Tensor, branches: Branches = "image") -> Tensor:
    """CAMs (batch, n, h', w') of all classes for normalised images (batch, 3, h, w): the maximum of both views.

    The images are of the backbone's precision, the maps are float32. The mirror's are mirrored back before the maximum
    is taken, after ReLU.
    """
    maps = network.activations(torch.cat([images, images.flip(3)]), branches)
    straight, mirrored = maps.chunk(2)
    return torch.maximum(straight, mirrored.flip(3))

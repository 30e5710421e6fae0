"""Writes stores of multi-scale class activation maps, joined with those of the mirrored images."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, groupby, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wsss.cams.method import CamMethod
from wsss.cams.methods import cam_method
from wsss.classification.classifier import Classifier, load_classifier
from wsss.data.augmentation import to_tensor
from wsss.data.dataset import Dataset
from wsss.files import sha256_of
from wsss.runtime.device import move_to_device
from wsss.settings.cams import CamSettings
from wsss.settings.classifier import ClassifierSettings
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import write_store_shard
from wsss.stores.pipelining import in_background

# On a GPU, images of at most this many pixels go through the network at once: 24 photographs of VOC. A card with little
# memory gets fewer: one pixel takes some 3 kB in float32, with its mirror and at double size.
MOST_PIXELS, BYTES_OF_PIXEL = 4_500_000, 8_000
MOST_READERS = 8


class Photograph(NamedTuple):
    """A normalised image (3, h, w) at every scale. `size` is the (height, width) of the original.

    `keys` are the numbers of the classes whose maps are made, int64, ascending.
    """

    image_id: str
    size: tuple[int, int]
    keys: np.ndarray
    scaled: list[Tensor]


@dataclass(frozen=True)
class CamMaker:
    """Makes CAM stores from images. `prepared` may run in other threads than `stores_of`."""

    network: Classifier
    method: CamMethod
    device: torch.device
    settings: CamSettings
    # SHA-256 of the file of weights.
    digest: str

    def prepared(self, image_id: str, image: Image.Image, keys: np.ndarray) -> Photograph:
        """An image at every scale. For a GPU it is in pinned memory, from which copies are fast."""
        normalisation, precision = self.network.backbone.normalisation, getattr(torch, self.settings.precision)
        scaled = [to_tensor(image, normalisation, scale).to(precision) for scale in self.settings.scales]
        if self.device.type == "cuda":
            scaled = [one.pin_memory() for one in scaled]
        return Photograph(image_id, (image.height, image.width), keys, scaled)

    def stores_of(self, batch: Sequence[Photograph]) -> list[CamStore]:
        """The stores of some images, which all have the same size."""
        scales = zip(*(photograph.scaled for photograph in batch), strict=True)
        images = (torch.stack([one.to(self.device, non_blocking=True) for one in scale]) for scale in scales)
        keys = [photograph.keys for photograph in batch]
        maps = [self.method.maps(self.network, one, keys) for one in images]
        arrays = [one.cpu().numpy().astype(self.settings.store_dtype) for one in maps]
        return [self._store_of(photograph, cams) for photograph, *cams in zip(batch, *arrays, strict=True)]

    def _store_of(self, photograph: Photograph, cams: Sequence[np.ndarray]) -> CamStore:
        image_id, size, keys, _ = photograph
        own = [one[keys] for one in cams]
        return CamStore(image_id, size, keys, self.settings.scales, own, self.digest)


def load_cam_maker(weights: Path, classifier: ClassifierSettings, classes: int, settings: CamSettings) -> CamMaker:
    """A trained classifier with a CAM method, on the device of this process.

    Parameters
    ----------
    weights : Path
        The classifier.safetensors.
    classifier : ClassifierSettings
        The settings that it was trained with.
    classes : int
        The number of classes.
    settings : CamSettings
        The method and the scales.

    Returns
    -------
    CamMaker
        The maker.
    """
    network = load_classifier(classifier, classes, weights, getattr(torch, settings.precision))
    return CamMaker(network, cam_method(settings), move_to_device(network), settings, sha256_of(weights))


def write_cam_shard(
    dataset: Dataset,
    ids: Sequence[str],
    weights: Path,
    classifier: ClassifierSettings,
    settings: CamSettings,
    folder: Path,
    manifest: Path,
) -> None:
    """Write multi-scale, mirrored CAMs of some images as stores, then their manifest.

    On a GPU, images of the same size go through the network together. On a CPU, each image goes through with its mirror
    only, because batches were slower.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    ids : Sequence[str]
        The images of the shard.
    weights : Path
        The classifier.safetensors.
    classifier : ClassifierSettings
        The settings that it was trained with.
    settings : CamSettings
        The method and the scales.
    folder : Path
        The stage's folder; stores go to stores/<id>.zarr.zip below it.
    manifest : Path
        The list of the stores; see `write_manifest`.
    """
    maker = load_cam_maker(weights, classifier, len(dataset.classes), settings)
    pixels, readers = batch_limits(maker.device)
    if maker.device.type == "cuda":
        # Otherwise each reader would start as many threads of torch, and wait for them.
        torch.set_num_threads(1)
    batches = batches_of_equal_size(
        sorted(ids, key=dataset.sizes.__getitem__) if pixels else ids, dataset.sizes, pixels
    )

    def read(image_id: str) -> Photograph:
        return maker.prepared(image_id, dataset.image(image_id), dataset.present(image_id))

    with ThreadPoolExecutor(readers) as pool:
        photographs = in_background(lambda batch: list(pool.map(read, batch)), batches)
        # On a GPU, maps are made in a thread, so that the GPU does not wait until stores are written. On a CPU they are
        # not: memory that other threads free is not reused.
        stores = in_background(maker.stores_of, photographs) if pixels else map(maker.stores_of, photographs)
        write_store_shard(ids, chain.from_iterable(stores), folder, manifest, "CAMs")


def batch_limits(device: torch.device) -> tuple[int, int]:
    """The most pixels that go through the network at once (0: one image at a time), and the number of readers."""
    if device.type == "cpu":
        return 0, 1
    memory = torch.cuda.get_device_properties(device).total_memory
    return min(MOST_PIXELS, memory // BYTES_OF_PIXEL), min(torch.get_num_threads(), MOST_READERS)


def batches_of_equal_size(ids: Iterable[str], sizes: Mapping[str, tuple[int, int]], pixels: int) -> Iterator[list[str]]:
    """Batches of consecutive images of the same size. A batch has at most `pixels` pixels, but at least one image."""
    for size, alike in groupby(ids, sizes.__getitem__):
        while batch := list(islice(alike, max(pixels // math.prod(size), 1))):
            yield batch

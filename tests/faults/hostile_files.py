"""Files of people that are bad or hostile: each is read to a sound result, or refused in one line that names it.

Photographs, masks, label images, archives, weights, models, CAMs, stores and annotations are opened by the functions
that the workflow and the commands open them with.
"""

import gzip
import json
import random
import resource
import shutil
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from tests.cams.brought import FULL, KEYS, ONE, bare_dataset, maps, of_format, save_dictionary, save_png
from tests.data.archives import annotation, mat
from tests.data.test_download import HONEST, honest_zip, tar_bytes
from tests.faults import hostile_changes as changes
from tests.faults.hostile_changes import Change, Trap
from tests.faults.mutations import CLASSES, LONGEST_MESSAGE, HangError, bounded, make_place
from tests.segmentation.test_model import DIGESTS, RUN
from tests.tiny_backbone import normalised_backbone
from wsss.cams.files.reading import CamFileReader
from wsss.commands.evaluate import evaluate
from wsss.commands.import_weights import read_codebook
from wsss.data.dataset import Dataset
from wsss.data.images import read_labels, write_labels
from wsss.data.preparation import prepare
from wsss.data.sources.coco import list_coco
from wsss.data.sources.download import unpack
from wsss.data.sources.folder import list_folder
from wsss.data.sources.label_tables import read_cls_labels
from wsss.data.sources.voc_annotations import object_names, read_sbd_labels
from wsss.errors import WsssError
from wsss.networks import initial_weights
from wsss.networks.finite import require_finite_weights
from wsss.networks.initial_weights import write_initial_weights
from wsss.networks.saved_weights import read_weights, take_weights
from wsss.refinement.label_files import LabelFiles, check_label_files
from wsss.refinement.object_masks.files import read_object_masks
from wsss.runtime.failures import one_line
from wsss.segmentation import model
from wsss.segmentation.model import check_classes, read_model, write_model
from wsss.settings.backbone import BackboneSettings
from wsss.settings.coco import CocoSettings
from wsss.settings.label_files import LabelFileSettings
from wsss.settings.merged_labels import MergedLabelSettings
from wsss.stores.cam_store import CamStore
from wsss.stores.score_store import ScoreStore

# Memory that no file may take. An image of 179 megapixels is read, and takes half a gigabyte and a copy.
MOST_BYTES = 2**30
# Of the changes, so many are one of the few that take long to make or to read.
SHARE_OF_LARGE = 0.04
SHARE_OF_PLACES = 0.08
BACKBONE = BackboneSettings(name="resnet18", weights="file")
OWN = CocoSettings(kind="coco", name="own", train="instances.json", train_images="JPEGImages")
LABELS = LabelFileSettings.model_validate({"method": "files", "name": "theirs"})
OBJECTS = {form: MergedLabelSettings.model_validate({"name": "sam", "format": form}) for form in ("png", "rle")}
STORED = "2007_000032.zarr.zip"


@dataclass(frozen=True)
class Room:
    """A folder with a sound file of every kind in `given`. Whatever reads them writes into `made` alone."""

    root: Path

    @property
    def given(self) -> Path:
        """The folder of the files."""
        return self.root / "given"

    @property
    def made(self) -> Path:
        """The folder that is written into."""
        return self.root / "made" / "here"

    @property
    def voc(self) -> Path:
        """A folder in VOC layout, below `given`."""
        return self.given / "voc"

    @property
    def trap(self) -> Trap:
        """What must not be there after a file was read."""
        return Trap(self.root / "canary", self.root / "outside")

    @cached_property
    def bare(self) -> Dataset:
        """A dataset that CAMs are brought for."""
        return Dataset(self.given / "bare")

    @cached_property
    def prepared(self) -> Dataset:
        """The sound dataset of `voc`, prepared."""
        return Dataset(self.given / "prepared")

    @property
    def image_id(self) -> str:
        """The image whose files are changed."""
        return self.prepared.ids("train")[0]

    def paths(self) -> set[Path]:
        """All that is there, without what may be written."""
        return {path for path in self.root.rglob("*") if not path.is_relative_to(self.made)}


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Parameters
    ----------
    path : str
        The sound file below `given`.
    read : Callable[[Room, Path], Iterable[Any]]
        Opens it as the project does, and gives arrays of what it holds.
    own : Sequence[Change]
        Changes for files of its form.
    large : Sequence[Change]
        Such ones that take long.
    lines : int
        The most lines of a refusal.
    """

    path: str
    read: Callable[[Room, Path], Iterable[Any]]
    own: Sequence[Change] = ()
    large: Sequence[Change] = ()
    lines: int = 1


def read_photograph(room: Room, path: Path, skip: bool = False) -> Iterable[Any]:
    listing = list_folder(room.voc, CLASSES, {}, dict.fromkeys(("train", "val"), "all"))
    prepare(listing, room.made, most_pixels=64 * 64, skip_bad_images=skip)
    dataset = Dataset(room.made)
    if dataset.skipped:
        (skipped,) = dataset.skipped
        raise WsssError(skipped.reason)
    return np.asarray(dataset.image(room.image_id)), dataset.pixels(room.image_id), dataset.truth(room.image_id)


def read_label_image(room: Room, path: Path) -> Iterable[Any]:
    check_label_files(room.prepared, path.parent, LABELS)
    return [LabelFiles(room.prepared, path.parent, LABELS).labels(room.image_id)]


def read_prediction(room: Room, path: Path) -> Iterable[Any]:
    return [evaluate(path.parent, room.voc / "SegmentationClass").miou]


def read_objects(room: Room, path: Path, form: str) -> Iterable[Any]:
    masks = read_object_masks(path.parent, room.prepared.index[room.image_id], OBJECTS[form])
    return masks.owners, masks.pixels


def read_cams(room: Room, path: Path, form: str) -> Iterable[Any]:
    store = CamFileReader(room.bare, path.parent, of_format(form)).read(ONE)
    return store.strided(), store.full()


def read_archive(room: Room, path: Path) -> Iterable[Any]:
    unpack(path, room.made)
    outside = [one for one in room.made.rglob("*") if not one.resolve().is_relative_to(room.made.resolve())]
    assert not outside, f"{outside} leads outside"
    return []


def read_start(room: Room, path: Path) -> Iterable[Any]:
    with patch.object(initial_weights, "backbone_of", lambda settings: normalised_backbone()):
        write_initial_weights(BACKBONE, {BACKBONE.name: str(path)}, room.made)
    return _tensors(read_weights(room.made / "weights.safetensors"))


def take(room: Room, path: Path) -> Iterable[Any]:
    check_classes(path, room.prepared)
    take_weights(path, normalised_backbone().network, room.made / "taken.safetensors")
    return _tensors(read_weights(room.made / "taken.safetensors"))


def read_own_model(room: Room, path: Path) -> Iterable[Any]:
    facts, state = read_model(path)
    assert facts.values.legend()
    return _tensors(state)


def read_store(room: Room, path: Path) -> Iterable[Any]:
    scores = ScoreStore.read(path, ONE)
    return scores.full(), scores.labels()


def read_annotations(room: Room, path: Path) -> Iterable[Any]:
    listing = list_coco(OWN, room.voc, room.made)
    assert listing.mask_folder is not None
    masks = [read_labels(listing.mask_folder / name) for name in listing.masks.values()]
    return [*listing.labels.values(), *masks]


def read_table_of_labels(room: Room, path: Path) -> Iterable[Any]:
    return [read_cls_labels(path, [*CLASSES]).labels]


def take_codebook(room: Room, path: Path) -> Iterable[Any]:
    codebook = read_codebook(path)
    require_finite_weights(str(path), {"codebook": codebook}, "get the file anew")
    return [codebook.numpy()]


def _tensors(state: dict[str, torch.Tensor]) -> list[np.ndarray]:
    return [tensor.float().numpy() for tensor in state.values()]


IMAGES = {"own": changes.OF_IMAGES, "large": changes.LARGE_IMAGES}
NPY = {"own": changes.OF_NPY}
TORCH = {"own": changes.OF_TORCH, "large": (changes.zip_of_zeros,)}
SAFETENSORS = {"own": changes.OF_SAFETENSORS}
TAR = {"own": changes.OF_TAR, "large": (changes.tar_of_zeros,)}
KINDS: dict[str, Kind] = {
    "photograph": Kind("voc/JPEGImages/{id}.jpg", read_photograph, **IMAGES),
    "photograph that may be skipped": Kind("voc/JPEGImages/{id}.jpg", partial(read_photograph, skip=True), **IMAGES),
    "mask": Kind("voc/SegmentationClass/{id}.png", read_photograph, **IMAGES),
    "label image": Kind("labels/{id}.png", read_label_image, **IMAGES, lines=4),
    "prediction to score": Kind("predictions/{id}.png", read_prediction, **IMAGES),
    "masks of objects": Kind("objects/{id}.png", partial(read_objects, form="png"), **IMAGES),
    "run lengths of objects": Kind("runs/{id}.json", partial(read_objects, form="rle"), changes.OF_JSON),
    "annotations of COCO": Kind("voc/instances.json", read_annotations, changes.OF_JSON),
    "labels in .npy": Kind("cls_labels.npy", read_table_of_labels, **NPY, lines=4),
    "annotation of VOC": Kind("one.xml", lambda room, path: object_names(path) and [], (changes.xml_of_entities,)),
    "mask of SBD": Kind("one.mat", lambda room, path: [read_sbd_labels(path)], (changes.mat_of_huge_size,)),
    "CAMs in .npy": Kind(f"irn/{ONE}.npy", partial(read_cams, form="irn"), **NPY),
    "CAMs in .npz": Kind(
        f"npz/{ONE}.npz", partial(read_cams, form="npz"), (*changes.OF_NPZ, *changes.OF_ZIP), (changes.zip_of_zeros,)
    ),
    "CAMs in .png": Kind(f"png/{ONE}_bird.png", partial(read_cams, form="png"), **IMAGES),
    "CAMs in a store": Kind(f"store/{STORED}", partial(read_cams, form="store"), (*changes.OF_STORES, *changes.OF_ZIP)),
    "scores in a store": Kind(f"scores/{STORED}", read_store, (*changes.OF_STORES, *changes.OF_ZIP)),
    "tar archive": Kind("data.tar", read_archive, **TAR),
    "packed tar archive": Kind("data.tgz", read_archive, **TAR),
    "zip archive": Kind("data.zip", read_archive, changes.OF_ZIP, (changes.zip_of_zeros,)),
    "weights of torch": Kind("start.pth", read_start, **TORCH),
    "weights of an old torch": Kind("old.pth", read_start, **TORCH),
    "weights to start from": Kind("start.safetensors", read_start, **SAFETENSORS),
    "finished weights": Kind("finished.safetensors", take, **SAFETENSORS),
    "weights of a step": Kind("step.safetensors", lambda room, path: _tensors(read_weights(path)), **SAFETENSORS),
    "codebook": Kind("codebook.npy", take_codebook, changes.OF_NPY),
    "model": Kind("model.safetensors", read_own_model, (*changes.OF_SAFETENSORS, changes.model_of_odd_facts)),
}


def make_room(root: Path) -> Room:
    """A sound file of every kind."""
    room = Room(root)
    for folder in (room.given, room.made.parent):
        folder.mkdir(parents=True)
    make_place(room.given)
    ids = [path.stem for path in sorted((room.voc / "JPEGImages").iterdir())]
    (room.voc / "ImageSets" / "Segmentation" / "all.txt").write_text("".join(f"{one}\n" for one in ids))
    for folder in ("labels", "predictions"):
        shutil.copytree(room.voc / "SegmentationClass", room.given / folder)
    _write_objects(room)
    _write_cams(room)
    _write_weights(room)
    labels = {one: row.astype(np.uint8) for one, row in room.prepared.image_labels.items()}
    save_dictionary(room.given / "cls_labels.npy", labels)
    np.save(room.given / "codebook.npy", np.random.default_rng(0).random((4, 3), np.float32))
    mask = read_labels(room.voc / "SegmentationClass" / f"{room.image_id}.png")
    (room.given / "one.xml").write_bytes(annotation(mask.shape, [("cow", 0), ("dog", 1)]))
    (room.given / "one.mat").write_bytes(mat(mask))
    (room.given / "data.tar").write_bytes(tar_bytes(*HONEST))
    (room.given / "data.tgz").write_bytes(gzip.compress(tar_bytes(*HONEST)))
    (room.given / "data.zip").write_bytes(honest_zip())
    return room


def _write_objects(room: Room) -> None:
    """Masks of objects: run lengths for COCO and for one image, and one image that numbers them."""
    height, width = room.prepared.index[room.image_id].size
    runs = {"size": [height, width], "counts": [0, height, height * (width - 1)]}
    square = [[3, 3, 40, 3, 40, 40, 3, 40]]
    instances = json.loads((room.voc / "instances.json").read_text())
    for one in instances["images"]:
        one["height"], one["width"] = room.prepared.sizes[one["file_name"].removesuffix(".jpg")]
    for one in instances["annotations"]:
        is_of_runs = instances["images"][one["image_id"] - 1]["file_name"].startswith(room.image_id)
        one["segmentation"] = runs if is_of_runs else square
    (room.voc / "instances.json").write_text(json.dumps(instances))
    for folder in ("objects", "runs"):
        (room.given / folder).mkdir()
    numbered = np.tile(np.arange(width, dtype=np.uint8), (height, 1))
    write_labels(room.given / "objects" / f"{room.image_id}.png", numbered)
    (room.given / "runs" / f"{room.image_id}.json").write_text(json.dumps([{"segmentation": runs}] * 3))


def _write_cams(room: Room) -> None:
    """CAMs in every form, and scores."""
    bare_dataset(room.given / "bare")
    for folder in ("irn", "npz", "png", "store", "scores"):
        (room.given / folder).mkdir()
    content = {"keys": KEYS, "cam": maps()}
    save_dictionary(room.given / "irn" / f"{ONE}.npy", content)
    np.savez_compressed(room.given / "npz" / f"{ONE}.npz", **content)
    for name, values in zip(("bird", "dining table"), maps(), strict=True):
        save_png(room.given / "png" / f"{ONE}_{name}.png", values, 16)
    halves = [maps().astype(np.float16)]
    CamStore(ONE, FULL, KEYS, (1.0,), halves, "0" * 64).write(room.given / "store" / STORED)
    ScoreStore(ONE, FULL, halves[0], "0" * 64).write(room.given / "scores" / STORED)


def _write_weights(room: Room) -> None:
    """Weights of a small network in every form, and a model of it."""
    torch.manual_seed(0)
    network = Small()
    state = network.backbone.network.state_dict()
    torch.save(state, room.given / "start.pth")
    torch.save(state, room.given / "old.pth", _use_new_zipfile_serialization=False)
    for name in ("start", "finished", "step"):
        save_file(state, room.given / f"{name}.safetensors")
    save_file(network.state_dict(), room.given / "trained.safetensors")
    with patch.object(model, "build_segmenter", lambda settings, count: Small()):
        files = (room.given / f"{name}.safetensors" for name in ("trained", "model"))
        write_model(RUN, room.prepared, next(files), DIGESTS, next(files))


class Small(nn.Module):
    """A network of a few weights in the place of one that segments."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = normalised_backbone()


def hostile_files(room: Room, count: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """Kind, what was done and outcome of `count` files, kind after kind."""
    names = [*KINDS]
    most = memory() + MOST_BYTES
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        name = names[number % len(names)]
        path = path_of(room, KINDS[name])
        with put_back(path) as sound:
            done = _changed(path, sound, KINDS[name], room, chance)
            yield name, done, outcome(room, KINDS[name], most)


def path_of(room: Room, kind: Kind) -> Path:
    """The file of a kind."""
    return room.given / kind.path.format(id=room.image_id)


@contextmanager
def put_back(path: Path) -> Iterator[bytes]:
    """Yield the content of a file, and write it again at the end, whatever then lies in its place."""
    sound = path.read_bytes()
    try:
        yield sound
    finally:
        _clear(path)
        path.write_bytes(sound)


def _changed(path: Path, sound: bytes, kind: Kind, room: Room, chance: random.Random) -> str:
    """Put something else in the place of a file, and say what."""
    if chance.random() < SHARE_OF_PLACES:
        number = chance.randrange(len(changes.PLACES))
        path.unlink()
        changes.PLACES[number](path)
        return f"place {number}"
    if chance.random() < 0.05:
        other = chance.choice([*KINDS.values()])
        path.write_bytes(path_of(room, other).read_bytes())
        return f"the content of {other.path}"
    some = kind.own if kind.own and chance.random() < 0.6 else changes.GENERAL
    change = chance.choice(kind.large if kind.large and chance.random() < SHARE_OF_LARGE else some)
    path.write_bytes(change(sound, chance, room.trap))
    return change.__name__


def outcome(room: Room, kind: Kind, most: int) -> str:
    """What becomes of a file: `read`, `refused`, or what is wrong."""
    path, before, taken = path_of(room, kind), room.paths(), memory()
    shutil.rmtree(room.made, ignore_errors=True)
    try:
        told = _told(room, kind, path)
    finally:
        left = room.paths() ^ before
        for one in left:
            _clear(one)
    if left:
        return f"something else is there: {', '.join(sorted(one.name for one in left))}"
    return "too much memory" if memory() > max(taken, most) else told


def memory() -> int:
    """The most memory that this process has taken so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _told(room: Room, kind: Kind, path: Path) -> str:
    try:
        with bounded():
            values = [np.asarray(one) for one in kind.read(room, path)]
    except WsssError as error:
        text = str(one_line(error))
        is_fit = path.name in text and text.count("\n") < kind.lines and len(text) <= LONGEST_MESSAGE
        return "refused" if is_fit else f"no message for people: {text!r}"
    except HangError:
        return "hang"
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"traceback: {type(error).__name__} in {Path(frame.filename).name}, {frame.name}: {str(error)[:200]}"
    return "read" if all(np.isfinite(one).all() for one in values if one.dtype.kind in "fc") else "not finite"


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

"""Any images with annotations in the form of MS COCO (instances_*.json) as a source of images."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from wsss.data.listing import Listing
from wsss.data.sources.coco_file import Instances, read_instances
from wsss.data.sources.coco_masks import paint_masks, pycocotools_masks
from wsss.data.sources.download import whole_folder
from wsss.data.sources.image_ids import image_ids
from wsss.errors import WsssError
from wsss.settings.coco import CocoSettings
from wsss.settings.values import LARGEST_VALUE, MOST_CLASSES


@dataclass(frozen=True)
class Split:
    """The images of one instances file that are used."""

    instances: Instances
    # The folder of the photographs, below the dataset's folder.
    folder: PurePosixPath
    # The index of each image by its id, in ascending order of the ids.
    images: Mapping[str, int]


def list_coco(settings: CocoSettings, dataset: Path, out: Path, workers: int = 1) -> Listing:
    """The listing of images with annotations in COCO's form, and their masks.

    Image-level labels are read from the categories of the annotations, crowds excepted. Values in masks are category
    ids; classes that are left out are 255. Ids are made from the names of photographs, as `image_ids` does.

    Parameters
    ----------
    settings : CocoSettings
        The files, and how they are used.
    dataset : Path
        The folder that the paths of `settings` start at.
    out : Path
        The folder of the prepared dataset. It gets `masks`, with a mask of each image, unless `settings.masks` is
        False. Only masks need pycocotools.
    workers : int
        Threads that paint masks, at least 1.

    Returns
    -------
    Listing
        Its images. All splits are in ascending order. `train_scored` is train, or empty without masks.

    Raises
    ------
    WsssError
        For files that are missing, damaged or do not fit each other or the settings, names that are no ids,
        photographs that are missing, images that are in train and val, and segmentations that cannot be painted.
    """
    return make_listing(settings, read_splits(settings, dataset), dataset, out, workers)


def read_splits(settings: CocoSettings, dataset: Path) -> dict[str, Split]:
    """The images of train and, if it has a file of its own, of val. Raises WsssError as `list_coco` does."""
    if not dataset.is_dir():
        raise WsssError(f"no dataset at {dataset}: set locations.dataset in the config to the folder that holds COCO")
    if settings.masks:
        pycocotools_masks()
    splits = {"train": _read_split(settings, dataset, settings.train, settings.train_images, "train")}
    if settings.val is not None and settings.val != settings.train:
        splits["val"] = _read_split(settings, dataset, settings.val, settings.val_images, "val")
        _check_fit(splits["train"], splits["val"])
    return splits


def _read_split(settings: CocoSettings, dataset: Path, file: str, images: str | None, split: str) -> Split:
    instances = read_instances(dataset / file)
    folder = PurePosixPath(images if images is not None else _usual_folder(dataset, file))
    listed = _ids(instances)
    if settings.unannotated == "leave_out":
        annotated = set(np.unique(instances.images).tolist())
        listed = {image_id: image for image_id, image in listed.items() if image in annotated}
    found = Split(instances, folder, dict(sorted(listed.items())))
    _check_photographs(found, dataset, f"data.{split}_images")
    return found


def _usual_folder(dataset: Path, file: str) -> str:
    """The folder that a file is named after, such as train2017 for instances_train2017.json; else the dataset's."""
    named = PurePosixPath(file).stem.removeprefix("instances_")
    return named if (dataset / named).is_dir() else "."


def _ids(instances: Instances) -> dict[str, int]:
    """The index of each image by its id, which is made from the photograph's name."""
    found: dict[str, int] = {}
    for image, name in enumerate(instances.file_names):
        path = PurePosixPath(name)
        if path.is_absolute() or not path.name or ".." in path.parts or "\\" in name or not name.isprintable():
            raise WsssError(
                f"{instances.path}: the file_name {name[:80]!r} does not stay below the folder of photographs, or "
                "names no file: correct it"
            )
        if name in found:
            raise WsssError(f"{instances.path}: two images have the file_name {name!r}: delete one of them")
        found[name] = image
    return {image_id: found[name] for image_id, name in image_ids([*found]).items()}


def _check_photographs(split: Split, dataset: Path, key: str) -> None:
    """Raise WsssError if photographs are missing. Folders are listed, which is faster than asking for each file."""
    names = [PurePosixPath(split.instances.file_names[image]) for image in split.images.values()]
    top = dataset / split.folder
    there = {parent: set(_files(top / parent)) for parent in {name.parent for name in names}}
    missing = [name for name in names if name.name not in there[name.parent]]
    if missing:
        raise WsssError(
            f"missing image: {top / missing[0]}, which {split.instances.path} names ({len(missing):,} of "
            f"{len(names):,} are missing): put them there, or correct locations.dataset (with kind coco also {key})"
        )


def _files(folder: Path) -> Iterator[str]:
    if folder.is_dir():
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in entries if not entry.is_dir())


def _check_fit(train: Split, val: Split) -> None:
    """Raise WsssError if train and val have other categories, or an image in common."""
    paths = f"{train.instances.path} and {val.instances.path}"
    one, other = train.instances.categories, val.instances.categories
    if different := sorted(set(one.items()) ^ set(other.items())):
        name = different[0][0]
        raise WsssError(
            f"{paths} have different categories: {name!r} has the id {one.get(name, 'none')} in the first and "
            f"{other.get(name, 'none')} in the second"
        )
    if shared := sorted(train.images.keys() & val.images.keys()):
        raise WsssError(
            f"{paths} have the image {shared[0]} in common ({len(shared):,} in all): nothing may be trained on images "
            "of val; without images to hold out, name the same file for both"
        )


def make_listing(
    settings: CocoSettings, splits: Mapping[str, Split], dataset: Path, out: Path, workers: int
) -> Listing:
    """The listing of these images, with their masks. Raises WsssError as `list_coco` does."""
    classes, ignored = _classes(settings, splits["train"].instances)
    values = list(classes.values())
    ids = _lists(settings, splits)
    photographs, labels = {}, {}
    for split in splits.values():
        present = _labels(split.instances, values)
        for image_id, image in split.images.items():
            photographs[image_id] = str(split.folder / split.instances.file_names[image])
            labels[image_id] = present[image]
    masks = _paint(settings, splits, values, out, workers) if settings.masks else {}
    paths = " or ".join(str(split.instances.path) for split in splits.values())
    remedy = f"correct the height and the width of the image in {paths}, or replace the photograph"
    return Listing(dataset, photographs, ids, labels, classes, ignored, masks, out / "masks", mask_remedy=remedy)


def _lists(settings: CocoSettings, splits: Mapping[str, Split]) -> dict[str, list[str]]:
    """The ids of the listing's splits."""
    for split in splits.values():
        if not split.images:
            raise WsssError(f"{split.instances.path} has no image with an annotation: set data.unannotated to keep")
    train = [*splits["train"].images]
    val = train if settings.val == settings.train else [*splits["val"].images] if "val" in splits else []
    if settings.holdout is not None:
        train, val = _drawn(train, settings)
    return {"train": train, "train_scored": train if settings.masks else [], "val": val, "test": []}


def _classes(settings: CocoSettings, instances: Instances) -> tuple[dict[str, int], dict[str, int]]:
    """The classes that are used and, if a mask could hold their values, those that are left out."""
    known = instances.categories
    taken = dict(known) if settings.classes is None else settings.classes
    for name, value in taken.items():
        if known.get(name) != value:
            has = f"has the id {known[name]}" if name in known else f"is none of {', '.join([*known][:100])}"
            raise WsssError(f"config: data.classes: {name} = {value}, but in {instances.path} {name} {has}")
        if not 1 <= value <= LARGEST_VALUE:
            raise WsssError(
                f"{instances.path}: the category {name!r} has the id {value}, and masks hold 1..{LARGEST_VALUE}: "
                "give it another id, or leave it out in data.classes"
            )
    if len(taken) > MOST_CLASSES:
        raise WsssError(
            f"{instances.path} has {len(taken)} categories, and at most {MOST_CLASSES} can be used: take a part of "
            "them with data.classes"
        )
    left = {name: value for name, value in known.items() if name not in taken and 1 <= value <= LARGEST_VALUE}
    return dict(sorted(taken.items(), key=lambda item: item[1])), left


def _drawn(ids: Sequence[str], settings: CocoSettings) -> tuple[list[str], list[str]]:
    """Train and val: the ids with the smallest sums are val. A new image thus changes the place of few others."""
    assert settings.holdout is not None
    count = round(settings.holdout * len(ids))
    if not 0 < count < len(ids):
        raise WsssError(
            f"config: data.holdout = {settings.holdout} of {len(ids)} images draws {count} for val, which leaves "
            f"{'val' if not count else 'train'} empty"
        )
    drawn = set(sorted(ids, key=lambda own: hashlib.sha256(f"{settings.seed} {own}".encode()).digest())[:count])
    return [own for own in ids if own not in drawn], [own for own in ids if own in drawn]


def _labels(instances: Instances, values: Sequence[int]) -> np.ndarray:
    """Image-level labels of all images of a file, uint8 zeros and ones (m, n)."""
    labels = np.zeros((len(instances.file_names), len(values)), np.uint8)
    used = np.isin(instances.category_ids, values) & ~instances.crowd
    labels[instances.images[used], np.searchsorted(values, instances.category_ids[used])] = 1
    return labels


def _paint(
    settings: CocoSettings, splits: Mapping[str, Split], values: Sequence[int], out: Path, workers: int
) -> dict[str, str]:
    """Paint the masks of all images into `out`/masks. Returns the name of each, by the image's id."""
    with whole_folder(out / "masks") as folder:
        for split in splits.values():
            files = {folder / f"{image_id}.png": image for image_id, image in split.images.items()}
            paint_masks(split.instances, files, values, settings.crowd, workers)
    return {image_id: f"{image_id}.png" for split in splits.values() for image_id in split.images}

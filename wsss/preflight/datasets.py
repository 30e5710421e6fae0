"""What can be known of a dataset from its lists, tables and annotations. No photograph is opened."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from wsss.data.listing import Listing
from wsss.data.preparation import check_listing
from wsss.data.sources.coco import list_coco
from wsss.data.sources.coco14 import coco_settings
from wsss.data.sources.coco_masks import pycocotools_masks
from wsss.data.sources.folder import has_photograph, list_folder
from wsss.data.sources.lists import read_list
from wsss.data.sources.own_images import list_images
from wsss.data.sources.voc_devkit import list_voc12
from wsss.data.sources.voc_layout import list_path
from wsss.plan.locations import dataset_folder, source_of
from wsss.preflight.findings import Findings
from wsss.settings.coco import Coco14Settings, CocoSettings
from wsss.settings.data import DataSettings, FolderSettings, Voc12Settings
from wsss.settings.locations import LocationSettings
from wsss.settings.own_images import ImagesSettings

FOLDER_OF = {
    "folder": "the dataset, in VOC layout",
    "images": "the photographs",
    "coco": "the annotations and photographs",
}


def listing_of(data: DataSettings, locations: LocationSettings, findings: Findings) -> Listing | None:
    """The listing of a dataset, as far as it is on this machine, checked as its preparation checks it.

    Parameters
    ----------
    data : DataSettings
        What the config says of the dataset.
    locations : LocationSettings
        Where files are on this machine.
    findings : Findings
        Gets what is wrong.

    Returns
    -------
    Listing or None
        None if the dataset is generated or made from archives, or cannot be listed. Its `mask_folder` is not None if
        its masks are still to be painted.
    """
    source, own = source_of(data, locations), locations.lists_folder
    if source == "coco14":
        # Said before 19 GB are downloaded.
        findings.attempt(pycocotools_masks)
    if source == "voc12" and isinstance(data, Voc12Settings):
        for name in dict.fromkeys(data.lists.own):
            findings.attempt(partial(read_list, list_path(Path(), name, own)))
    if source not in FOLDER_OF:
        return None
    folder = dataset_folder(data, locations)
    if folder is None:
        findings.error(f"config: locations.dataset is missing: set it to the folder of {FOLDER_OF[source]}")
        return None
    listing = _listed(data, folder, own, findings)
    if listing is not None:
        findings.attempt(partial(check_listing, listing))
        _check_classes_of_train(listing, findings)
    return listing


def _listed(data: DataSettings, folder: Path, own: Path | None, findings: Findings) -> Listing | None:
    if isinstance(data, ImagesSettings):
        return findings.attempt(lambda: list_images(data, folder, own))
    if isinstance(data, CocoSettings | Coco14Settings):
        settings = coco_settings(data) if isinstance(data, Coco14Settings) else data
        return _in_coco_form(settings, folder, findings)
    if isinstance(data, Voc12Settings):
        lists = data.lists.by_split()
        return findings.attempt(lambda: list_voc12(folder, data.classes, data.ignored_classes, lists, None, own, 4))
    return _in_voc_layout(data, folder, own, findings) if isinstance(data, FolderSettings) else None


def _in_coco_form(settings: CocoSettings, folder: Path, findings: Findings) -> Listing | None:
    """The listing of a folder in COCO's form. Its masks are named, and not painted."""
    if settings.masks:
        findings.attempt(pycocotools_masks)
    bare = settings.model_copy(update={"masks": False})
    listing = findings.attempt(lambda: list_coco(bare, folder, out=Path()))
    if listing is None or not settings.masks:
        return listing
    masks = {one: f"{one}.png" for one in listing.photographs}
    return replace(listing, masks=masks, splits={**listing.splits, "train_scored": listing.splits["train"]})


def _in_voc_layout(data: FolderSettings, folder: Path, own: Path | None, findings: Findings) -> Listing | None:
    """The listing of a folder in VOC layout. Every list is looked at before the table is."""
    if folder.is_dir():
        lists = [list_path(folder, name, own) for name in dict.fromkeys(data.lists.by_split().values())]
        read = [findings.attempt(partial(read_list, path, partial(has_photograph, folder))) for path in lists]
        if None in read:
            return None
    return findings.attempt(
        lambda: list_folder(
            folder,
            data.classes,
            data.ignored_classes,
            data.lists.by_split(),
            own,
            data.background == "first",
        )
    )


def _check_classes_of_train(listing: Listing, findings: Findings) -> None:
    """Warn of classes that no photograph of train has."""
    labels = [listing.labels[one] for one in listing.splits["train"] if one in listing.labels]
    counts = np.sum(labels, axis=0) if labels else np.zeros(len(listing.classes))
    for name, count in zip(listing.classes, counts, strict=True):
        if not count:
            findings.warn(f"no photograph of train has the class {name!r}: nothing can be learned of it")

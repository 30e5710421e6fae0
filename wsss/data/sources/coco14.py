"""MS COCO 2014 with its official splits as a source of images.

Lin et al.: Microsoft COCO: Common Objects in Context, ECCV 2014.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from wsss.data.listing import Listing
from wsss.data.sources.coco import make_listing, read_splits
from wsss.data.sources.download import Archive, unpack, whole_folder
from wsss.errors import WsssError
from wsss.settings.coco import COCO_CLASSES, Coco14Settings, CocoSettings

COCO14_ARCHIVES = (
    Archive(
        "http://images.cocodataset.org/zips/train2014.zip",
        "train2014.zip",
        "0da8c0bd3d6becc4dcb32757491aca88",
    ),
    Archive(
        "http://images.cocodataset.org/zips/val2014.zip",
        "val2014.zip",
        "a3d79f5ed8d289b7a7554ce06a5782b3",
    ),
    Archive(
        "http://images.cocodataset.org/annotations/annotations_trainval2014.zip",
        "annotations_trainval2014.zip",
        "0a379cfc70b0e71301e0f377548639bd",
    ),
)
# What each archive has that is used.
COCO14_PARTS = {
    "train2014.zip": ("train2014",),
    "val2014.zip": ("val2014",),
    "annotations_trainval2014.zip": ("annotations/instances_train2014.json", "annotations/instances_val2014.json"),
}
# Images of the official splits, without or with those that have no annotation.
COCO14_LENGTHS: Mapping[str, Mapping[str, int]] = {
    "leave_out": {"train": 82_081, "val": 40_137},
    "keep": {"train": 82_783, "val": 40_504},
}


def unpack_coco14(archives: Path, folder: Path) -> None:
    """Make the folder of MS COCO 2014 from its official archives, completely or not at all.

    Parameters
    ----------
    archives : Path
        The folder that holds the archives of `COCO14_ARCHIVES`. Their sums are not checked here.
    folder : Path
        The folder to make, with train2014, val2014 and annotations. An old one is replaced.

    Raises
    ------
    WsssError
        For an archive that is missing, damaged, not safe, or without the folders and files of the official one.
    """
    with whole_folder(folder) as whole:
        for name, parts in COCO14_PARTS.items():
            unpacked = whole / "unpacked"
            unpack(archives / name, unpacked)
            for part in parts:
                if not (unpacked / part).exists():
                    raise WsssError(f"{archives / name} holds no {part}: it is not the official archive; delete it")
                (whole / part).parent.mkdir(exist_ok=True)
                (unpacked / part).rename(whole / part)
            shutil.rmtree(unpacked)


def coco_settings(settings: Coco14Settings) -> CocoSettings:
    """The settings of COCO 2014 as of any files in COCO's form."""
    return CocoSettings(
        kind="coco",
        name=settings.name,
        train="annotations/instances_train2014.json",
        val="annotations/instances_val2014.json",
        train_images="train2014",
        val_images="val2014",
        classes=settings.classes,
        crowd=settings.crowd,
        unannotated=settings.unannotated,
    )


def list_coco14(
    settings: Coco14Settings,
    dataset: Path,
    out: Path,
    workers: int = 1,
    lengths: Mapping[str, Mapping[str, int]] = COCO14_LENGTHS,
) -> Listing:
    """The listing of MS COCO 2014, and its masks.

    Parameters
    ----------
    settings : Coco14Settings
        Which classes are used, and what becomes of crowds and of images without annotations.
    dataset : Path
        A folder with train2014, val2014 and annotations/instances_{train,val}2014.json.
    out : Path
        The folder of the prepared dataset. It gets `masks`, with a mask of each image.
    workers : int
        Threads that paint masks, at least 1.
    lengths : Mapping[str, Mapping[str, int]]
        The number of images of train and val by `settings.unannotated`.

    Returns
    -------
    Listing
        Its ids are the names of the photographs, such as COCO_train2014_000000000009.

    Raises
    ------
    WsssError
        For files that are missing or damaged, other classes or another number of images than the official ones, and
        where `list_coco` raises it.
    """
    files = coco_settings(settings)
    splits = read_splits(files, dataset)
    for split, found in splits.items():
        path, wanted = found.instances.path, lengths[settings.unannotated][split]
        if dict(found.instances.categories) != COCO_CLASSES:
            raise WsssError(f"{path} has not the 80 categories of COCO 2014: for other classes use data.kind coco")
        if len(found.images) != wanted:
            raise WsssError(
                f"{path} gives {len(found.images):,} images for {split}, and COCO 2014 has {wanted:,}: get its "
                "archives anew, or use data.kind coco for a part of it"
            )
    return make_listing(files, splits, dataset, out, workers)

"""Lists a folder of VOC 2012: an unpacked VOCdevkit with SegmentationClassAug, SBD or neither."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from wsss.data.listing import Listing
from wsss.data.sources.download import whole_folder
from wsss.data.sources.folder import by_value, labelled_ids, photographs_of, table_labels
from wsss.data.sources.lists import read_list
from wsss.data.sources.voc_annotations import annotated_labels, train_aug_of, write_merged_masks
from wsss.data.sources.voc_layout import (
    VOC12_LENGTHS,
    image_labels_path,
    list_path,
    sbd_folder,
    voc_folder,
    voc_list_path,
)
from wsss.errors import WsssError
from wsss.files import remove_tree

AUGMENTED = "SegmentationClassAug"


def list_voc12(
    source: Path,
    classes: Mapping[str, int],
    ignored_classes: Mapping[str, int],
    lists: Mapping[str, str],
    merged_masks: Path | None,
    own_lists: Path | None = None,
    workers: int = 1,
    lengths: Mapping[str, int] = VOC12_LENGTHS,
) -> Listing:
    """List a folder of VOC 2012. Nothing is written into it.

    Parameters
    ----------
    source : Path
        The folder VOC2012, or VOCdevkit that it is in, or the folder of that. SBD may be in it or beside it, as
        benchmark_RELEASE/dataset or benchmark_RELEASE.
    classes : Mapping[str, int]
        Classes of VOC with their values in the masks.
    ignored_classes : Mapping[str, int]
        The same for classes that are left out.
    lists : Mapping[str, str]
        From train, train_scored and val, and perhaps test, to names of lists of VOC, or of files in `own_lists`. If
        the folder has no list train_aug, it is made from SegmentationClassAug, or else from SBD.
    merged_masks : Path or None
        The folder that merged masks are written to, if the folder has no SegmentationClassAug and there is SBD. None:
        nothing is merged, and the masks are those of VOC.
    own_lists : Path or None
        The folder of the user's own lists, and perhaps of an image_labels.csv.
    workers : int
        Threads that read annotations and merge masks, at least 1.
    lengths : Mapping[str, int]
        The lengths that VOC's lists must have, by their names.

    Returns
    -------
    Listing
        Its images. Labels come from image_labels.csv if there is one, else from the annotations. Masks come from
        SegmentationClassAug, or are merged from those of VOC and of SBD, or are those of VOC.

    Raises
    ------
    WsssError
        For missing folders, lists and annotations, lists of another length, and masks that cannot be merged.
    """
    voc, sbd = voc_folder(source), sbd_folder(source)
    if not (voc / "JPEGImages").is_dir():
        raise WsssError(
            f"no VOC 2012 at {source}: set locations.dataset to the folder VOC2012, which holds JPEGImages, to the "
            "VOCdevkit that it is in, or to the folder of VOCdevkit"
        )
    splits = {split: _read_list(voc, sbd, name, own_lists, lengths) for split, name in lists.items()}
    labelled, ordered = labelled_ids(splits), by_value(classes)
    labels = _labels(voc, own_lists, labelled, ordered, list(ignored_classes), workers)
    if merged_masks is None:
        masks, mask_folder = _masks(voc, labelled), None
    elif sbd is None or (voc / AUGMENTED).is_dir():
        remove_tree(merged_masks)
        masks, mask_folder = _masks(voc, labelled), None
    else:
        with whole_folder(merged_masks) as folder:
            write_merged_masks(voc, sbd / "cls", labelled, folder, workers)
        masks, mask_folder = {image_id: f"{image_id}.png" for image_id in labelled}, merged_masks
    ignored = by_value(ignored_classes)
    return Listing(voc, photographs_of(splits), splits, labels, ordered, ignored, masks, mask_folder)


def _read_list(
    voc: Path, sbd: Path | None, name: str, own_lists: Path | None, lengths: Mapping[str, int]
) -> Sequence[str]:
    """Ids of a list. Raises WsssError if a list with the name of one of VOC's has another length."""
    file = voc_list_path(voc, name, own_lists)
    if file.is_file() or name not in ("train_aug", "test"):
        ids, origin = read_list(file), str(file)
    elif name == "test":
        raise WsssError(f"missing image list: {file}: unpack VOC2012test.tar into the same folder as VOCdevkit")
    else:
        ids, origin = _made_train_aug(voc, sbd)
    if len(ids) != lengths.get(name, len(ids)):
        raise WsssError(
            f"{origin} names {len(ids):,} images, and the list {name} of this dataset has {lengths[name]:,}: for a "
            "part of it put a file of your own into locations.lists and name it in data.lists, with its ending .txt"
        )
    return ids


def _made_train_aug(voc: Path, sbd: Path | None) -> tuple[list[str], str]:
    """Ids of train_aug, ascending, and what they were made from."""
    if (voc / AUGMENTED).is_dir():
        masks = {path.stem for path in (voc / AUGMENTED).glob("*.png")}
        return sorted(masks - set(read_list(list_path(voc, "val")))), f"{voc / AUGMENTED} without the list val"
    if sbd is not None:
        return train_aug_of(voc, sbd), f"the union of the lists of {voc} and {sbd}"
    raise WsssError(
        f"{voc} has no list train_aug, and nothing to make it from: put {AUGMENTED} into this folder, or unpack SBD's "
        "archive benchmark.tgz beside VOCdevkit"
    )


def _labels(
    voc: Path,
    own_lists: Path | None,
    ids: Sequence[str],
    classes: Mapping[str, int],
    ignored: Sequence[str],
    workers: int,
) -> dict[str, np.ndarray]:
    """Image-level labels from image_labels.csv if there is one, else from the annotations."""
    table = image_labels_path(voc, own_lists)
    if table.is_file():
        return table_labels(table, ids, classes, ignored)
    return annotated_labels(voc, ids, classes, workers)


def _masks(voc: Path, ids: Sequence[str]) -> dict[str, str]:
    """Masks of the folder itself. VOC's own mask is taken where SegmentationClassAug has none."""
    there = {
        path.stem: f"{name}/{path.name}"
        for name in ("SegmentationClass", AUGMENTED)
        for path in (voc / name).glob("*.png")
    }
    return {image_id: there[image_id] for image_id in ids if image_id in there}

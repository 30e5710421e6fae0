"""What VOC 2012 and SBD say about their images: merged masks, image-level labels, and the list train_aug.

The archives and an unpacked VOCdevkit are both read with these functions.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from wsss.data.images import IGNORE, read_labels, write_labels
from wsss.data.photographs import look
from wsss.data.sources.lists import read_list
from wsss.data.sources.mat_files import read_mat_image
from wsss.data.sources.voc_layout import list_path
from wsss.errors import WsssError, reason_of
from wsss.progress import track
from wsss.settings.data import VOC_CLASSES

# One of VOC has a few kilobytes.
LONGEST_ANNOTATION = 2**20


def train_aug_of(voc: Path, sbd: Path) -> list[str]:
    """Ids of train_aug, ascending, from the lists of VOC and of SBD."""
    train, val = (read_list(list_path(voc, name)) for name in ("train", "val"))
    return merge_lists(train, val, [*read_list(sbd / "train.txt"), *read_list(sbd / "val.txt")])


def merge_lists(voc_train: Iterable[str], voc_val: Iterable[str], sbd: Iterable[str]) -> list[str]:
    """Ids of train_aug, ascending: those of VOC's train and of SBD that are not in VOC's val."""
    return sorted({*voc_train, *sbd} - set(voc_val))


def read_sbd_labels(path: Path) -> np.ndarray:
    """Labels of an SBD file cls/<id>.mat (MATLAB 5, GTcls.Segmentation): uint8 of shape (height, width).

    Raises WsssError if the file is missing, damaged or of another kind.
    """
    if not path.is_file():
        raise WsssError(
            f"missing label file: {path}: the image has no mask in VOC either; take it out of the lists, or get the "
            "archive of SBD anew"
        )
    try:
        return read_mat_image(path, "GTcls", "Segmentation")
    except (ValueError, zlib.error, struct.error, LookupError, OSError) as error:
        raise WsssError(f"damaged label file: {path} ({reason_of(error)}); get the archive of SBD anew") from None


def object_names(path: Path) -> set[str]:
    """Names of all objects of a VOC annotation, difficult ones too, without their parts (heads, hands).

    Raises WsssError if the file is missing, is not such XML, or declares a document type. No annotation of VOC declares
    one, and it could define entities that grow without bound or read other files.
    """
    if not path.is_file():
        raise WsssError(f"missing annotation: {path}")
    if path.stat().st_size > LONGEST_ANNOTATION:
        raise WsssError(f"{path} is larger than {LONGEST_ANNOTATION // 2**20} MiB; this is no annotation of VOC")
    try:
        text = path.read_text(encoding="utf-8")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise WsssError(f"{path} declares a document type or entities; this is no annotation of VOC")
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise WsssError(f"damaged annotation: {path} ({reason_of(error)}); get the archive of VOC anew") from None
    return {(item.findtext("name") or "").strip() for item in root.findall("object")}


def merged_mask(voc: Path, sbd_masks: Path, image_id: str) -> tuple[Path, np.ndarray]:
    """The mask of VOC, with its ignored outlines, if there is one; else the mask of SBD.

    Parameters
    ----------
    voc : Path
        The folder of VOC 2012, with SegmentationClass.
    sbd_masks : Path
        The folder of SBD's label files, `cls`.
    image_id : str
        The image.

    Returns
    -------
    tuple[Path, np.ndarray]
        The file of the mask, and its labels: uint8 (height, width), 0 background, 1..20 classes, 255 ignored.

    Raises
    ------
    WsssError
        If both masks are missing, or the mask is damaged or holds another value.
    """
    voc_mask, sbd_mask = voc / "SegmentationClass" / f"{image_id}.png", sbd_masks / f"{image_id}.mat"
    path, labels = (voc_mask, read_labels(voc_mask)) if voc_mask.exists() else (sbd_mask, read_sbd_labels(sbd_mask))
    if ((labels > len(VOC_CLASSES)) & (labels != IGNORE)).any():
        raise WsssError(
            f"{path} holds a label that is neither 0..{len(VOC_CLASSES)} nor {IGNORE}: get the archive anew"
        )
    return path, labels


def write_merged_mask(path: Path, voc: Path, sbd_masks: Path, image_id: str, size: tuple[int, int] | None) -> None:
    """Write the mask of an image whose photograph has this height and width; see `merged_mask`. None: not known."""
    origin, labels = merged_mask(voc, sbd_masks, image_id)
    if size is not None and labels.shape != size:
        raise WsssError(f"{origin} has shape {labels.shape}, its image {size}: get both archives anew")
    write_labels(path, labels)


def write_merged_masks(voc: Path, sbd_masks: Path, ids: Sequence[str], folder: Path, workers: int) -> None:
    """Write <id>.png in `folder` for each image, by `workers` threads; see `merged_mask`."""

    def write(image_id: str) -> None:
        size = _size_if_known(voc / "JPEGImages" / f"{image_id}.jpg")
        write_merged_mask(folder / f"{image_id}.png", voc, sbd_masks, image_id, size)

    with ThreadPoolExecutor(workers) as pool:
        for _ in track(pool.map(write, ids), len(ids), "merging masks of VOC and SBD"):
            pass


def _size_if_known(photograph: Path) -> tuple[int, int] | None:
    """Height and width; None for a photograph that cannot be read, which the preparation refuses or leaves out."""
    try:
        return look(photograph).size
    except WsssError:
        return None


def class_row(annotation: Path) -> list[int]:
    """Whether each class of VOC is in an image, 0 or 1 in VOC's order, by its annotation; see `object_names`."""
    present = object_names(annotation)
    return [int(name in present) for name in VOC_CLASSES]


def annotated_labels(voc: Path, ids: Sequence[str], classes: Mapping[str, int], workers: int) -> dict[str, np.ndarray]:
    """Image-level labels from VOC's annotations.

    Parameters
    ----------
    voc : Path
        The folder of VOC 2012, with Annotations.
    ids : Sequence[str]
        The images.
    classes : Mapping[str, int]
        Classes of VOC with their values in masks.
    workers : int
        Threads that read annotations, at least 1.

    Returns
    -------
    dict[str, np.ndarray]
        Zeros and ones of each image: float32 (n,), in the order of `classes`.

    Raises
    ------
    WsssError
        For annotations that are missing or damaged.
    """
    files = [voc / "Annotations" / f"{image_id}.xml" for image_id in ids]
    if missing := [file for file in files if not file.is_file()]:
        raise WsssError(
            f"missing annotation: {missing[0]} ({len(missing)} of {len(ids)} are missing): add VOC's annotations, or "
            "set locations.lists to a folder with an image_labels.csv of these images"
        )
    columns = [value - 1 for value in classes.values()]
    with ThreadPoolExecutor(workers) as pool:
        rows = list(track(pool.map(class_row, files), len(files), "reading annotations"))
    return {image_id: np.array(row, np.float32)[columns] for image_id, row in zip(ids, rows, strict=True)}

"""Makes PASCAL VOC 2012 with the masks of SBD from the official archives, in the layout that the workflow uses.

VOC: Everingham et al., IJCV 2010. SBD, masks for most other images of VOC: Hariharan et al., ICCV 2011.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from scipy.io import loadmat

from wsss.data.download import unpack, whole_folder
from wsss.data.images import IGNORE, read_image, read_labels, write_labels
from wsss.data.lists import read_list
from wsss.data.voc_layout import VOC12_LENGTHS, image_labels_path, list_path
from wsss.errors import WsssError
from wsss.files import write_text
from wsss.progress import track
from wsss.settings.data import VOC_CLASSES


@dataclass(frozen=True)
class Archive:
    """An archive as its authors publish it."""

    url: str
    name: str
    md5: str


VOC_ARCHIVE = Archive(
    "https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
    "VOCtrainval_11-May-2012.tar",
    "6cd6e144f989b92b3379bac3b3de84fd",
)
SBD_ARCHIVE = Archive(
    "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz",
    "benchmark.tgz",
    "82b4d87ceb2ed10f6038a1cba92111cb",
)
TRAIN_AUG_IMAGES = VOC12_LENGTHS["train_aug"]
VOC_FOLDER = "VOCdevkit/VOC2012"
SBD_FOLDER = "benchmark_RELEASE/dataset"
VOC_LISTS = tuple(f"ImageSets/Segmentation/{name}.txt" for name in ("train", "val", "trainval"))
# The files that VOC has for an image. An image without a mask in VOC has one in SBD.
VOC_FILES = {"JPEGImages": ".jpg", "Annotations": ".xml", "SegmentationClass": ".png"}
SBD_PARTS = ("cls", "train.txt", "val.txt")


def build_voc12(
    voc_archive: Path,
    sbd_archive: Path,
    out: Path,
    lists: Mapping[str, str],
    own_lists: Path | None = None,
    workers: int = 1,
    train_aug_images: int = TRAIN_AUG_IMAGES,
) -> None:
    """Make `out` from the two archives, completely or not at all. An old `out` is replaced.

    `lists` maps train, train_scored and val to names of VOC's lists or of files in `own_lists` (see list_path).
    `out` gets all lists of VOC, and train_aug, which is made from both archives. The images of `lists`, and no others,
    get JPEGImages, Annotations and SegmentationClass as in VOC. They also get SegmentationClassAug/<id>.png (uint8,
    0 background, 1..20, 255 ignored) and image_labels.csv. These two are made from both archives, by `workers` threads.
    Raises WsssError for an archive that is not the official one, a train_aug without exactly `train_aug_images` images,
    a list with an id that is not an image of VOC, and images, masks or annotations that are missing, damaged or do not
    fit each other.
    """
    with whole_folder(out) as folder:
        voc = _unpacked(voc_archive, folder / "voc", VOC_FOLDER, (*VOC_LISTS, *VOC_FILES))
        sbd = _unpacked(sbd_archive, folder / "sbd", SBD_FOLDER, SBD_PARTS)
        _make_lists(voc, sbd, folder)
        if (found := len(read_list(list_path(folder, "train_aug")))) != train_aug_images:
            raise WsssError(
                f"{voc_archive} and {sbd_archive} give {found} images for train_aug, not {train_aug_images}: "
                "one of them is not the official archive; delete it and run again"
            )
        listed = _listed(folder, voc / "JPEGImages", lists, own_lists)
        _keep_listed_photographs(voc, folder, listed)
        _write_listed(folder, sbd / "cls", listed, workers)
        shutil.rmtree(folder / "voc")
        shutil.rmtree(folder / "sbd")


def merge_lists(voc_train: Iterable[str], voc_val: Iterable[str], sbd: Iterable[str]) -> list[str]:
    """Ids of train_aug, ascending: those of VOC's train and of SBD that are not in VOC's val."""
    return sorted({*voc_train, *sbd} - set(voc_val))


def read_sbd_labels(path: Path) -> np.ndarray:
    """Labels of an SBD file cls/<id>.mat (MATLAB 5, GTcls.Segmentation): uint8 of shape (height, width).

    Raises WsssError if the file is missing, damaged or of another kind.
    """
    if not path.is_file():
        raise WsssError(f"missing label file: {path}")
    try:
        labels = np.asarray(loadmat(path, variable_names=["GTcls"])["GTcls"]["Segmentation"][0, 0])
    except Exception as error:  # the reader raises many kinds of errors for a damaged file
        raise WsssError(f"damaged label file: {path} ({error}); get the archive of SBD anew") from None
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise WsssError(f"{path}: GTcls.Segmentation is {labels.dtype} of shape {labels.shape}, not 8-bit labels")
    return labels


def object_names(path: Path) -> set[str]:
    """Names of all objects of a VOC annotation, difficult ones too, without their parts (heads, hands).

    Raises WsssError if the file is missing, is not such XML, or declares a document type. No annotation of VOC declares
    one, and it could define entities that grow without bound or read other files.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise WsssError(f"{path} declares a document type or entities; this is no annotation of VOC")
        root = ElementTree.fromstring(text)
    except FileNotFoundError:
        raise WsssError(f"missing annotation: {path}") from None
    except (ElementTree.ParseError, ValueError) as error:
        raise WsssError(f"damaged annotation: {path} ({error}); get the archive of VOC anew") from None
    return {(item.findtext("name") or "").strip() for item in root.findall("object")}


def _unpacked(archive: Path, folder: Path, inner: str, parts: Sequence[str]) -> Path:
    unpack(archive, folder)
    for part in parts:
        if not (folder / inner / part).exists():
            raise WsssError(f"{archive} holds no {inner}/{part}: it is not the official archive; delete it, run again")
    return folder / inner


def _make_lists(voc: Path, sbd: Path, folder: Path) -> None:
    """Move VOC's lists to `folder` and write train_aug."""
    (folder / VOC_LISTS[0]).parent.mkdir(parents=True)
    for part in VOC_LISTS:
        (voc / part).rename(folder / part)
    train, val = (read_list(list_path(folder, name)) for name in ("train", "val"))
    train_aug = merge_lists(train, val, [*read_list(sbd / "train.txt"), *read_list(sbd / "val.txt")])
    write_text(list_path(folder, "train_aug"), "\n".join(train_aug) + "\n")


def _listed(folder: Path, photographs: Path, lists: Mapping[str, str], own_lists: Path | None) -> list[str]:
    """Ids of the images that the lists name, ascending. Raises WsssError for one without a photograph."""
    there = {path.stem for path in photographs.iterdir()}
    listed: set[str] = set()
    for file in sorted({list_path(folder, name, own_lists) for name in lists.values()}):
        ids = read_list(file)
        if strange := sorted(set(ids) - there):
            raise WsssError(
                f"missing image: the list {file.name} names {strange[0]}, and VOC 2012 has no {strange[0]}.jpg "
                f"({len(strange)} of {len(ids)} are missing): correct the list, or get the archive of VOC anew"
            )
        listed.update(ids)
    return sorted(listed)


def _keep_listed_photographs(voc: Path, folder: Path, listed: Sequence[str]) -> None:
    """Move VOC's files of the listed images to `folder`."""
    for part, suffix in VOC_FILES.items():
        (folder / part).mkdir()
        for image_id in listed:
            file = voc / part / f"{image_id}{suffix}"
            if file.exists():
                file.rename(folder / part / file.name)


def _write_listed(folder: Path, sbd_masks: Path, ids: Sequence[str], workers: int) -> None:
    """Write the masks and the table of image-level labels of the images `ids`."""
    (folder / "SegmentationClassAug").mkdir()

    def make(image_id: str) -> str:
        write_labels(folder / "SegmentationClassAug" / f"{image_id}.png", _labels(folder, sbd_masks, image_id))
        present = object_names(folder / "Annotations" / f"{image_id}.xml")
        return ",".join([image_id, *(str(int(name in present)) for name in VOC_CLASSES)])

    with ThreadPoolExecutor(workers) as pool:
        rows = list(track(pool.map(make, ids), len(ids), "merging masks of VOC and SBD"))
    write_text(image_labels_path(folder), "\n".join([",".join(["image_id", *VOC_CLASSES]), *rows]) + "\n")


def _labels(folder: Path, sbd_masks: Path, image_id: str) -> np.ndarray:
    """The mask of VOC, with its ignored outlines, if there is one; else the mask of SBD."""
    voc_mask, sbd_mask = folder / "SegmentationClass" / f"{image_id}.png", sbd_masks / f"{image_id}.mat"
    path, labels = (voc_mask, read_labels(voc_mask)) if voc_mask.exists() else (sbd_mask, read_sbd_labels(sbd_mask))
    width, height = read_image(folder / "JPEGImages" / f"{image_id}.jpg").size
    if labels.shape != (height, width):
        raise WsssError(f"{path} has shape {labels.shape}, its image {(height, width)}: get both archives anew")
    if ((labels > len(VOC_CLASSES)) & (labels != IGNORE)).any():
        raise WsssError(
            f"{path} holds a label that is neither 0..{len(VOC_CLASSES)} nor {IGNORE}: get the archive anew"
        )
    return labels

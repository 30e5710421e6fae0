"""Makes PASCAL VOC 2012 with the masks of SBD from the official archives, in the layout that the workflow uses.

VOC: Everingham et al., IJCV 2010. SBD, masks for most other images of VOC: Hariharan et al., ICCV 2011.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wsss.data.images import read_image
from wsss.data.sources.download import Archive, unpack, whole_folder
from wsss.data.sources.lists import read_list
from wsss.data.sources.voc_annotations import class_row, train_aug_of, write_merged_mask
from wsss.data.sources.voc_layout import LABELLED, VOC12_LENGTHS, image_labels_path, list_path
from wsss.errors import WsssError
from wsss.files import write_text
from wsss.progress import track
from wsss.settings.data import VOC_CLASSES, is_own_list

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
TEST_ARCHIVE = "VOC2012test.tar"
VOC_FOLDER = "VOCdevkit/VOC2012"
SBD_FOLDER = "benchmark_RELEASE/dataset"
VOC_LISTS = tuple(f"ImageSets/Segmentation/{name}.txt" for name in ("train", "val", "trainval"))
TEST_LIST = "ImageSets/Segmentation/test.txt"
PHOTOS = "JPEGImages"
# The files that VOC has for an image. An image without a mask in VOC has one in SBD.
VOC_FILES = {PHOTOS: ".jpg", "Annotations": ".xml", "SegmentationClass": ".png"}
SBD_PARTS = ("cls", "train.txt", "val.txt")


def build_voc12(
    voc_archive: Path,
    sbd_archive: Path,
    out: Path,
    lists: Mapping[str, str],
    own_lists: Path | None = None,
    workers: int = 1,
    test_archive: Path | None = None,
    lengths: Mapping[str, int] = VOC12_LENGTHS,
) -> None:
    """Make a folder of VOC 2012 from the official archives, completely or not at all.

    The folder gets all lists of VOC, and train_aug, which is made from both archives. The images of train, train_scored
    and val, and no others, get JPEGImages, Annotations and SegmentationClass as in VOC. They also get
    SegmentationClassAug/<id>.png (uint8, 0 background, 1..20, 255 ignored) and image_labels.csv, both made from both
    archives. Images of test alone get JPEGImages only.

    Parameters
    ----------
    voc_archive : Path
        The archive of VOC 2012's train and val images.
    sbd_archive : Path
        The archive of SBD.
    out : Path
        The folder. An old one is replaced.
    lists : Mapping[str, str]
        From train, train_scored and val, and perhaps test, to names of VOC's lists or of files in `own_lists`.
    own_lists : Path or None
        The folder of the user's own lists.
    workers : int
        Threads that merge masks, at least 1.
    test_archive : Path or None
        The archive of VOC 2012's test images. It is read only if the list of test names one of them.
    lengths : Mapping[str, int]
        The lengths that the lists train_aug and test must have.

    Raises
    ------
    WsssError
        For an archive that is missing or not the official one, lists that name images without a photograph, and
        images, masks or annotations that are missing, damaged or do not fit each other.
    """
    with whole_folder(out) as folder:
        voc = _unpacked(voc_archive, folder / "voc", VOC_FOLDER, (*VOC_LISTS, *VOC_FILES))
        sbd = _unpacked(sbd_archive, folder / "sbd", SBD_FOLDER, SBD_PARTS)
        _make_lists(voc, sbd, folder)
        _check_length(folder, "train_aug", lengths, [voc_archive, sbd_archive])
        _add_test_images(voc, folder, lists, own_lists, test_archive)
        _check_length(folder, "test", lengths, [test_archive] if test_archive else [])
        files, there = (
            {split: list_path(folder, name, own_lists) for split, name in lists.items()},
            _stems(voc / PHOTOS),
        )
        listed = _listed(files.values(), there)
        labelled = _listed((file for split, file in files.items() if split in LABELLED), there)
        for part in VOC_FILES:
            _keep(voc, folder, part, listed if part == PHOTOS else labelled)
        _write_listed(folder, sbd / "cls", labelled, workers)
        shutil.rmtree(folder / "voc")
        shutil.rmtree(folder / "sbd")


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
    write_text(list_path(folder, "train_aug"), "".join(f"{one}\n" for one in train_aug_of(folder, sbd)))


def _add_test_images(voc: Path, folder: Path, lists: Mapping[str, str], own: Path | None, archive: Path | None) -> None:
    """Add VOC's test photographs and their list to what is unpacked, if the list of test needs them."""
    if (name := lists.get("test")) is None:
        return
    file = list_path(folder, name, own)
    if (is_own_list(name) or file.is_file()) and set(read_list(file)) <= _stems(voc / PHOTOS):
        return
    if archive is None or not archive.is_file():
        where = archive or TEST_ARCHIVE
        raise WsssError(
            f"data.lists.test: {name} needs VOC 2012's test images, which are given out after a login only: put "
            f"the archive there as {where}, or set locations.dataset to a folder that has them"
        )
    test = _unpacked(archive, folder / "test", VOC_FOLDER, (TEST_LIST, PHOTOS))
    (test / TEST_LIST).rename(folder / TEST_LIST)
    for photograph in (test / PHOTOS).iterdir():
        if not (kept := voc / PHOTOS / photograph.name).exists():
            photograph.rename(kept)
    shutil.rmtree(folder / "test")


def _check_length(folder: Path, name: str, lengths: Mapping[str, int], archives: Sequence[Path]) -> None:
    """Raise WsssError if a list that the archives give has another length than it should have."""
    file = list_path(folder, name)
    if file.is_file() and name in lengths and (found := len(read_list(file))) != lengths[name]:
        told, wrong = " and ".join(map(str, archives)), "it" if len(archives) == 1 else "one of them"
        raise WsssError(
            f"{told} {'gives' if len(archives) == 1 else 'give'} {found} images for {name}, not {lengths[name]}: "
            f"{wrong} is not the official archive; delete it and run again"
        )


def _listed(files: Iterable[Path], there: set[str]) -> list[str]:
    """Ids of the images that the lists name, ascending. Raises WsssError for one without a photograph."""
    listed: set[str] = set()
    for file in sorted(set(files)):
        ids = read_list(file)
        if strange := sorted(set(ids) - there):
            raise WsssError(
                f"missing image: the list {file.name} names {strange[0]}, and VOC 2012 has no {strange[0]}.jpg "
                f"({len(strange)} of {len(ids)} are missing): correct the list, or get the archive of VOC anew"
            )
        listed.update(ids)
    return sorted(listed)


def _stems(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir()}


def _keep(voc: Path, folder: Path, part: str, ids: Iterable[str]) -> None:
    """Move one of VOC's files for each of the images `ids` to `folder`, where VOC has it."""
    (folder / part).mkdir()
    for image_id in ids:
        file = voc / part / f"{image_id}{VOC_FILES[part]}"
        if file.exists():
            file.rename(folder / part / file.name)


def _write_listed(folder: Path, sbd_masks: Path, ids: Sequence[str], workers: int) -> None:
    """Write the masks and the table of image-level labels of the images `ids`."""
    (folder / "SegmentationClassAug").mkdir()

    def make(image_id: str) -> str:
        width, height = read_image(folder / PHOTOS / f"{image_id}.jpg").size
        mask = folder / "SegmentationClassAug" / f"{image_id}.png"
        write_merged_mask(mask, folder, sbd_masks, image_id, (height, width))
        return ",".join([image_id, *map(str, class_row(folder / "Annotations" / f"{image_id}.xml"))])

    with ThreadPoolExecutor(workers) as pool:
        rows = list(track(pool.map(make, ids), len(ids), "merging masks of VOC and SBD"))
    write_text(image_labels_path(folder), "\n".join([",".join(["image_id", *VOC_CLASSES]), *rows]) + "\n")

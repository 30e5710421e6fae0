"""Files as the official archives of VOC 2012 and SBD hold them, made small, and the same images in a folder."""

import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat
from scipy.sparse import csc_array

from wsss.data.images import read_labels, voc_palette
from wsss.data.sources.voc12 import SBD_ARCHIVE, SBD_FOLDER, TEST_ARCHIVE, VOC_ARCHIVE, VOC_FOLDER
from wsss.settings.data import VOC_CLASSES

Files = dict[str, bytes]
# Height, width and mask values of made images, by their id.
MADE = {
    "2007_000063": (30, 41, (0, 12, 9, 255)),
    "2008_000054": (25, 25, (0, 8, 255)),
    "2009_000418": (40, 31, (0, 15, 17, 5)),
    "2010_001012": (33, 47, (0, 13)),
    "2011_000006": (28, 52, (0, 15, 20, 255)),
}


def png(labels: np.ndarray) -> bytes:
    image = Image.frombytes("P", labels.shape[::-1], labels.tobytes())
    image.putpalette(voc_palette().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def jpeg(height: int, width: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 30)).save(buffer, "JPEG")
    return buffer.getvalue()


def mat(segmentation: np.ndarray, compressed: bool = True) -> bytes:
    boundaries = np.empty((20, 1), object)
    for number in range(20):
        boundaries[number, 0] = csc_array(segmentation == number + 1, dtype=bool)
    present = np.setdiff1d(segmentation, [0])[:, None]
    struct = {"Segmentation": segmentation, "Boundaries": boundaries, "CategoriesPresent": present}
    buffer = io.BytesIO()
    savemat(buffer, {"GTcls": struct}, do_compression=compressed)
    return buffer.getvalue()


def annotation(size: tuple[int, int], objects: Iterable[tuple[str, int]]) -> bytes:
    """An image's XML: its height and width, and names of objects with whether they are difficult."""
    named = "".join(
        f"<object><name>{name}</name><difficult>{difficult}</difficult>"
        "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part></object>"
        for name, difficult in objects
    )
    height, width = size
    shape = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    source = "<source><database>The VOC2008 Database</database></source>"
    return f"<annotation><folder>VOC2012</folder>{source}{shape}{named}</annotation>\n".encode()


def lines(*ids: str) -> bytes:
    return "".join(f"{image_id}\n" for image_id in ids).encode()


def pack(path: Path, mode: str, folder: str, files: Files) -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def folder_of(root: Path) -> Path:
    """A folder in VOC layout of made images: labels of all twenty classes, masks in the palette, no lists."""
    draw = np.random.default_rng(0)
    for name in ("JPEGImages", "SegmentationClassAug"):
        (root / name).mkdir(parents=True)
    rows = [",".join(["image_id", *VOC_CLASSES])]
    for image_id, (height, width, values) in MADE.items():
        mask = draw.choice(np.array(values, np.uint8), size=(height, width))
        (root / "JPEGImages" / f"{image_id}.jpg").write_bytes(jpeg(height, width))
        (root / "SegmentationClassAug" / f"{image_id}.png").write_bytes(png(mask))
        rows.append(",".join([image_id, *(str(int(value in values)) for value in range(1, 21))]))
    (root / "image_labels.csv").write_text("\n".join(rows) + "\n")
    return root


def archives_of(folder: Path, ids: Iterable[str], out: Path) -> tuple[Path, Path]:
    """The same images as the official archives would hold them, every other mask as one of SBD."""
    header, *rows = (line.split(",") for line in (folder / "image_labels.csv").read_text().splitlines())
    objects = {row[0]: [(name, 1) for name, value in zip(header, row, strict=True) if value == "1"] for row in rows}
    voc: Files = {}
    sbd: Files = {}
    for number, image_id in enumerate(sorted(ids)):
        photograph = folder / "JPEGImages" / f"{image_id}.jpg"
        mask = read_labels(folder / "SegmentationClassAug" / f"{image_id}.png")
        voc[f"JPEGImages/{image_id}.jpg"] = photograph.read_bytes()
        voc[f"Annotations/{image_id}.xml"] = annotation(Image.open(photograph).size[::-1], objects[image_id])
        if number % 2:
            sbd[f"cls/{image_id}.mat"] = mat(mask)
        else:
            voc[f"SegmentationClass/{image_id}.png"] = png(mask)
    with_mask, of_sbd = (
        sorted(Path(name).stem for name in files if name.startswith(part))
        for files, part in ((voc, "SegmentationClass"), (sbd, "cls"))
    )
    for name, members in (("train", with_mask[:-1]), ("val", with_mask[-1:]), ("trainval", with_mask)):
        voc[f"ImageSets/Segmentation/{name}.txt"] = lines(*members)
    sbd |= {"train.txt": lines(*of_sbd[:1]), "val.txt": lines(*of_sbd[1:])}
    out.mkdir()
    return (
        pack(out / VOC_ARCHIVE.name, "w", VOC_FOLDER, voc),
        pack(out / SBD_ARCHIVE.name, "w:gz", SBD_FOLDER, sbd),
    )


def archive_of_test_images(sizes: Mapping[str, tuple[int, int]], out: Path) -> Path:
    """Photographs without labels and masks, of these heights and widths, as the archive of VOC's test images."""
    files = {f"JPEGImages/{image_id}.jpg": jpeg(*size) for image_id, size in sizes.items()}
    files["ImageSets/Segmentation/test.txt"] = lines(*sizes)
    return pack(out / TEST_ARCHIVE, "w", VOC_FOLDER, files)


def devkit_of(folder: Path, archives: Iterable[Path]) -> Path:
    """What a user has after unpacking archives into one folder."""
    for archive in archives:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    return folder

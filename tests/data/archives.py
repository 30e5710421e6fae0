"""Files as the official archives of VOC 2012 and SBD hold them, made small."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat
from scipy.sparse import csc_array

from wsss.data.images import voc_palette

Files = dict[str, bytes]


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

"""CAM stores of this project as files that somebody brings. They are looked into before zarr opens them.

zarr can read many forms, and for some of them it loads pickles or unpacks any amount of data. Admitted is the one form
that `wsss.stores.image_store.write_store` writes.
"""

import json
import math
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import REMEDY

NAMES = re.compile(r"(?:scale_\d{1,3}/)?zarr\.json|scale_\d{1,3}/c/0/0/0")
LONGEST_JSON = 2**16
BYTES = {"float16": 2, "float32": 4}
CODECS = ["bytes", "zstd"]
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def read_own_store(path: Path, image_id: str, dataset: Dataset, most_bytes: int) -> CamStore:
    """A CAM store of this project.

    Parameters
    ----------
    path : Path
        The file.
    image_id : str
        The image that it must be of.
    dataset : Dataset
        The dataset, whose size and classes of the image the store must have.
    most_bytes : int
        The largest size of all arrays together, in bytes.

    Returns
    -------
    CamStore
        The store.

    Raises
    ------
    WsssError
        If the file is damaged, in another form, too large or of another image, or its values are no CAMs.
    """
    try:
        _check_form(path, most_bytes)
        store = CamStore.read(path, image_id)
        faults = _faults(store, dataset)
    except WsssError as error:
        raise WsssError(str(error).removesuffix(f"; {REMEDY}").replace("\n", " ")) from None
    except Exception as error:  # damaged files raise many kinds of errors
        raise WsssError(f"{path} is damaged ({type(error).__name__}: {str(error)[:100]}): get it anew") from None
    if faults:
        raise WsssError(f"{path}: {'; '.join(faults)}")
    return store


def _check_form(path: Path, most_bytes: int) -> None:
    """Raises WsssError or ValueError if a file is in another form than this project's, or unpacks to too many bytes."""
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: member for member in archive.infolist()}
        strange = [name for name in members if not NAMES.fullmatch(name)]
        if strange or any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
            raise WsssError(f"{path} is no CAM store of this project")
        if _json(archive, members["zarr.json"]).get("consolidated_metadata"):
            # zarr would believe it, and not what is looked at here.
            raise ValueError("its arrays are described in another place")
        folders = [name.removesuffix("zarr.json") for name in members if name.endswith("/zarr.json")]
        size = sum(_size_of_array(archive, members, folder) for folder in folders)
    if size > most_bytes:
        raise WsssError(f"{path} unpacks to {size} bytes, more than {most_bytes}")


def _size_of_array(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], folder: str) -> int:
    """The bytes of an array. Raises ValueError if it is packed in another way than this project's, or its size lies."""
    facts = _json(archive, members[f"{folder}zarr.json"])
    if facts["zarr_format"] != 3 or [one["name"] for one in facts["codecs"]] != CODECS:
        raise ValueError("an array is packed in another way")
    shape = [int(side) for side in facts["shape"]]
    if facts["chunk_grid"]["configuration"]["chunk_shape"] != [max(side, 1) for side in shape]:
        raise ValueError("an array is not in one chunk")
    size = math.prod(max(side, 1) for side in shape) * BYTES[facts["data_type"]]
    chunk = members.get(f"{folder}c/0/0/0")
    if chunk is None and 0 not in shape:
        raise ValueError("an array has no content")
    if chunk is not None and _unpacked_size(archive, chunk) != size:
        raise ValueError(f"{chunk.filename} has another size than it names")
    return size


def _json(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Mapping[str, Any]:
    if member.file_size > LONGEST_JSON:
        raise ValueError(f"{member.filename} is too long")
    found: Mapping[str, Any] = json.loads(archive.read(member))
    return found


def _unpacked_size(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int | None:
    """The size that the first frame of zstd names (RFC 8878, section 3.1.1.1); None if it names none."""
    with archive.open(member) as file:
        head = file.read(18)
    if head[:4] != ZSTD_MAGIC:
        raise ValueError(f"{member.filename} is no frame of zstd")
    flag, is_single = head[4] >> 6, bool(head[4] & 32)
    start = 5 + (not is_single) + (0, 1, 2, 4)[head[4] & 3]
    length = (1 if is_single else 0, 2, 4, 8)[flag]
    return int.from_bytes(head[start : start + length], "little") + (256 if length == 2 else 0) if length else None


def _faults(store: CamStore, dataset: Dataset) -> list[str]:
    """What is wrong with the content of a store."""
    present, size = dataset.present(store.image_id), dataset.sizes[store.image_id]
    faults = []
    if store.size != size:
        faults.append(f"CAMs of an image of {store.size[0]} x {store.size[1]}, and it has {size[0]} x {size[1]} pixels")
    if not np.array_equal(store.keys, present):
        faults.append(f"classes {store.keys.tolist()}, and those of the image are {present.tolist()} (from 0)")
    if not store.cams:
        return [*faults, "no maps of its classes"]
    if any(cam.size and (cam.min() < 0 or (store.finished and cam.max() > 1)) for cam in store.cams):
        faults.append("values below 0, or finished maps above 1")
    return faults

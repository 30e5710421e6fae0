"""The form of a store's file, looked at before zarr opens it.

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

from wsss.errors import WsssError
from wsss.settings.values import LARGEST_VALUE

NAMES = re.compile(r"(?:\w{1,30}/)?zarr\.json|\w{1,30}/c(?:/0){0,8}", re.ASCII)
LONGEST_JSON = 2**16
BYTES = {"bool": 1, "uint8": 1, "float16": 2, "float32": 4, "int32": 4, "float64": 8, "int64": 8}
CODECS = ["bytes", "zstd"]
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# What maps of any image may unpack to, and what those of no image do.
SMALL, LARGEST = 2**26, 2**32


def check_form(archive: zipfile.ZipFile, path: Path, most_bytes: int | None = None) -> None:
    """Check that a store has this project's form, and how many bytes it unpacks to.

    Parameters
    ----------
    archive : zipfile.ZipFile
        The open file of the store.
    path : Path
        Its path, for messages.
    most_bytes : int or None
        The largest size of all arrays together. None: what maps of the image's size may have, which the store names.

    Raises
    ------
    WsssError
        If it is no store of this project, or unpacks to too many bytes.
    ValueError, KeyError, TypeError
        If it is damaged, or packed in another way.
    """
    members = {member.filename: member for member in archive.infolist()}
    strange = [name for name in members if not NAMES.fullmatch(name)]
    if strange or any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
        raise WsssError(f"{path} is no store of this project")
    facts = _json(archive, members["zarr.json"])
    if facts.get("consolidated_metadata"):
        # zarr would believe it, and not what is looked at here.
        raise ValueError("its arrays are described in another place")
    folders = [name.removesuffix("zarr.json") for name in members if name.endswith("/zarr.json")]
    size = sum(_size_of_array(archive, members, folder) for folder in folders)
    most_bytes = _most_bytes(facts) if most_bytes is None else most_bytes
    if size > most_bytes:
        raise WsssError(f"{path} unpacks to {size} bytes, more than {most_bytes}")


def _most_bytes(facts: Mapping[str, Any]) -> int:
    """The most bytes of the maps of an image, from the size that its store names: float32 for every class there may be.

    Maps are smaller than the image, unless the settings ask for many large scales.
    """
    height, width = (int(side) for side in facts["attributes"].get("size", (0, 0)))
    return min(LARGEST_VALUE * 4 * max(height * width, 0) + SMALL, LARGEST)


def _size_of_array(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], folder: str) -> int:
    """The bytes of an array. Raises ValueError if it is packed in another way than this project's, or its size lies."""
    facts = _json(archive, members[f"{folder}zarr.json"])
    if facts["zarr_format"] != 3 or [one["name"] for one in facts["codecs"]] != CODECS:
        raise ValueError("an array is packed in another way")
    shape = [int(side) for side in facts["shape"]]
    if facts["chunk_grid"]["configuration"]["chunk_shape"] != [max(side, 1) for side in shape]:
        raise ValueError("an array is not in one chunk")
    size = math.prod(max(side, 1) for side in shape) * BYTES[facts["data_type"]]
    chunk = members.get(f"{folder}c{'/0' * len(shape)}")
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

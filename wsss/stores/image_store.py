"""Arrays of one image in a zarr v3 store, which is one file. Equal content gives equal bytes."""

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from wsss.data.finite import require_finite
from wsss.errors import WsssError, reason_of, shown
from wsss.files import atomic_path
from wsss.manifests.listed_files import ListedFiles
from wsss.progress import track
from wsss.stores.packed_form import check_form
from wsss.stores.pipelining import in_background
from wsss.stores.shards import Shard

FORMAT_VERSION = 1
# Arrays of zeros are written too, so that a missing chunk always means a damaged store.
WHOLE: Any = {"write_empty_chunks": True}
EARLIEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
NOT_FINITE = "train with a lower learning rate, or store float32 instead of float16"
REMEDY = "run `wsss verify --repair`, then the workflow again: it remakes what is missing"


@dataclass(frozen=True)
class ImageArrays:
    """Arrays and attributes of one image."""

    arrays: dict[str, np.ndarray]
    attributes: dict[str, Any]


class Writable(Protocol):
    """An object that can be written as the store of an image."""

    @property
    def image_id(self) -> str: ...

    def write(self, path: Path) -> None: ...


def write_store_shard(
    ids: Sequence[str], stores_of: Callable[[list[str]], Iterable[Writable]], folder: Path, manifest: Path, what: str
) -> None:
    """Write `folder`/stores/<id>.zarr.zip for every id, then `manifest`.

    Stores are written in a separate thread, while the next one is computed.

    Parameters
    ----------
    ids : Sequence[str]
        The images of the shard.
    stores_of : Callable[[list[str]], Iterable[Writable]]
        Makes the stores of some images, in any order. It is called with those that an interrupted job has not made.
    folder : Path
        The stage's folder.
    manifest : Path
        The manifest.
    what : str
        What is made, for the progress bar.
    """
    shard = Shard(ids, lambda image_id: str(store_path(Path(), image_id)), folder, manifest)

    def write(store: Writable) -> None:
        store.write(store_path(folder, store.image_id))
        shard.add(store.image_id)

    left = shard.left()
    stores = stores_of(left) if left else ()
    for _ in track(in_background(write, stores), len(ids), what, start=len(ids) - len(left)):
        pass
    shard.finish()


def write_store(
    path: Path, kind: str, image_id: str, arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any]
) -> None:
    """Write `arrays`, one chunk each, and `attributes` of image `image_id` as a store of this `kind`.

    zarr writes into memory. Its files then go into a zip file with a fixed date, because zarr itself would write the
    time.
    """
    # Whoever has scores in memory, as `wsss segment`, starts without zarr.
    import zarr
    from zarr.codecs import ZstdCodec
    from zarr.storage import MemoryStore

    facts = {"kind": kind, "version": FORMAT_VERSION, "image_id": image_id, **attributes}
    memory: dict[str, Any] = {}
    group = zarr.create_group(MemoryStore(memory), attributes=facts)
    for name, array in arrays.items():
        # The sides of a chunk must be at least 1, even if the array has no rows because the image has no class.
        chunks = tuple(max(side, 1) for side in array.shape)
        written = group.create_array(
            name, shape=array.shape, dtype=array.dtype, chunks=chunks, compressors=ZstdCodec(level=0), config=WHOLE
        )
        written[...] = array
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(memory):
            archive.writestr(zipfile.ZipInfo(name, EARLIEST_ZIP_DATE), memory[name].to_bytes())


def read_store(path: Path, kind: str, image_id: str, content: bytes | None = None) -> ImageArrays:
    """Read a store, from its file or from the file's content.

    Raises WsssError if it is missing, damaged, not finite, or of another kind, version or image.
    """
    if content is None and not path.is_file():
        raise WsssError(f"missing store: {path}; {REMEDY}")
    try:
        # What is no archive is not read as a whole: it may have any size.
        attributes, arrays = _unpacked(path if content is None else io.BytesIO(content), path)
    except WsssError as error:
        raise WsssError(f"{error}; {REMEDY}") from None
    except Exception as error:
        # For a damaged zip or chunk, zipfile, zarr and its codecs raise a dozen different exceptions.
        raise WsssError(f"damaged store: {path} ({type(error).__name__}: {reason_of(error)}); {REMEDY}") from error
    for name, wanted in (("kind", kind), ("version", FORMAT_VERSION), ("image_id", image_id)):
        if attributes.get(name) != wanted:
            raise WsssError(f"{path}: {name} is {shown(attributes.get(name))}, expected {wanted!r}; {REMEDY}")
    for name, array in arrays.items():
        require_finite(f"{path}, {name}", array, REMEDY)
    return ImageArrays(arrays, attributes)


def _unpacked(file: Path | io.BytesIO, path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Attributes and arrays of a store. Raises any exception for a damaged one."""
    import zarr
    from zarr.core.buffer.cpu import Buffer
    from zarr.storage import MemoryStore

    with zipfile.ZipFile(file) as archive:
        check_form(archive, path)
        members = {name: archive.read(name) for name in archive.namelist()}
    memory: dict[str, Any] = {name: Buffer.from_bytes(member) for name, member in members.items()}
    group = zarr.open_group(MemoryStore(memory), mode="r")
    arrays = {name: np.asarray(array[...]) for name, array in group.arrays()}
    return dict(group.attrs), arrays


def listed_store(stores: ListedFiles, kind: str, image_id: str) -> ImageArrays:
    """The store of an image, compared with its sum; see `read_store`."""
    return read_store(stores.path(image_id), kind, image_id, stores.content(image_id, "store"))


def store_path(folder: Path, image_id: str) -> Path:
    """The path of an image's store in the folder of its stage."""
    return folder / "stores" / f"{image_id}.zarr.zip"

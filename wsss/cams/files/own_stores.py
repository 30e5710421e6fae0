"""CAM stores of this project as files that somebody brings."""

import zipfile
from pathlib import Path

import numpy as np

from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import REMEDY
from wsss.stores.packed_form import check_form


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
        with zipfile.ZipFile(path) as archive:
            check_form(archive, path, most_bytes)
        store = CamStore.read(path, image_id)
        faults = _faults(store, dataset)
    except WsssError as error:
        raise WsssError(str(error).removesuffix(f"; {REMEDY}").replace("\n", " ")) from None
    except Exception as error:  # damaged files raise many kinds of errors
        raise WsssError(f"{path} is damaged ({type(error).__name__}: {str(error)[:100]}): get it anew") from None
    if faults:
        raise WsssError(f"{path}: {'; '.join(faults)}")
    return store


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

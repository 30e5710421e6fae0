"""Arrays in .npz files. No pickle is loaded, and nothing is unpacked beyond a given size."""

import io
import math
import zipfile
from pathlib import Path

import numpy as np

from wsss.errors import WsssError

MOST_ARRAYS = 1000
# Truth values, whole numbers and floats.
NUMBERS = "biuf"


def read_npz_arrays(path: Path, most_bytes: int) -> dict[str, np.ndarray]:
    """The arrays of an .npz file.

    Parameters
    ----------
    path : Path
        A file that np.savez or np.savez_compressed has written.
    most_bytes : int
        The largest size of all arrays together, in bytes.

    Returns
    -------
    dict[str, np.ndarray]
        The arrays by their names. They hold truth values, whole numbers or floats.

    Raises
    ------
    WsssError
        If the file is missing, damaged or too large, or holds anything else.
    """
    if not path.is_file():
        raise WsssError(f"missing file: {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_ARRAYS:
                raise WsssError(f"{path} holds {len(members)} arrays, more than {MOST_ARRAYS}")
            if (size := sum(member.file_size for member in members)) > most_bytes:
                raise WsssError(f"{path} unpacks to {size} bytes, more than {most_bytes}")
            return {member.filename.removesuffix(".npy"): _array(_unpacked(archive, member)) for member in members}
    except WsssError:
        raise
    except Exception as error:  # damaged files raise many kinds of errors
        raise WsssError(f"{path} is damaged ({type(error).__name__}: {str(error)[:100]}): get it anew") from None


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The bytes of a member, at most as many as it declares. Raises ValueError if it is packed in a way unlike numpy's.

    zipfile unpacks no more than it is asked for, but only of deflated members. Without a number it unpacks everything.
    """
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{member.filename[:60]} is packed in another way than numpy packs arrays")
    with archive.open(member) as file:
        return file.read(member.file_size)


def _array(content: bytes) -> np.ndarray:
    """The array of a .npy file. Raises ValueError if it holds anything but numbers, or another size than it names."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, is_fortran, dtype = read_header(stream)
    if dtype.kind not in NUMBERS:
        raise ValueError(f"an array of type {dtype}")
    data = stream.read()
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"an array of shape {shape} with {len(data)} bytes")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")

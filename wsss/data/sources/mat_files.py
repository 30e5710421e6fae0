"""Images in files of MATLAB 5. scipy's reader is not used, because some damaged files end the whole process in it.

The form is MathWorks' "MAT-File Format", level 5: elements of a type, a size and content, one after the other. Those of
a variable are its flags, its size, its name and its values. A structure has the names of its fields, and then a
variable for each of them.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

HEADER_BYTES = 128
BYTE_ORDERS = {b"IM": "<", b"MI": ">"}
# Types of elements.
UINT8, MATRIX, PACKED = 2, 14, 15
# Classes of variables. MATLAB stores the values of any class of numbers in 8 bits if they fit.
STRUCTURE, NUMBERS = 2, range(6, 14)
# A mask of SBD has a quarter of a megabyte.
MOST_BYTES = 16 * 2**20


def read_mat_image(path: Path, variable: str, field: str) -> np.ndarray:
    """A field of a structure, which is a matrix of 8-bit numbers.

    Parameters
    ----------
    path : Path
        A file of MATLAB 5.
    variable : str
        The name of the structure.
    field : str
        The name of its field.

    Returns
    -------
    np.ndarray
        The matrix, uint8 (height, width).

    Raises
    ------
    ValueError, zlib.error, struct.error, LookupError
        If the file is damaged, or holds something else.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError("it is too large")
    order = BYTE_ORDERS[content[HEADER_BYTES - 2 : HEADER_BYTES]]
    for kind, element in _elements(content[HEADER_BYTES:], order):
        if kind == PACKED:
            ((kind, element),) = _elements(_unpacked(element), order)
        parts = list(_elements(element, order))
        if kind == MATRIX and parts[2][1] == variable.encode():
            return _matrix(_field(parts, field, order), order)
    raise ValueError(f"it holds no {variable}")


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and content of each element."""
    at = 0
    while at < len(content):
        kind, size = struct.unpack_from(f"{order}II", content, at)
        start = at + 8
        if kind >> 16:
            # A small element: two bytes of its size, two of its type, four of content.
            kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
        found = content[start : start + size]
        if len(found) != size or (start < at + 8 and size > 4):
            raise ValueError("an element is cut off")
        yield kind, found
        # Elements begin at every eighth byte, but what follows a packed one.
        at = start + size if kind == PACKED else -(-(start + size) // 8) * 8


def _unpacked(element: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(element, MOST_BYTES)
    if not unpacker.eof:
        raise ValueError("it is cut off, or unpacks to too much")
    return found


def _class_of(flags: bytes, order: str) -> int:
    (found,) = struct.unpack_from(f"{order}I", flags)
    return int(found & 0xFF)


def _field(parts: list[tuple[int, bytes]], field: str, order: str) -> bytes:
    """The elements of a field of a structure."""
    if _class_of(parts[0][1], order) != STRUCTURE:
        raise ValueError("it holds no structure")
    (length,) = struct.unpack(f"{order}i", parts[3][1])
    if length < 1:
        raise ValueError("fields have no names")
    text = parts[4][1]
    names = [text[at : at + length].rstrip(b"\0") for at in range(0, len(text), length)]
    kind, found = parts[5 + names.index(field.encode())]
    if kind != MATRIX:
        raise ValueError(f"{field} is no variable")
    return found


def _matrix(element: bytes, order: str) -> np.ndarray:
    """A matrix of 8-bit numbers from its elements. MATLAB writes column after column."""
    (_, flags), (_, size), _, (kind, values) = list(_elements(element, order))[:4]
    shape = struct.unpack(f"{order}{len(size) // 4}i", size)
    if _class_of(flags, order) not in NUMBERS or kind != UINT8 or len(shape) != 2 or min(shape) < 0:
        raise ValueError(f"a variable of shape {shape} is no image of 8 bits")
    return np.frombuffer(values, np.uint8).reshape(shape, order="F")

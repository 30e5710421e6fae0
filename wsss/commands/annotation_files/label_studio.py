"""Masks as tasks of Label Studio: predictions with one brush region for each class of a photograph.

A brush region is a stream of bits. Its head has 32 bits for the number of bytes, 5 for the bits of a value, and 4 times
4 for the bits of a length; all but the first are stored less 1. A run of equal bytes then has a bit 1, 2 bits that
choose one of the four lengths, the length less 1, and the value. A pixel counts as four equal bytes, as in RGBA.
The form is that of rle-pack, https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from wsss.commands.annotation_files.regions import Labelled, regions, run_lengths
from wsss.data.images import read_labels
from wsss.data.label_values import LabelValues
from wsss.files import atomic_path, write_items
from wsss.progress import track

# Where Label Studio serves files of the folder LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT.
SERVED = "/data/local-files/?d="
# The names of the two tags in the labelling interface.
BRUSH, IMAGE = "label", "image"
BYTES_OF_A_PIXEL = 4
INSIDE = 255
BITS_OF_A_VALUE = 8
BITS_OF_LENGTHS = np.array([3, 4, 8, 16])
LONGEST = 2**16


def write_label_studio(path: Path, photographs: Sequence[Labelled], values: LabelValues) -> None:
    """Write the regions of the classes as tasks of Label Studio with predictions.

    Parameters
    ----------
    path : Path
        The .json. It is written completely or not at all.
    photographs : Sequence[Labelled]
        The photographs with their label images, which are read one at a time.
    values : LabelValues
        The values of the classes.

    Raises
    ------
    WsssError
        If a label image cannot be read.
    """
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        shown = track(photographs, len(photographs), f"writing {path.name}", "photograph")
        write_items(file, (_task(photograph, values) for photograph in shown))
        file.write("\n")


def _task(photograph: Labelled, values: LabelValues) -> dict[str, Any]:
    labels = read_labels(photograph.labels)
    height, width = labels.shape
    found = [
        {
            "id": str(region.value),
            "type": "brushlabels",
            "from_name": BRUSH,
            "to_name": IMAGE,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {"format": "rle", "rle": packed_runs(region.mask).tolist(), "brushlabels": [region.name]},
        }
        for region in regions(labels, values)
    ]
    return {
        "data": {IMAGE: SERVED + quote(photograph.name)},
        "predictions": [{"model_version": "wsss", "result": found}],
    }


def packed_runs(mask: np.ndarray) -> np.ndarray:
    """A region as Label Studio's brush stores it.

    Parameters
    ----------
    mask : np.ndarray
        bool (H, W).

    Returns
    -------
    np.ndarray
        uint8 (n,).
    """
    runs = run_lengths(mask) * BYTES_OF_A_PIXEL
    # Runs that are too long are cut into pieces. All but the last piece of a run have the greatest length.
    pieces = -(-runs // LONGEST)
    lengths = np.full(pieces.sum(), LONGEST)
    lengths[np.cumsum(pieces)[runs > 0] - 1] = (runs - (pieces - 1) * LONGEST)[runs > 0]
    inside = np.repeat(np.arange(len(runs)) % 2 * INSIDE, pieces)
    choice = np.searchsorted(2**BITS_OF_LENGTHS, lengths)
    bits = BITS_OF_LENGTHS[choice]
    codes = ((((0b100 | choice) << bits) | (lengths - 1)) << BITS_OF_A_VALUE) | inside
    head = np.array([mask.size * BYTES_OF_A_PIXEL, BITS_OF_A_VALUE - 1, *(BITS_OF_LENGTHS - 1)])
    first = _bits(head, np.array([32, 5, 4, 4, 4, 4]))
    return np.packbits(np.concatenate([first, _bits(codes, 3 + bits + BITS_OF_A_VALUE)]))


def _bits(numbers: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The lowest `counts` bits, at most 32, of each of `numbers`, from the highest on; uint8 (n,) of 0 and 1."""
    aligned = (numbers << (32 - counts)).astype(">u4")
    bits = np.unpackbits(aligned.view(np.uint8).reshape(-1, 4), axis=1)
    return bits[np.arange(32) < counts[:, None]]

"""What `wsss cam` writes: maps, heat over photographs, visual words, and tables of both."""

import io
import os
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wsss.classification.image_words import ImageWords, closest_classes
from wsss.commands.viewer import Seen, Viewer
from wsss.data.images import scale_labels, write_labels
from wsss.files import write_bytes, write_csv
from wsss.reporting.figures import heat_over
from wsss.reporting.mask_images import mask_files, write_overlay

# A label image of 8 bits holds so many words.
MOST_COLOURS = 256
COMPRESSION = 6


@dataclass(frozen=True)
class CamFiles:
    """Where the files of one photograph go, below the folder that is written. Overlays have a folder."""

    maps: str
    overlays: str
    words: str


def cam_files(photographs: Sequence[Path]) -> dict[Path, CamFiles]:
    """The files of each photograph. They have the photograph's own name and folder, as masks have."""
    own = mask_files(map(str, photographs))
    stems = {path: own[str(path)].stem for path in photographs}
    return {path: CamFiles(f"maps/{stem}.npz", f"overlays/{stem}", f"words/{stem}.png") for path, stem in stems.items()}


def write_maps(
    folder: Path, files: CamFiles, image: np.ndarray, maps: Mapping[str, np.ndarray], values: Mapping[str, int]
) -> None:
    """Write the maps of a photograph as .npz with an array for each class, and each as heat over the photograph.

    `image`: uint8 (h, w, 3). `maps`: float32 (h, w) in 0..1 by class. `values`: those of the classes, which tell names
    of files apart. Equal maps give equal bytes.
    """
    buffer = io.BytesIO()
    # numpy.savez takes no array that is called `file`, as a class may be.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as archive:
        for name, heat in maps.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                np.lib.format.write_array(member, heat, allow_pickle=False)
    write_bytes(folder / files.maps, buffer.getvalue())
    for name, heat in maps.items():
        shown = np.round(255 * heat_over(image, heat)).astype(np.uint8)
        # Names of classes may hold letters that names of files may not.
        readable = re.sub(r"[^\w .+-]", "_", name)
        write_overlay(folder / files.overlays / f"{values[name]}-{readable}.jpg", Image.fromarray(shown))


def write_words(path: Path, words: np.ndarray, vocabulary: int, size: tuple[int, int]) -> None:
    """Write the word of each pixel, enlarged from the cells `words`, int64 (h, w) in 0..vocabulary-1, as PNG.

    Colours are those of label images. With a vocabulary of more than 256 words the PNG is grey with 16 bits.
    """
    if vocabulary <= MOST_COLOURS:
        write_labels(path, scale_labels(words.astype(np.uint8), size))
        return
    buffer = io.BytesIO()
    Image.fromarray(scale_labels(words.astype(np.uint16), size)).save(buffer, "PNG")
    write_bytes(path, buffer.getvalue())


class CamTables:
    """The tables of all photographs: index.csv with the scores, and words.csv.

    Parameters
    ----------
    viewer : Viewer
        The classifier.
    photographs : Sequence[Path]
        All photographs. They are named by their paths below the folder that all share.
    """

    def __init__(self, viewer: Viewer, photographs: Sequence[Path]) -> None:
        self._classes = [*viewer.values]
        self._closest = closest_classes(viewer.maker.network)
        self._shared = os.path.commonpath([photograph.parent for photograph in photographs])
        self._rows: list[dict[str, Any]] = []
        self._words: list[dict[str, Any]] = []

    @property
    def count(self) -> int:
        """The number of photographs in the tables."""
        return len(self._rows)

    def add(self, path: Path, files: CamFiles, seen: Seen) -> None:
        """Add a photograph."""
        name = str(path.relative_to(self._shared))
        scores = {f"score of {own}": f"{score:.4f}" for own, score in zip(self._classes, seen.scores, strict=True)}
        mapped = ", ".join(self._classes[key] for key in seen.keys)
        self._rows.append({"photograph": name, "maps": files.maps, "classes": mapped, **scores})
        if seen.words is not None:
            self._words += self._word_rows(name, seen.words)

    def write(self, folder: Path) -> None:
        """Write the tables: words.csv where the classifier has words, then index.csv."""
        if len(self._closest):
            write_csv(folder / "words.csv", self._words, ["photograph", "word", "share", "similarity", "class"])
        write_csv(folder / "index.csv", self._rows, ["photograph", "maps", "classes"])

    def _word_rows(self, name: str, seen: ImageWords) -> list[dict[str, Any]]:
        """A row for each word of a photograph, the most frequent first: its share of the cells, its mean similarity."""
        words, counts = np.unique(seen.words, return_counts=True)
        return [
            {
                "photograph": name,
                "word": int(words[place]),
                "share": f"{counts[place] / seen.words.size:.4f}",
                "similarity": f"{seen.similarities[seen.words == words[place]].mean():.4f}",
                "class": self._classes[self._closest[words[place]]],
            }
            for place in np.argsort(-counts, kind="stable")
        ]

"""Masks for people: label images and overlays of all photographs, upright, at full size and under their own names."""

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from wsss.data.dataset import Dataset
from wsss.data.images import IGNORE, read_labels, voc_palette, write_labels
from wsss.data.index import IndexRow
from wsss.data.photographs import upright_image
from wsss.files import remove_tree, write_bytes, write_csv, write_json
from wsss.progress import track
from wsss.reporting.figures import DOTS_PER_INCH, save_figure
from wsss.stores.label_images import label_path

# How much an overlay shows of the photograph: all of it where there is no class, else half of it.
OPACITY = 128
OVERLAY_QUALITY = 90


@dataclass(frozen=True)
class MaskFiles:
    """Where the masks of one image go, below the folder of masks."""

    labels: str
    overlay: str


def write_masks(dataset: Dataset, splits: Sequence[str], labels: Path, folder: Path, workers: int) -> None:
    """Write the masks of every image of some splits for people.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    splits : Sequence[str]
        The splits whose images are written. An image in two of them is written once.
    labels : Path
        The stage folder of the label images.
    folder : Path
        The folder to write. What was in it is removed. It gets labels/ (8-bit indexed PNG, the config's values),
        overlays/ (the photograph under the colours of the classes), labels.json and legend.png (what the values mean),
        and, last, index.csv (a row for each photograph: its files, and the share of each class in its pixels).
    workers : int
        Threads, at least 1.
    """
    split_of = {image_id: split for split in reversed(splits) for image_id in dataset.ids(split)}
    rows = sorted((dataset.index[image_id] for image_id in split_of), key=lambda row: row.file)
    files = mask_files([row.file for row in rows])
    remove_tree(folder)
    write_json(folder / "labels.json", dataset.values.legend())
    _draw_legend(dataset.values.legend(), folder / "legend.png")

    def write(row: IndexRow) -> dict[str, Any]:
        shares = _write_mask(dataset, row, label_path(labels, row.id), folder, files[row.file])
        own = files[row.file]
        return {
            "photograph": _own_path(row),
            "split": split_of[row.id],
            "labels": own.labels,
            "overlay": own.overlay,
        } | {f"share of {name}": f"{share:.4f}" for name, share in shares.items()}

    with ThreadPoolExecutor(workers) as pool:
        written = list(track(pool.map(write, rows), len(rows), "masks of photographs"))
    write_csv(folder / "index.csv", written)


def mask_files(photographs: Iterable[str]) -> dict[str, MaskFiles]:
    """The files of the masks of each photograph, by the photograph's path.

    They have the photograph's own name and folder, without the folders that all photographs share. Where two
    photographs of a folder differ by their ending alone, the ending is kept: `cow.jpg.png`.
    """
    paths = {path: PurePosixPath(path) for path in photographs}
    shared = _shared_folder(list(paths.values()))
    stems = Counter(str(path.with_suffix("")).casefold() for path in paths.values())
    found = {}
    for name, path in paths.items():
        alone = stems[str(path.with_suffix("")).casefold()] == 1
        own = (path.with_suffix("") if alone else path).relative_to(shared)
        found[name] = MaskFiles(f"labels/{own}.png", f"overlays/{own}.jpg")
    return found


def enlarge_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels at a larger size, with smooth outlines.

    Parameters
    ----------
    labels : np.ndarray
        uint8 (h, w).
    size : tuple[int, int]
        Height and width of the result.

    Returns
    -------
    np.ndarray
        uint8 (height, width): the label whose indicator, resized bilinearly to 8 bits, is largest; among equals, the
        lowest one.
    """
    if labels.shape == size:
        return labels
    largest, result = np.zeros(size, np.uint8), np.full(size, labels.min(), np.uint8)
    for value in np.unique(labels):
        indicator = Image.fromarray(np.where(labels == value, np.uint8(255), np.uint8(0)))
        share = np.asarray(indicator.resize(size[::-1], Image.Resampling.BILINEAR))
        ahead = share > largest
        result[ahead] = value
        np.maximum(largest, share, out=largest)
    return result


def overlay(photograph: Image.Image, labels: np.ndarray, background: int | None) -> Image.Image:
    """A photograph under the colours of its labels.

    Parameters
    ----------
    photograph : Image.Image
        RGB, (H, W). It is changed.
    labels : np.ndarray
        uint8 (H, W).
    background : int or None
        The label that gets no colour.

    Returns
    -------
    Image.Image
        The changed photograph.
    """
    colours = Image.fromarray(labels)
    colours.putpalette(voc_palette().tobytes())
    coloured = Image.fromarray(np.where(labels == background, np.uint8(0), np.uint8(OPACITY)))
    photograph.paste(colours.convert("RGB"), mask=coloured)
    return photograph


def _write_mask(dataset: Dataset, row: IndexRow, source: Path, folder: Path, files: MaskFiles) -> dict[str, float]:
    """Write the label image and the overlay of an image. Returns the share of each class in its pixels."""
    labels = enlarge_labels(read_labels(source), row.full_size)
    write_labels(folder / files.labels, labels)
    buffer = io.BytesIO()
    photograph = upright_image(dataset.root / row.file)
    overlay(photograph, labels, 0 if dataset.has_background else None).save(buffer, "JPEG", quality=OVERLAY_QUALITY)
    write_bytes(folder / files.overlay, buffer.getvalue())
    counts = np.bincount(labels.reshape(-1), minlength=256)
    return {name: float(counts[value] / labels.size) for name, value in dataset.values.classes.items()}


def _own_path(row: IndexRow) -> str:
    """The photograph's path in the user's folder."""
    return row.file.removeprefix("dataset/")


def _shared_folder(paths: Sequence[PurePosixPath]) -> PurePosixPath:
    shared = paths[0].parent if paths else PurePosixPath()
    while not all(path.is_relative_to(shared) for path in paths):
        shared = shared.parent
    return shared


def _draw_legend(legend: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    shown = {value: entry for value, entry in legend.items() if int(value) != IGNORE}
    figure = Figure(figsize=(3.2, 0.25 * len(shown) + 0.3), dpi=DOTS_PER_INCH)
    colours = [tuple(np.array(entry["colour"]) / 255) for entry in shown.values()]
    names = [f"{value}  {entry['name']}" for value, entry in shown.items()]
    handles = [Patch(color=colour, label=name) for colour, name in zip(colours, names, strict=True)]
    drawn = figure.legend(handles=handles, loc="center left", frameon=False, fontsize=9)
    for text in drawn.get_texts():
        text.set_parse_math(False)
    save_figure(figure, path)

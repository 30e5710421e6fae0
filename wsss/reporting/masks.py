"""Masks for people: label images and overlays of all photographs, upright, at full size and under their own names."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from wsss.data.dataset import Dataset
from wsss.data.images import IGNORE, read_labels, write_labels
from wsss.data.index import IndexRow
from wsss.data.photographs import upright_image
from wsss.files import remove_tree, write_csv, write_json
from wsss.manifests.listed_files import ListedFiles
from wsss.manifests.rows import write_manifest
from wsss.progress import track
from wsss.reporting.figures import DOTS_PER_INCH, save_figure
from wsss.reporting.mask_images import MaskFiles, enlarge_labels, mask_files, overlay, shares_of, write_overlay


def write_masks(dataset: Dataset, labels: Mapping[str, ListedFiles], folder: Path, workers: int) -> None:
    """Write the masks of every image of some splits for people.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    labels : Mapping[str, ListedFiles]
        The label images of each split whose images are written. An image in two of them is written once.
    folder : Path
        The folder to write. What was in it is removed. It gets labels/ (8-bit indexed PNG, the config's values),
        overlays/ (the photograph under the colours of the classes), labels.json and legend.png (what the values mean),
        and, last, index.csv (a row for each photograph: its files, and the share of each class in its pixels). Beside
        it is masks.tsv, the manifest of all these.
    workers : int
        Threads, at least 1.
    """
    split_of = {image_id: split for split in reversed(list(labels)) for image_id in dataset.ids(split)}
    rows = sorted((dataset.index[image_id] for image_id in split_of), key=lambda row: row.file)
    files = mask_files([row.file for row in rows])
    remove_tree(folder)
    write_json(folder / "labels.json", dataset.values.legend())
    _draw_legend(dataset.values.legend(), folder / "legend.png")

    def write(row: IndexRow) -> dict[str, Any]:
        shares = _write_mask(dataset, row, labels[split_of[row.id]], folder, files[row.file])
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
    made = sorted(str(path.relative_to(folder.parent)) for path in folder.rglob("*") if path.is_file())
    write_manifest(folder.parent / "masks.tsv", folder.parent, [(name, name) for name in made])


def _write_mask(
    dataset: Dataset, row: IndexRow, source: ListedFiles, folder: Path, files: MaskFiles
) -> dict[str, float]:
    """Write the label image and the overlay of an image. Returns the share of each class in its pixels."""
    content = source.content(row.id, "label image")
    labels = enlarge_labels(read_labels(source.path(row.id), content), row.full_size)
    write_labels(folder / files.labels, labels)
    photograph = upright_image(dataset.photograph_path(row.id))
    write_overlay(folder / files.overlay, overlay(photograph, labels, 0 if dataset.has_background else None))
    return shares_of(labels, dataset.values.classes)


def _own_path(row: IndexRow) -> str:
    """The photograph's path in the user's folder."""
    return row.file.removeprefix("dataset/")


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

"""Label images of a shard, one PNG for each image, and their manifest."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from wsss.data.images import write_labels
from wsss.data.label_values import LabelValues
from wsss.errors import WsssError
from wsss.files import write_json
from wsss.manifests.listed_files import ListedFiles
from wsss.manifests.making_again import making_again
from wsss.manifests.rows import write_manifest
from wsss.manifests.single_files import list_file
from wsss.progress import track


def write_label_shard(
    values: LabelValues,
    ids: Sequence[str],
    labels_of: Callable[[str], np.ndarray],
    folder: Path,
    manifest: Path,
    what: str,
) -> None:
    """Write `folder`/labels/<id>.png for every id, then `manifest`.

    `labels_of` gives class numbers, uint8 (H, W). The files hold the values of the classes. labels.json beside their
    folder names the values.
    """
    for image_id in track(ids, len(ids), what):
        write_labels(label_path(folder, image_id), values.values[labels_of(image_id)])
    write_json(folder / "labels.json", values.legend())
    list_file(folder / "labels.json")
    write_manifest(manifest, folder, [(image_id, str(label_path(Path(), image_id))) for image_id in ids])


def listed_labels(labels: ListedFiles, image_id: str, values: LabelValues, size: tuple[int, int]) -> np.ndarray:
    """The class numbers of the label image of an image, uint8 `size`, compared with its sum in the manifest.

    Raises WsssError if the file is missing or damaged, or is of an image of another size.
    """
    numbers = values.read(labels.path(image_id), labels.content(image_id, "label image"))
    if numbers.shape != size:
        raise WsssError(
            f"{labels.path(image_id)} is of {numbers.shape[0]} x {numbers.shape[1]} pixels, and its image of "
            f"{size[0]} x {size[1]}; {making_again(*labels.sources(image_id))}"
        )
    return numbers


def label_path(folder: Path, image_id: str) -> Path:
    """The path of an image's labels in the folder of their stage."""
    return folder / "labels" / f"{image_id}.png"

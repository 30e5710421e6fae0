"""Label images of a shard, one PNG for each image, and their manifest."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from wsss.data.images import write_labels
from wsss.data.label_values import LabelValues
from wsss.files import write_json
from wsss.manifests.rows import write_manifest
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
    write_manifest(manifest, folder, [(image_id, str(label_path(Path(), image_id))) for image_id in ids])


def label_path(folder: Path, image_id: str) -> Path:
    """The path of an image's labels in the folder of their stage."""
    return folder / "labels" / f"{image_id}.png"

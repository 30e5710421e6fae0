"""Label images of a shard, one PNG for each image, and their manifest."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from wsss.data.images import write_labels
from wsss.data.label_values import LabelValues
from wsss.files import write_json
from wsss.progress import track
from wsss.stores.shards import Shard


def write_label_shard(
    values: LabelValues,
    ids: Sequence[str],
    labels_of: Callable[[str], np.ndarray],
    folder: Path,
    manifest: Path,
    what: str,
) -> None:
    """Write `folder`/labels/<id>.png for every id that an interrupted job has not written, then `manifest`.

    `labels_of` gives class numbers, uint8 (H, W). The files hold the values of the classes. labels.json beside their
    folder names the values.
    """
    shard = Shard(ids, lambda image_id: str(label_path(Path(), image_id)), folder, manifest)
    left = shard.left()
    for image_id in track(left, len(ids), what, start=len(ids) - len(left)):
        write_labels(label_path(folder, image_id), values.values[labels_of(image_id)])
        shard.add(image_id)
    write_json(folder / "labels.json", values.legend())
    shard.finish()


def label_path(folder: Path, image_id: str) -> Path:
    """The path of an image's labels in the folder of their stage."""
    return folder / "labels" / f"{image_id}.png"

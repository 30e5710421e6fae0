"""The ground truth as training labels, for a fully supervised upper bound."""

from collections.abc import Sequence
from pathlib import Path

from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.stores.label_images import write_label_shard


def write_truth_shard(dataset: Dataset, ids: Sequence[str], folder: Path, manifest: Path) -> None:
    """Write the masks of `ids` into `folder`/labels as training labels, then their manifest.

    Raises WsssError if any image of train has no mask, also one of another shard, so that all shards say the same.
    """
    train = dataset.ids("train")
    without = [image_id for image_id in train if not dataset.index[image_id].mask]
    if without:
        raise WsssError(
            f"{len(without)} of {len(train)} images of train have no mask, the first is {without[0]} "
            f"({dataset.index[without[0]].file}): supervision: truth and report.recovery: true train on the masks of "
            "all of them; add the masks, or leave these settings out"
        )
    write_label_shard(dataset.values, ids, dataset.truth, folder, manifest, "taking the truth")

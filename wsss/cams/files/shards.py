"""Writes stores of CAMs that were made elsewhere."""

from collections.abc import Sequence
from pathlib import Path

from wsss.cams.files.reading import CamFileReader
from wsss.data.dataset import Dataset
from wsss.settings.cam_files import CamFileSettings
from wsss.stores.image_store import write_store_shard
from wsss.stores.pipelining import in_background


def write_cam_file_shard(
    dataset: Dataset, ids: Sequence[str], folder: Path, settings: CamFileSettings, stage_folder: Path, manifest: Path
) -> None:
    """Write the CAMs of some images, read from files, as stores, then their manifest.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    ids : Sequence[str]
        The images of the shard.
    folder : Path
        The folder of the files.
    settings : CamFileSettings
        Their format, and what their numbers mean.
    stage_folder : Path
        The stage's folder; stores go to stores/<id>.zarr.zip below it.
    manifest : Path
        The list of the stores; see `write_manifest`.

    Raises
    ------
    WsssError
        If a file cannot be used. `check_cam_files` names all of them at once.
    """
    reader = CamFileReader(dataset, folder, settings)
    write_store_shard(ids, lambda left: in_background(reader.read, left), stage_folder, manifest, "CAMs from files")

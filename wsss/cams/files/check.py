"""One pass over a folder of CAM files, before anything is trained on them. All faults are named at once."""

from collections.abc import Sequence
from pathlib import Path

from wsss.cams.files.reading import CamFileReader
from wsss.data.brought_files import faults_of, refuse_all
from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.settings.cam_files import CamFileSettings


def check_cam_files(
    dataset: Dataset, ids: Sequence[str], folder: Path, settings: CamFileSettings, workers: int = 1
) -> None:
    """Read the CAM files of all these images.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    ids : Sequence[str]
        The images of train and val.
    folder : Path
        The folder of the files.
    settings : CamFileSettings
        Their format, and what their numbers mean.
    workers : int
        Threads that read files, at least 1.

    Raises
    ------
    WsssError
        If the folder or files are missing, cannot be read, or do not fit their images. The first ten images are named,
        each with everything that is wrong with its files, and how many more there are.
    """
    if not folder.is_dir():
        raise WsssError(f"missing folder of CAM files: {folder}")
    # Nothing is stored here, and to convert maps to float16 takes longer than to read them.
    reader = CamFileReader(dataset, folder, settings.model_copy(update={"store_dtype": "float32"}))

    def read(image_id: str) -> None:
        try:
            reader.read(image_id)
        except WsssError as error:
            raise WsssError(f"{image_id}: {error}") from None

    wanted = list(dict.fromkeys(ids))
    faults = faults_of(wanted, read, workers, "checking CAM files")
    refuse_all(f"{folder}: the CAM files of {len(faults)} of {len(wanted)} images cannot be used:", faults)

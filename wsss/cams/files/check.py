"""One pass over a folder of CAM files, before anything is trained on them. All faults are named at once."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wsss.cams.files.reading import CamFileReader
from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.progress import track
from wsss.settings.cam_files import CamFileSettings

SHOWN = 10
MOST_READERS = 8


def check_cam_files(dataset: Dataset, ids: Sequence[str], folder: Path, settings: CamFileSettings) -> None:
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

    def fault(image_id: str) -> str:
        try:
            reader.read(image_id)
        except WsssError as error:
            return f"{image_id}: {error}"
        return ""

    wanted = list(dict.fromkeys(ids))
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_READERS)) as pool:
        faults = [one for one in track(pool.map(fault, wanted), len(wanted), "checking CAM files") if one]
    if faults:
        more = [f"and {len(faults) - SHOWN} more images"] if len(faults) > SHOWN else []
        head = f"{folder}: the CAM files of {len(faults)} of {len(wanted)} images cannot be used"
        raise WsssError("\n  ".join([head, *faults[:SHOWN], *more]))

"""What the plan asks of the places on this machine: where a dataset comes from, and what its tables say.

A step depends on what lies in a place, never on the place: a moved folder of equal content makes nothing anew.
"""

from pathlib import Path
from typing import Literal

from wsss.data.voc_layout import image_labels_path, list_path, own_lists_folder
from wsss.plan.provenance import content_digest
from wsss.settings.data import DataSettings, FolderSettings, SyntheticSettings, Voc12Settings, is_own_list
from wsss.settings.run import LocationSettings

Source = Literal["synthetic", "voc12", "folder"]


def source_of(data: DataSettings, locations: LocationSettings) -> Source:
    """What a dataset is made ready from: VOC 2012 from a folder too, where `locations.dataset` names one."""
    if isinstance(data, Voc12Settings) and locations.dataset is not None:
        return "folder"
    return data.kind


def train_list_file(data: Voc12Settings | FolderSettings, locations: LocationSettings, project: Path) -> Path | None:
    """The file of a dataset's train list on this machine; None where it is not there."""
    name, own_lists = data.lists.train, own_lists_folder(locations.lists, project)
    if (own_lists if is_own_list(name) else locations.dataset) is None:
        return None
    file = list_path(Path(locations.dataset or ""), name, own_lists)
    return file if file.is_file() else None


def tables_digest(data: DataSettings, locations: LocationSettings, project: Path) -> str:
    """Digest of the lists and image-level labels that making a dataset ready reads; empty where it reads none.

    These are tables that people correct: their content is a parameter of the step, so a correction makes it run again.
    VOC's archives have sums of their own, so only lists of the user's own count there.
    """
    if isinstance(data, SyntheticSettings):
        return ""
    names = sorted(set(data.lists.model_dump().values()))
    own_lists = own_lists_folder(locations.lists, project)
    if source_of(data, locations) == "voc12":
        own = [list_path(Path(), name, own_lists) for name in names if is_own_list(name)]
        labels = [image_labels_path(own_lists)] if own_lists else []
        return content_digest([*own, *labels]) if own else ""
    if locations.dataset is None:
        return ""
    source = Path(locations.dataset)
    return content_digest(
        [image_labels_path(source, own_lists), *(list_path(source, name, own_lists) for name in names)]
    )

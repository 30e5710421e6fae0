"""What the plan reads on this machine: where a dataset comes from, and the content of its tables.

A step depends on the content of a folder, not on its path. If a folder is moved, nothing is made again.
"""

from pathlib import Path
from typing import Literal

from wsss.data.voc_layout import image_labels_path, list_path, own_lists_folder, voc_folder, voc_list_path, voc_tables
from wsss.plan.provenance import content_digest
from wsss.settings.data import DataSettings, FolderSettings, SyntheticSettings, Voc12Settings, is_own_list
from wsss.settings.run import LocationSettings

Source = Literal["synthetic", "voc12", "folder"]


def source_of(data: DataSettings, locations: LocationSettings) -> Source:
    """The source of a dataset. For VOC 2012 it is a folder if `locations.dataset` names one."""
    if isinstance(data, Voc12Settings) and locations.dataset is not None:
        return "folder"
    return data.kind


def dataset_folder(data: DataSettings, locations: LocationSettings) -> Path | None:
    """The user's folder that a dataset's photographs are in; None if it is made from archives or from a seed."""
    if locations.dataset is None or source_of(data, locations) != "folder":
        return None
    named = Path(locations.dataset)
    return voc_folder(named) if isinstance(data, Voc12Settings) else named


def train_list_file(data: Voc12Settings | FolderSettings, locations: LocationSettings, project: Path) -> Path | None:
    """The file of a dataset's train list on this machine; None if it is not there."""
    name, own_lists = data.lists.train, own_lists_folder(locations.lists, project)
    folder = dataset_folder(data, locations)
    if (own_lists if is_own_list(name) else folder) is None:
        return None
    find = voc_list_path if isinstance(data, Voc12Settings) else list_path
    file = find(folder or Path(), name, own_lists)
    return file if file.is_file() else None


def tables_digest(data: DataSettings, locations: LocationSettings, project: Path) -> str:
    """Digest of the lists and image-level labels that a dataset is prepared from; empty if there are none.

    Users may correct these tables. Their content is a parameter of the step, so a correction makes it run again. For
    VOC's archives, which have their own sums, only the user's own lists and labels count.
    """
    if isinstance(data, SyntheticSettings):
        return ""
    names = sorted(set(data.lists.by_split().values()))
    own_lists, folder = own_lists_folder(locations.lists, project), dataset_folder(data, locations)
    if source_of(data, locations) == "voc12":
        own = [list_path(Path(), name, own_lists) for name in names if is_own_list(name)]
        labels = [image_labels_path(own_lists)] if own_lists else []
        return content_digest([*own, *labels]) if own or any(file.is_file() for file in labels) else ""
    if folder is None:
        return ""
    if isinstance(data, Voc12Settings):
        return content_digest(voc_tables(folder, names, own_lists))
    return content_digest(
        [image_labels_path(folder, own_lists), *(list_path(folder, name, own_lists) for name in names)]
    )

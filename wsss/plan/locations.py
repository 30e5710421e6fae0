"""What the plan reads on this machine: where a dataset comes from, and the content of its tables.

A step depends on the content of a folder, not on its path. If a folder is moved, nothing is made again.
"""

from functools import cache
from pathlib import Path
from typing import Literal

from wsss.data.folder_digest import digest_of_place
from wsss.data.sources.own_files import find_labels, find_own_file
from wsss.data.sources.photograph_files import look_into
from wsss.data.sources.voc_layout import (
    image_labels_path,
    list_path,
    own_lists_folder,
    voc_folder,
    voc_list_path,
    voc_tables,
)
from wsss.errors import WsssError
from wsss.plan.provenance import content_digest, short_hash
from wsss.plan.stages import ROOT
from wsss.settings.base import Settings
from wsss.settings.cam_files import ENDINGS, CamFileSettings
from wsss.settings.coco import Coco14Settings, CocoSettings
from wsss.settings.data import DataSettings, FolderSettings, SyntheticSettings, Voc12Settings, is_own_list
from wsss.settings.locations import LocationSettings
from wsss.settings.own_images import ImagesSettings
from wsss.settings.run import named_files

Source = Literal["synthetic", "voc12", "folder", "images", "coco14", "coco"]
# Sources that read the folder locations.dataset.
FOLDERS: tuple[Source, ...] = ("folder", "images", "coco")
# The folder of remembered sums of users' files, below the results.
SUMS = ".sums"


def source_of(data: DataSettings, locations: LocationSettings) -> Source:
    """The source of a dataset. VOC 2012 and COCO 2014 come from their archives, or from `locations.dataset` if set."""
    if locations.dataset is not None and isinstance(data, Voc12Settings):
        return "folder"
    if locations.dataset is not None and isinstance(data, Coco14Settings):
        return "coco"
    return data.kind


def dataset_folder(data: DataSettings, locations: LocationSettings) -> Path | None:
    """The user's folder that a dataset's photographs are in; None if it is made from archives or from a seed."""
    if locations.dataset is None or source_of(data, locations) not in FOLDERS:
        return None
    named = Path(locations.dataset)
    return voc_folder(named) if isinstance(data, Voc12Settings) else named


def place_of_files(stage: str, settings: Settings, locations: LocationSettings) -> Path:
    """Where the user's files are that a stage is read from. The settings must name some, as `read_config` checks."""
    return Path(getattr(locations, stage)[named_files(settings)])


def content_of_files(stage: str, settings: Settings, locations: LocationSettings) -> str:
    """A digest of the user's files that a stage is read from."""
    place = place_of_files(stage, settings, locations)
    return _content_of(place.absolute(), ENDINGS[settings.format] if isinstance(settings, CamFileSettings) else "")


@cache
def _content_of(place: Path, ending: str) -> str:
    """The digest of a place, computed once in a process. Reading gigabytes at every start would take long."""
    return digest_of_place(place, ending, Path(ROOT) / SUMS / f"{short_hash(f'{place} {ending}', 12)}.json")


def train_list_file(data: Voc12Settings | FolderSettings, locations: LocationSettings, project: Path) -> Path | None:
    """The file of a dataset's train list on this machine; None if it is not there."""
    name, own_lists = data.lists.train, own_lists_folder(locations.lists, project)
    folder = dataset_folder(data, locations)
    if (own_lists if is_own_list(name) else folder) is None:
        return None
    find = voc_list_path if isinstance(data, Voc12Settings) else list_path
    file = find(folder or Path(), name, own_lists)
    return file if file.is_file() else None


def table_places(data: DataSettings, locations: LocationSettings, project: Path) -> list[Path]:
    """The folders of a user that hold the lists and labels of a dataset."""
    places = (dataset_folder(data, locations), own_lists_folder(locations.lists, project))
    return [place for place in places if place is not None]


def tables_digest(data: DataSettings, locations: LocationSettings, project: Path) -> str:
    """Digest of the lists and image-level labels that a dataset is prepared from; empty if there are none.

    Users may correct these tables. Their content is a parameter of the step, so a correction makes it run again. The
    official archives and files have their own sums or counts; of them, only the user's own lists and labels count.
    """
    if isinstance(data, SyntheticSettings | Coco14Settings):
        return ""
    if isinstance(data, CocoSettings):
        files = [file for file in (data.train, data.val) if file is not None]
        return content_digest(Path(locations.dataset or "") / file for file in files)
    names = sorted(set(data.lists.by_split().values()))
    own_lists, folder = own_lists_folder(locations.lists, project), dataset_folder(data, locations)
    if source_of(data, locations) == "voc12":
        own = [list_path(Path(), name, own_lists) for name in names if is_own_list(name)]
        labels = [image_labels_path(own_lists)] if own_lists else []
        return content_digest([*own, *labels]) if own or any(file.is_file() for file in labels) else ""
    if folder is None:
        return ""
    if isinstance(data, ImagesSettings):
        return _digest_of_own_images(data, folder, own_lists)
    if isinstance(data, Voc12Settings):
        return content_digest(voc_tables(folder, names, own_lists))
    return content_digest(
        [image_labels_path(folder, own_lists), *(list_path(folder, name, own_lists) for name in names)]
    )


def _digest_of_own_images(data: ImagesSettings, source: Path, own_lists: Path | None) -> str:
    """Digest of the names of all files in a folder of images, and of the content of its labels and lists.

    A missing folder or file counts as empty. The step that reads it says what is missing.
    """
    try:
        content = look_into(source)
        labels = find_labels(data.labels, source, own_lists)
        lists = [find_own_file(name, source, own_lists, "") for name in data.lists.by_split().values()]
    except WsssError:
        return ""
    names = short_hash("\n".join(content.photographs), 12)
    return short_hash(names + content_digest([*([labels] if labels else []), *lists]), 12)

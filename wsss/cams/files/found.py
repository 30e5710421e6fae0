"""Which files of a folder belong to an image."""

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

from wsss.data.dataset import Dataset
from wsss.settings.cam_files import ENDINGS, CamFileFormat


class CamFolder:
    """A folder of CAM files, looked up by image.

    A file has the id of its image as its name, or the path or the plain name of the photograph without the ending. A
    plain name counts only if one photograph alone has it.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    folder : Path
        The folder of CAM files.
    """

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        self.folder = folder
        self.photographs = {
            image_id: PurePosixPath(row.file).relative_to("dataset").with_suffix("")
            for image_id, row in dataset.index.items()
        }
        self._bearers = Counter(path.name for path in self.photographs.values())

    def names(self, image_id: str) -> list[str]:
        """Names that files of an image may have, the first that is there counts."""
        path = self.photographs[image_id]
        is_own = self._bearers[path.name] == 1 and path.name not in self.photographs
        return list(dict.fromkeys([image_id, str(path), *([path.name] if is_own else [])]))

    def file(self, image_id: str, file_format: CamFileFormat) -> Path | None:
        """The file of an image, of a format with one file for each image; None if it is missing."""
        folders = [self.folder, *([self.folder / "stores"] if file_format == "store" else [])]
        places = (folder / f"{name}{ENDINGS[file_format]}" for name in self.names(image_id) for folder in folders)
        return next((place for place in places if place.is_file()), None)

    def class_images(self, image_id: str) -> dict[str, Path]:
        """The PNG file of each class of an image, by the class's name or number as the file's name has it."""
        for name in self.names(image_id):
            found = {path.stem: path for path in _pngs(self.folder / name)}
            if found := found | self._flat.get(name, {}):
                return found
        return {}

    @cached_property
    def _flat(self) -> dict[str, dict[str, Path]]:
        """Files <name>_<class>.png by name and class. Of the names that a file may begin with, the longest counts."""
        known = {name for image_id in self.photographs for name in self.names(image_id)}
        found: dict[str, dict[str, Path]] = {}
        for path in _pngs(self.folder):
            parts = path.stem.split("_")
            for count in range(len(parts) - 1, 0, -1):
                if (name := "_".join(parts[:count])) in known:
                    found.setdefault(name, {})["_".join(parts[count:])] = path
                    break
        return found


def _pngs(folder: Path) -> Iterator[Path]:
    """The PNG files of a folder, in the order of their names. Hidden ones are left out."""
    return (path for path in sorted(folder.glob("*.png")) if not path.name.startswith("."))

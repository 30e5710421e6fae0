"""Masks that users have for some of their photographs, matched by name."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from wsss.data.sources.image_splits import OwnList
from wsss.data.sources.photograph_files import look_into
from wsss.data.sources.photograph_names import PhotographNames
from wsss.errors import WsssError

logger = logging.getLogger("wsss")


def masks_in_folder(folder: Path, masks: str, names: PhotographNames) -> dict[str, str]:
    """The masks of a folder, by their photograph.

    A mask has the path of its photograph below the folder of the masks, or its name, and ends in .png.

    Parameters
    ----------
    folder : Path
        The folder of the photographs.
    masks : str
        The folder of the masks below it.
    names : PhotographNames
        The photographs.

    Returns
    -------
    dict[str, str]
        The path of each mask below `folder`, by its photograph's.

    Raises
    ------
    WsssError
        If the folder is missing, no mask fits a photograph, or one fits several, or several fit one.
    """
    check_masks_folder(folder, masks)
    found: dict[str, str] = {}
    strays = []
    for mask in look_into(folder / masks, endings=(".png",)).photographs:
        path = f"{masks.rstrip('/')}/{mask}"
        photograph = _photograph_of(mask, path, names)
        if photograph is None:
            strays.append(path)
        elif found.setdefault(photograph, path) != path:
            raise WsssError(f"{path} and {found[photograph]} may both be the mask of {photograph}: delete one of them")
    if not found:
        raise WsssError(
            f"data.masks: no file in {folder / masks} is the mask of a photograph: it has the photograph's name and "
            "ends in .png"
        )
    if strays:
        logger.warning("%d masks belong to no photograph, the first is %s", len(strays), strays[0])
    return found


def check_masks_folder(folder: Path, masks: str) -> None:
    """Raise WsssError if there is no folder `masks` below the folder of photographs."""
    if folder.is_dir() and not (folder / masks).is_dir():
        raise WsssError(f"data.masks: no folder {folder / masks}: correct the name, or leave data.masks out")


def _photograph_of(mask: str, path: str, names: PhotographNames) -> str | None:
    """The photograph of a mask: of the same path, else of the same name."""
    stem = PurePosixPath(mask).stem
    for name in dict.fromkeys([str(PurePosixPath(mask).with_name(stem)), stem]):
        if name in names:
            return names.find(name, path)
    return None


def masks_of_lists(folder: Path, lists: Mapping[str, OwnList], names: PhotographNames) -> dict[str, str]:
    """The masks that lists of pairs name, by their photograph. Raises WsssError, with the line, for a missing one."""
    found: dict[str, str] = {}
    for own in lists.values():
        for entry in own.entries:
            if entry.mask is None:
                continue
            place, mask = f"{own.path}, line {entry.line}", below(entry.mask)
            if mask is None or not (folder / mask).is_file():
                raise WsssError(f"{place}: no mask {entry.mask} below {folder}: correct the path, or leave it out")
            photograph = names.find(entry.photograph, place)
            if found.setdefault(photograph, mask) != mask:
                raise WsssError(f"{place}: {photograph} has another mask, {found[photograph]}, in another list")
    return found


def without_masks(photographs: Sequence[str], lists: Mapping[str, OwnList]) -> list[str]:
    """The photographs without the files in folders of masks, where lists of pairs say which folders these are."""
    pairs = [entry for own in lists.values() for entry in own.entries if entry.mask is not None]
    of_photographs = {str(PurePosixPath(path).parent) for entry in pairs if (path := below(entry.photograph))}
    of_masks = {str(PurePosixPath(path).parent) for entry in pairs if (path := below(str(entry.mask)))}
    masks = {below(str(entry.mask)) for entry in pairs}
    folders = of_masks - of_photographs
    return [one for one in photographs if one not in masks and str(PurePosixPath(one).parent) not in folders]


def folders_like_masks(photographs: Sequence[str]) -> list[str]:
    """Folders that hold PNG files alone, each with the name of a photograph of another ending in another folder."""
    paths = [PurePosixPath(path) for path in photographs]
    others = {path.stem for path in paths if path.suffix.lower() != ".png"}
    folders: dict[str, bool] = {}
    for path in paths:
        like = path.suffix.lower() == ".png" and path.stem in others
        folders[str(path.parent)] = folders.get(str(path.parent), True) and like
    return [folder for folder, like in folders.items() if like and folder != "."]


def below(path: str) -> str | None:
    """A path of a list as one below the folder of photographs; None if it leads out of it."""
    parts = [part for part in PurePosixPath(path.replace("\\", "/")).parts if part != "/"]
    return None if ".." in parts or not parts else "/".join(parts)

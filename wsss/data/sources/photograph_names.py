"""Which photograph a table or a list means by a name."""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from wsss.data.sources.lists import ENDING
from wsss.errors import WsssError


class PhotographNames:
    """The names by which tables and lists may call the photographs of a folder.

    A name is compared with whole paths first, then with paths without the ending, then with names without the folder,
    and at last with names without folder and ending. Upper and lower case differ. Blanks at the ends of a name, which
    tables and lists do not keep, and the two slashes differ only where several photographs do.

    Parameters
    ----------
    folder : Path
        The folder, for messages.
    photographs : Sequence[str]
        Paths of the photographs below the folder.
    """

    def __init__(self, folder: Path, photographs: Sequence[str]) -> None:
        self.folder = folder
        paths = {path: unicodedata.normalize("NFC", path) for path in photographs}
        names = {path: PurePosixPath(same).name for path, same in paths.items()}
        forms = [
            paths,
            {path: without_ending(same) for path, same in paths.items()},
            names,
            {path: without_ending(name) for path, name in names.items()},
        ]
        self._ways = [_by_value(form) for form in (*forms, *map(_as_tables_hold_it, forms))]
        self._loosely = _by_value({path: without_ending(name).casefold() for path, name in names.items()})

    def candidates(self, name: str) -> Sequence[str]:
        """The photographs that a name may stand for: none, one, or several that fit equally well."""
        same = _plain(name)
        for way in self._ways:
            if found := way.get(same):
                return found
        return ()

    def __contains__(self, name: str) -> bool:
        return bool(self.candidates(name))

    def find(self, name: str, where: str) -> str:
        """The photograph that a name stands for.

        Parameters
        ----------
        name : str
            A name as a table or list has it.
        where : str
            The place of the name, for messages.

        Returns
        -------
        str
            The path of the photograph below the folder.

        Raises
        ------
        WsssError
            If no photograph has this name, or several.
        """
        found = self.candidates(name)
        if len(found) == 1:
            return found[0]
        if found:
            raise WsssError(
                f"{where}: {name!r} may be {found[0]} or {found[1]}: write the path with its ending, "
                "or set data.masks if one of them is a mask"
            )
        raise WsssError(f"{where}: {self.why_unknown(name)}")

    def why_unknown(self, name: str) -> str:
        """That no photograph has this name, and which one has a name that is nearly the same."""
        text = f"{name[:200]!r} is no photograph in {self.folder}"
        near = self._loosely.get(without_ending(PurePosixPath(_plain(name)).name).casefold(), ())
        return f"{text}: is {near[0]!r} meant?" if near else f"{text}: correct the name, or take it out"


def without_ending(path: str) -> str:
    """A path without the ending of a photograph. Other dots stay."""
    return ENDING.sub("", path)


def _plain(name: str) -> str:
    """A name in the form that paths of photographs have."""
    same = unicodedata.normalize("NFC", name).replace("\\", "/")
    while same.startswith(("/", "./")):
        same = same.removeprefix("./").lstrip("/")
    return same


def _as_tables_hold_it(names: Mapping[str, str]) -> dict[str, str]:
    """The names that are another text in a table: without blanks at their ends, and with the other slash."""
    held = {path: _plain(name).strip() for path, name in names.items()}
    return {path: name for path, name in held.items() if name != names[path]}


def _by_value(values: Mapping[str, str]) -> dict[str, list[str]]:
    """The photographs of each value."""
    found: dict[str, list[str]] = {}
    for path, value in values.items():
        found.setdefault(value, []).append(path)
    return found

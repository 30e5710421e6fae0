"""The names of the classes in label images, as a user gives them or as a labels.json beside the images says."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from wsss.commands.label_pairs import LEGEND
from wsss.data.images import IGNORE
from wsss.errors import WsssError

# A labels.json, names with commas between, names of the values from 0 on, or names by value.
ClassNames = str | Path | Sequence[str] | Mapping[int, str]


def class_names(classes: ClassNames | None, folders: Sequence[Path]) -> dict[int, str] | None:
    """The names of the classes by value; None if nothing says them."""
    if classes is None:
        file = next((folder / LEGEND for folder in folders if (folder / LEGEND).is_file()), None)
        return None if file is None else _names_in(file)
    if isinstance(classes, Mapping):
        return _checked(classes, "classes")
    if isinstance(classes, Path) or (isinstance(classes, str) and classes.endswith(".json")):
        return _names_in(Path(classes))
    names = [name.strip() for name in (classes.split(",") if isinstance(classes, str) else classes)]
    if not all(names) or len(set(names)) < len(names) or len(names) > IGNORE:
        raise WsssError("--classes: name each value once, from 0 on, with commas between: background,cat,dog")
    return dict(enumerate(names))


def _names_in(file: Path) -> dict[int, str]:
    """The names in a labels.json, without that of 255."""
    try:
        content = json.loads(file.read_text())
        named = {int(value): str(one["name"]) for value, one in content.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WsssError(
            f"{file} cannot be read as names of values ({type(error).__name__}): it is like "
            '{"0": {"name": "background"}, "8": {"name": "cat"}}'
        ) from None
    return _checked(named, str(file))


def _checked(named: Mapping[int, str], told: str) -> dict[int, str]:
    """The names by ascending value, without that of 255. `told` is what messages call them."""
    if not named or not all(value in range(IGNORE + 1) for value in named):
        raise WsssError(f"{told}: values of classes are 0..254, and one at least is needed")
    names = [named[value] for value in sorted(named) if value != IGNORE]
    if twice := [name for name in names if names.count(name) > 1]:
        raise WsssError(f"{told}: {twice[0]} is the name of two values: give each its own")
    return {value: named[value] for value in sorted(named) if value != IGNORE}

"""What `wsss init` finds in a folder of photographs with a table, lists or folders as labels: `kind: images`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wsss.commands.init.choices import MOST_PIXELS
from wsss.commands.init.found import FEWEST_FOR_VAL, USUAL_HOLDOUT, Found, notes
from wsss.commands.init.request import Request
from wsss.data.listing import Listing
from wsss.data.sources.label_tables import SPLITS, LabelTable
from wsss.data.sources.own_files import USUAL_LABELS, find_labels
from wsss.data.sources.own_images import list_images, read_labels
from wsss.data.sources.photograph_files import look_into
from wsss.data.sources.photograph_names import PhotographNames
from wsss.errors import WsssError
from wsss.settings.own_images import FOLDERS, LABEL_ENDINGS, ImagesSettings


def find_own_images(request: Request) -> Found:
    """The dataset of a folder of photographs.

    Parameters
    ----------
    request : Request
        What the user asks for. Its labels are no COCO file.

    Returns
    -------
    Found
        The dataset. Which photographs are val is said by lists, a table or folders, else drawn.

    Raises
    ------
    WsssError
        For missing or wrong files.
    """
    folder = request.photographs
    _check_folder(folder)
    place, labels, lists = _labels_and_lists(request)
    path = find_labels(labels, folder, place)
    values = {
        "kind": "images",
        "name": request.dataset_name,
        "labels": FOLDERS if path is None else labels or path.name,
        "lists": lists,
        "masks": None if request.masks is None else _masks(folder, request.masks),
        "max_pixels": MOST_PIXELS,
        "on_bad_image": "skip" if request.skip_bad else "stop",
    }
    values |= _classes(request, ImagesSettings.read("data", values), path, place)
    data, listing, odd = _with_val(request, ImagesSettings.read("data", values), place)
    told = "the names of the folders" if path is None else str(path)
    told += "".join(f", {split} in {name}" for split, name in lists.items())
    beside = [] if lists or path is None else _unused_lists(path.parent)
    return Found(
        data, folder, place, told, listing, [*odd, *beside, *_not_used(data, listing, place)], len(listing.masks)
    )


def _check_folder(folder: Path) -> None:
    """Raise WsssError if results would lie among the photographs. The next run would take them for photographs."""
    here = Path.cwd()
    if any(place.samefile(folder) for place in (here, *here.parents)):
        raise WsssError(
            f"PHOTOS: {folder} holds the folder that you are in, and snakemake writes its results there, among the "
            "photographs: go to another folder, such as that of the project"
        )


def _labels_and_lists(request: Request) -> tuple[Path | None, str, dict[str, str]]:
    """The folder of lists, the name of the file of labels (empty: a usual one), and the lists of the splits."""
    folder, labels = request.photographs, request.labels
    if labels is None or _same(labels, folder):
        return None, "", lists_in(folder)
    if labels.is_dir():
        return labels, _table_in(labels), lists_in(labels)
    if labels.suffix.lower() not in LABEL_ENDINGS:
        raise WsssError(
            f"LABELS: {labels} is no file of labels: they end in {', '.join(LABEL_ENDINGS)}, or .json if they are "
            "COCO's; save a spreadsheet as CSV"
        )
    inside = _below(labels, folder)
    return (labels.parent, labels.name, {}) if inside is None else (None, inside, {})


def _table_in(folder: Path) -> str:
    """The name of the only table in a folder; empty if it has a usual name, or there is none."""
    if any((folder / name).is_file() for name in USUAL_LABELS):
        return ""
    found = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in (".csv", ".tsv", ".npy"))
    if len(found) > 1:
        raise WsssError(f"LABELS: {folder} holds {' and '.join(found[:3])}: name the one with the labels labels.csv")
    return found[0] if found else ""


def lists_in(folder: Path) -> dict[str, str]:
    """The lists of splits in a folder, such as train.txt and val.txt, by the split."""
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        split = SPLITS.get(path.stem.casefold())
        if split is None or path.suffix.lower() != ".txt" or not path.is_file():
            continue
        if other := found.get(split):
            raise WsssError(f"{folder} holds the lists {other} and {path.name}, both of {split}: delete or rename one")
        found[split] = path.name
    return found


def _classes(request: Request, data: ImagesSettings, path: Path | None, place: Path | None) -> dict[str, Any]:
    """The settings of the classes. Those that the user does not name are ignored, and keep their values in masks."""
    if not request.classes or (path is not None and path.suffix.lower() == ".npy"):
        return {"classes": list(request.classes) or None}
    names = _table(data, request.photographs, place).classes
    for name in request.classes:
        if name not in names:
            raise WsssError(f"--classes: {name!r} is none of the classes of the labels: {', '.join(names[:100])}")
    values = {name: value for value, name in enumerate(names, 1)}
    ignored = {name: value for name, value in values.items() if name not in request.classes}
    return {"classes": {name: values[name] for name in names if name in request.classes}, "ignored_classes": ignored}


def _table(data: ImagesSettings, folder: Path, place: Path | None) -> LabelTable:
    """The labels, row by row, without notes in the log."""
    with notes():
        return read_labels(data, folder, place, _photographs(data, folder))


def _photographs(data: ImagesSettings, folder: Path) -> Sequence[str]:
    return look_into(folder, [data.masks] if data.masks else []).photographs


def _masks(folder: Path, masks: Path) -> str:
    """The folder of masks below that of the photographs."""
    if not masks.is_absolute() and (folder / masks).is_dir():
        return str(masks)
    inside = _below(masks, folder)
    if inside is None or not masks.is_dir():
        raise WsssError(f"--masks: {masks} is no folder below {folder}: put the masks there")
    return inside


def _below(path: Path, folder: Path) -> str | None:
    """A path relative to a folder; None if it leads elsewhere."""
    absolute, top = Path(os.path.abspath(path)), Path(os.path.abspath(folder))  # noqa: PTH100
    return str(absolute.relative_to(top)) if top in absolute.parents else None


def _same(one: Path, other: Path) -> bool:
    return one.is_dir() and one.samefile(other)


def _with_val(request: Request, data: ImagesSettings, place: Path | None) -> tuple[ImagesSettings, Listing, list[str]]:
    """Settings, images and what is odd. val is drawn if the user wants it, or if nothing else says which it is."""
    folder, said = request.photographs, request.holdout
    if said:
        drawn = data.model_copy(update={"holdout": said, "seed": request.seed})
        if "val" in data.lists.by_split():
            raise WsssError(f"--holdout {said}: the list {data.lists.val} says which photographs are val; leave it out")
        return drawn, *_listed(drawn, folder, place)
    listing, odd = _listed(data, folder, place)
    labelled = len(listing.splits["train"])
    if said is not None or listing.splits["val"] or _table(data, folder, place).splits is not None:
        return data, listing, odd
    if labelled < FEWEST_FOR_VAL:
        few = (
            f"val is not drawn from {labelled} photographs with labels, fewer than {FEWEST_FOR_VAL}: --holdout draws it"
        )
        return data, listing, [*odd, few]
    drawn = data.model_copy(update={"holdout": USUAL_HOLDOUT, "seed": request.seed})
    try:
        return drawn, *_listed(drawn, folder, place)
    except WsssError:
        # The photographs were listed without a val. So there are too many classes of a single photograph for one.
        return data, listing, [*odd, "val is not drawn: it would take the last photograph of a class from train"]


def _listed(data: ImagesSettings, folder: Path, place: Path | None) -> tuple[Listing, list[str]]:
    with notes() as odd:
        return list_images(data, folder, place), odd


def _unused_lists(folder: Path) -> list[str]:
    """What is odd about lists beside a table that the user has named itself."""
    names = list(lists_in(folder).values())
    return [f"{' and '.join(names)} in {folder} not used: give this folder as LABELS to use them"] if names else []


def _not_used(data: ImagesSettings, listing: Listing, place: Path | None) -> list[str]:
    """How many photographs have no row, and how many are in no list."""
    folder, used = listing.folder, set(listing.photographs.values())
    photographs = _photographs(data, folder)
    names = PhotographNames(folder, photographs)
    rows = {one for name in _table(data, folder, place).names for one in names.candidates(name)}
    without = [one for one in photographs if one in used and one not in rows]
    masks = set(listing.masks.values())
    left = [one for one in photographs if one not in used and one not in masks]
    lines = []
    if without:
        lines.append(f"{len(without)} photographs have no row, such as {without[0]}: only masks are made of them")
    if left:
        lines.append(f"{len(left)} photographs are in no list and are not used, such as {left[0]}")
    return lines

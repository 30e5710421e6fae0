"""Which photographs are train, val and test: from lists, from a column of the table, or drawn."""

import hashlib
import logging
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsss.data.sources.lists import Listed, read_entries
from wsss.data.sources.own_files import find_own_file
from wsss.data.sources.photograph_names import PhotographNames
from wsss.errors import WsssError
from wsss.settings.own_images import ImagesSettings, OwnListSettings

logger = logging.getLogger("wsss")


@dataclass(frozen=True)
class OwnList:
    """The list of a split that the user has written, and its lines."""

    path: Path
    entries: Sequence[Listed]

    def photographs(self, names: PhotographNames) -> dict[str, str]:
        """The place of each photograph of the list, for messages, by its path.

        Raises WsssError, with the line, for a name that is no photograph, and for a photograph that is named twice.
        """
        self._refuse_unknown(names)
        places: dict[str, str] = {}
        for entry in self.entries:
            place = f"{self.path}, line {entry.line}"
            photograph = names.find(entry.photograph, place)
            if photograph in places:
                raise WsssError(f"{place}: {photograph} is in the list before ({places[photograph]}): delete one")
            places[photograph] = place
        return places

    def _refuse_unknown(self, names: PhotographNames) -> None:
        unknown = [entry for entry in self.entries if entry.photograph not in names]
        if unknown:
            more = f" ({len(unknown)} of {len(self.entries)} lines name none)" if len(unknown) > 1 else ""
            why = names.why_unknown(unknown[0].photograph)
            raise WsssError(f"{self.path}, line {unknown[0].line}: {why}{more}")


def read_own_lists(
    lists: OwnListSettings, folder: Path, own_lists: Path | None, names: PhotographNames
) -> dict[str, OwnList]:
    """The lists that the config names, by split.

    Parameters
    ----------
    lists : OwnListSettings
        The names of the files.
    folder : Path
        The folder of the photographs.
    own_lists : Path or None
        The folder where lists are looked for first.
    names : PhotographNames
        The photographs' names. A line that is one as a whole is not divided.

    Returns
    -------
    dict[str, OwnList]
        A list for each of `train`, `val` and `test` that has one.
    """
    paths = {
        split: find_own_file(name, folder, own_lists, f"data.lists.{split}") for split, name in lists.by_split().items()
    }
    return {split: OwnList(path, read_entries(path, names.__contains__)) for split, path in paths.items()}


def split_photographs(
    settings: ImagesSettings,
    photographs: Sequence[str],
    labels: Mapping[str, np.ndarray],
    column: Mapping[str, str] | None,
    lists: Mapping[str, Mapping[str, str]],
) -> dict[str, list[str]]:
    """Share the photographs out to train, val and test.

    Photographs without labels are test, unless a list says which ones are.

    Parameters
    ----------
    settings : ImagesSettings
        `holdout` and `seed`, and the names of the lists.
    photographs : Sequence[str]
        All photographs.
    labels : Mapping[str, np.ndarray]
        Labels of the photographs that have some: zeros and ones, (n,).
    column : Mapping[str, str] or None
        The split of each photograph with labels, if a table says it.
    lists : Mapping[str, Mapping[str, str]]
        For each split with a list, the place of each photograph in it.

    Returns
    -------
    dict[str, list[str]]
        Photographs of `train`, `val` and `test`.

    Raises
    ------
    WsssError
        If a photograph of train or val has no labels, or is in both, or if no photograph is left for train.
    """
    labelled = [photograph for photograph in photographs if photograph in labels]
    if column is not None:
        splits = {split: [one for one in labelled if column[one] == split] for split in ("train", "val", "test")}
    else:
        _check_lists(settings.lists, labels, lists)
        splits = {split: list(lists.get(split, ())) for split in ("train", "val", "test")}
        if "train" not in lists:
            taken = {one for own in lists.values() for one in own}
            splits["train"] = [one for one in labelled if one not in taken]
    if settings.holdout and splits["train"]:
        splits["val"] = draw_val(splits["train"], labels, settings.holdout, settings.seed)
        drawn = set(splits["val"])
        splits["train"] = [one for one in splits["train"] if one not in drawn]
    if "test" not in lists:
        splits["test"] += [one for one in photographs if one not in labels]
    _check_train(splits["train"], labels)
    _tell(splits, photographs, labels)
    return splits


def draw_val(train: Sequence[str], labels: Mapping[str, np.ndarray], share: float, seed: int) -> list[str]:
    """Draw val from the photographs with labels.

    Photographs of equal labels are drawn in proportion. The last photograph of a class in train is never drawn. A
    photograph's place in the draw depends on its path and the seed alone.

    Parameters
    ----------
    train : Sequence[str]
        Photographs to draw from.
    labels : Mapping[str, np.ndarray]
        Their labels: zeros and ones, (n,).
    share : float
        The share to draw, 0..1.
    seed : int
        The seed, at least 0.

    Returns
    -------
    list[str]
        The drawn photographs, in the order of `train`.

    Raises
    ------
    WsssError
        If none can be drawn.
    """
    left = count_classes(train, labels)
    drawn: set[str] = set()
    due = 0.5
    for photograph in sorted(train, key=lambda one: (labels[one].tobytes(), _drawn_number(one, seed))):
        due += share
        present = labels[photograph].astype(bool)
        if due >= 1 and len(drawn) < len(train) - 1 and (left[present] > 1).all():
            due -= 1
            drawn.add(photograph)
            left[present] -= 1
    if not drawn:
        raise WsssError(
            f"config: data.holdout = {share} draws none of {len(train)} photographs without taking the last one of a "
            "class from train: make it larger, or leave it out"
        )
    return [one for one in train if one in drawn]


def count_classes(photographs: Sequence[str], labels: Mapping[str, np.ndarray]) -> np.ndarray:
    """How many photographs have each class: int64 (n,)."""
    counts: np.ndarray = np.stack([labels[one] for one in photographs]).sum(axis=0, dtype=np.int64)
    return counts


def _drawn_number(photograph: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{unicodedata.normalize('NFC', photograph)}".encode()).digest()


def _check_lists(
    settings: OwnListSettings, labels: Mapping[str, np.ndarray], lists: Mapping[str, Mapping[str, str]]
) -> None:
    """Raise WsssError if a photograph of train or val has no labels, or is in both lists."""
    for split in ("train", "val"):
        own = lists.get(split, {})
        without = [one for one in own if one not in labels]
        if without:
            raise WsssError(
                f"{own[without[0]]}: {without[0]} has no labels ({len(without)} of {len(own)} photographs of "
                f"{split}): add a row to the table, or take it out of the list"
            )
    train, val = lists.get("train", {}), lists.get("val", {})
    shared = [one for one in val if one in train]
    if shared and settings.val != settings.train:
        raise WsssError(
            f"{val[shared[0]]}: {shared[0]} is in train too ({train[shared[0]]}), as are {len(shared) - 1} others: "
            "nothing may be trained on images of val; take it out of one of the lists"
        )


def _check_train(train: Sequence[str], labels: Mapping[str, np.ndarray]) -> None:
    if not train:
        raise WsssError("no photograph is left to train on: give some labels, or correct the lists or the column")
    if not any(labels[one].any() for one in train):
        raise WsssError(f"none of the {len(train)} photographs of train has a class: correct the labels")


def _tell(splits: Mapping[str, Sequence[str]], photographs: Sequence[str], labels: Mapping[str, np.ndarray]) -> None:
    """Say in the log how many photographs there are of each kind."""
    logger.info("%s", ", ".join(f"{split}: {len(own)} photographs" for split, own in splits.items()))
    if not splits["val"]:
        logger.warning("there is no val, so no score tells how the networks do on photographs they were not trained on")
    without = sum(one not in labels for one in photographs)
    if without:
        logger.info("%d photographs have no labels; they are not trained on", without)
    unused = len(set(photographs).difference(*splits.values()))
    if unused:
        logger.info("%d photographs are in none of the lists and are not used", unused)

"""Prepares a folder in VOC layout for the workflow: checks it, and writes its index and lists."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wsss.data.dataset import SPLITS
from wsss.data.image_ids import why_unsafe
from wsss.data.images import read_image
from wsss.data.lists import read_list
from wsss.data.voc_layout import image_labels_path, list_path
from wsss.errors import WsssError
from wsss.files import remove_tree, sha256_of, write_json, write_text
from wsss.progress import track

if TYPE_CHECKING:
    import pandas as pd


def prepare(
    source: Path,
    root: Path,
    classes: Mapping[str, int],
    ignored_classes: Mapping[str, int],
    lists: Mapping[str, str],
    workers: int = 1,
    own_lists: Path | None = None,
) -> None:
    """Make a folder in VOC layout ready for the workflow. Masks are not read.

    images.tsv is written last, after all checks have passed.

    Parameters
    ----------
    source : Path
        The folder in VOC layout. Its image_labels.csv holds the labels, unless `own_lists` has such a table.
    root : Path
        The folder of the prepared dataset; see `wsss.data.dataset.Dataset`.
    classes : Mapping[str, int]
        The value of each class in the masks, 1..254, by its name.
    ignored_classes : Mapping[str, int]
        The same for known classes that are left out.
    lists : Mapping[str, str]
        From train, train_scored and val to names under `source`/ImageSets/Segmentation, or to files of the folder
        `own_lists` (see `wsss.data.voc_layout.list_path`).
    workers : int
        Threads that decode images, at least 1.
    own_lists : Path or None
        The folder of the user's own lists.

    Raises
    ------
    WsssError
        For missing lists, lists that do not fit each other, missing or damaged images, label tables that do not fit the
        classes, and images of val that are in train too, unless both are the same list.
    """
    if not source.is_dir():
        raise WsssError(f"no dataset at {source}: set locations.dataset in the config to a folder in VOC layout")
    known = partial(_has_photograph, source)
    splits = {split: read_list(list_path(source, lists[split], own_lists), known) for split in SPLITS}
    stray = set(splits["train_scored"]) - set(splits["train"])
    if stray:
        raise WsssError(f"{min(stray)} is in the list {lists['train_scored']} but not in {lists['train']}")
    shared = set(splits["train"]) & set(splits["val"])
    if shared and lists["val"] not in (lists["train"], lists["train_scored"]):
        raise WsssError(
            f"{min(shared)} is in the list {lists['train']} and in {lists['val']}, as are {len(shared) - 1} others: "
            "nothing may be trained on images of val; without images to hold out, name the same list for both"
        )
    ids = sorted({image_id for split in splits.values() for image_id in split})
    labels = select_labels(image_labels_path(source, own_lists), ids, list(classes), list(ignored_classes))
    _link(source, root / "dataset")
    index = _index_images(root / "dataset", ids, workers)
    for split, members in splits.items():
        write_text(root / "lists" / f"{split}.txt", "\n".join(members) + "\n")
    write_text(root / "image_labels.csv", labels.to_csv(index=False, lineterminator="\n"))
    write_json(root / "dataset.json", {"classes": dict(classes), "ignored_classes": dict(ignored_classes)})
    write_text(root / "images.tsv", index)


def by_value(classes: Mapping[str, int]) -> dict[str, int]:
    """Classes in the order of their mask values, so that their order in a config does not change paths of artifacts."""
    return dict(sorted(classes.items(), key=lambda item: item[1]))


def check_lengths(source: Path, lists: Mapping[str, str], lengths: Mapping[str, int]) -> None:
    """Raise WsssError if a list of the folder `source` has another length than the published list of that name."""
    for name in lists.values():
        if name not in lengths:
            continue
        found = len(read_list(list_path(source, name)))
        if found != lengths[name]:
            raise WsssError(
                f"{list_path(source, name)} names {found:,} images, and the list {name} of this dataset has "
                f"{lengths[name]:,}: for a part of it put a file of your own into locations.lists and name it in "
                f"data.lists, with its ending .txt"
            )


def select_labels(path: Path, ids: Sequence[str], classes: Sequence[str], ignored: Sequence[str]) -> "pd.DataFrame":
    """Rows of `ids` and columns of `classes` of a table of image-level labels.

    Raises WsssError for a missing table or row, rows that contradict each other, a column that is no known class,
    a class without a column, and values other than 0 and 1.
    """
    import pandas as pd

    if not path.is_file():
        raise WsssError(f"missing table of image-level labels: {path}")
    try:
        table = pd.read_csv(path, dtype={"image_id": str}, index_col=False)
    except ValueError as error:
        raise WsssError(f"{path} is no table of image-level labels: {error}") from None
    columns = list(table.columns)
    if "image_id" not in columns:
        raise WsssError(f"{path} has no column image_id")
    unknown = [name for name in columns if name not in {"image_id", *classes, *ignored}]
    if unknown:
        raise WsssError(f"{path}: unknown class {unknown[0]!r}; name it in data.classes or data.ignored_classes")
    absent = [name for name in classes if name not in columns]
    if absent:
        raise WsssError(f"{path} has no column for the class {absent[0]!r} of data.classes")
    table = table[["image_id", *classes]].drop_duplicates()
    without = sorted(set(ids) - set(table["image_id"]))
    if without:
        raise WsssError(f"{path} has no row for image {without[0]} ({len(without)} of {len(ids)} images are missing)")
    table = table[table["image_id"].isin(set(ids))].sort_values("image_id")
    twice = table["image_id"][table["image_id"].duplicated()]
    if len(twice):
        raise WsssError(f"{path} names image {twice.iloc[0]} more than once, with different labels")
    table[list(classes)] = table[list(classes)].apply(pd.to_numeric, errors="coerce")
    wrong = table[~table[list(classes)].isin([0, 1]).all(axis=1)]
    if len(wrong):
        raise WsssError(f"{path}: the row of image {wrong['image_id'].iloc[0]} holds a value other than 0 and 1")
    if not table[list(classes)].to_numpy().any():
        raise WsssError(f"{path} names no class in any of the {len(ids)} listed images")
    return table.astype(dict.fromkeys(classes, int))


def _has_photograph(source: Path, image_id: str) -> bool:
    """Whether a text, which may be any line of a list, is the id of a photograph."""
    return not why_unsafe(image_id) and (source / "JPEGImages" / f"{image_id}.jpg").is_file()


def _link(source: Path, link: Path) -> None:
    if link.resolve() == source.resolve():
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    # If archives were unpacked here before, the link to the folder replaces them.
    remove_tree(link)
    link.symlink_to(source.resolve())


def _index_images(dataset: Path, ids: Sequence[str], workers: int) -> str:
    """Decode every image once, so that damaged files are found before any training starts."""

    def look(image_id: str) -> tuple[str, str]:
        path = dataset / "JPEGImages" / f"{image_id}.jpg"
        try:
            width, height = read_image(path).size
        except WsssError as error:
            return "", str(error)
        return f"{image_id}\t{height}\t{width}\t{sha256_of(path)}", ""

    with ThreadPoolExecutor(workers) as pool:
        found = list(track(pool.map(look, ids), len(ids), "checking images"))
    problems = [problem for _, problem in found if problem]
    if problems:
        more = f" (and {len(problems) - 1} more images)" if len(problems) > 1 else ""
        raise WsssError(f"{problems[0]}{more}")
    return "\n".join(["id\theight\twidth\tsha256", *(line for line, _ in found)]) + "\n"

"""Prepared datasets and stages that tests write by hand, with the sums that whoever reads them compares."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from wsss.data.dataset import SPLITS, Dataset
from wsss.data.index import INDEX_COLUMNS, IndexRow
from wsss.data.preparation import list_tables
from wsss.files import sha256_of, write_json, write_text
from wsss.manifests.listed_files import ListedFiles
from wsss.manifests.rows import write_manifest


def prepared(
    folder: Path,
    classes: Sequence[str],
    splits: Mapping[str, Sequence[str]],
    masked: Sequence[str] = (),
    has_background: bool = True,
) -> Dataset:
    """A dataset with these lists, of images of 4 x 5 pixels. Its photographs and masks are not written."""
    values = {name: value for value, name in enumerate(classes, 1)}
    write_json(folder / "dataset.json", {"classes": values, "ignored_classes": {}, "has_background": has_background})
    for split in SPLITS:
        write_text(folder / "lists" / f"{split}.txt", "".join(f"{one}\n" for one in splits.get(split, [])))
    rows = []
    for one in sorted({one for members in splits.values() for one in members}):
        mask = f"dataset/masks/{one}.png" if one in masked else ""
        rows.append(IndexRow(one, 4, 5, 4, 5, 1, "", f"dataset/{one}.jpg", mask, "", ""))
    write_text(folder / "skipped.tsv", "id\tfile\treason\n")
    return indexed(folder, rows)


def indexed(folder: Path, rows: Sequence[IndexRow]) -> Dataset:
    """The dataset of a folder, with an index of these rows. Sums are of the photographs and masks that are there."""
    summed = [row._replace(sha256=sha256_of(path) if (path := folder / row.file).is_file() else "") for row in rows]
    lines = ["\t".join(INDEX_COLUMNS), *("\t".join(map(str, row)) for row in summed)]
    write_text(folder / "images.tsv", "\n".join(lines) + "\n")
    list_tables(folder, {row.id: row.mask for row in rows if row.mask and (folder / row.mask).is_file()})
    return Dataset(folder)


def listed(folder: Path) -> ListedFiles:
    """The stores or label images of a stage, whatever of them is there."""
    found = {path.name.partition(".")[0]: path for name in ("stores", "labels") for path in folder.glob(f"{name}/*.*")}
    write_manifest(folder / "val.tsv", folder, [(one, str(path.relative_to(folder))) for one, path in found.items()])
    return ListedFiles(folder / "val.tsv")

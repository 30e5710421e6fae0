"""A prepared dataset without photographs, for tests of what only reads lists, classes and masks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from wsss.data.dataset import SPLITS, Dataset
from wsss.data.index import INDEX_COLUMNS, IndexRow
from wsss.files import write_json, write_text


def prepared(
    folder: Path,
    classes: Sequence[str],
    splits: Mapping[str, Sequence[str]],
    masked: Sequence[str] = (),
    has_background: bool = True,
) -> Dataset:
    """A dataset with these lists. The images `masked` have masks, which are not written."""
    values = {name: value for value, name in enumerate(classes, 1)}
    write_json(folder / "dataset.json", {"classes": values, "ignored_classes": {}, "has_background": has_background})
    for split in SPLITS:
        write_text(folder / "lists" / f"{split}.txt", "".join(f"{one}\n" for one in splits.get(split, [])))
    lines = ["\t".join(INDEX_COLUMNS)]
    for one in sorted({one for members in splits.values() for one in members}):
        mask = f"dataset/masks/{one}.png" if one in masked else ""
        row = IndexRow(one, 4, 5, 4, 5, 1, "", f"dataset/{one}.jpg", mask, "", "")
        lines.append("\t".join(map(str, row)))
    write_text(folder / "images.tsv", "\n".join(lines) + "\n")
    write_text(folder / "skipped.tsv", "id\tfile\treason\n")
    return Dataset(folder)

"""The index of a prepared dataset, images.tsv. Planning imports this module, so it imports nothing large."""

from pathlib import Path
from typing import NamedTuple

from wsss.errors import WsssError
from wsss.manifests.making_again import making_again
from wsss.manifests.single_files import content_of


class IndexRow(NamedTuple):
    """A row of images.tsv.

    `height` and `width` are those of the image that is worked on; `full_height` and `full_width` are those of the
    upright photograph. `orientation` is that of the file's EXIF data. `file`, `mask` and `copy` are paths below the
    prepared dataset. `sha256` is the sum of the photograph's file, `copy_sha256` that of the copy. `mask`, `copy` and
    `copy_sha256` are empty if there is none.
    """

    id: str
    height: int
    width: int
    full_height: int
    full_width: int
    orientation: int
    sha256: str
    file: str
    mask: str
    copy: str
    copy_sha256: str

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image that is worked on."""
        return self.height, self.width

    @property
    def full_size(self) -> tuple[int, int]:
        """Height and width of the upright photograph."""
        return self.full_height, self.full_width


INDEX_COLUMNS = IndexRow._fields


class SkippedImage(NamedTuple):
    """A row of skipped.tsv: an image that was left out, its file below the dataset's folder, and why."""

    id: str
    file: str
    reason: str


def read_index(path: Path) -> dict[str, IndexRow]:
    """Rows of images.tsv by the image's id.

    Raises
    ------
    WsssError
        If the file cannot be read or a row is damaged. The message names the row.
    """
    try:
        header, *lines, _ = content_of(path, maker_of(path)).decode().split("\n")
    except ValueError as error:
        raise WsssError(f"{path} cannot be read ({error}): {remake(path)}") from None
    if header != "\t".join(INDEX_COLUMNS):
        raise WsssError(f"{path} has another header than {' '.join(INDEX_COLUMNS)}: {remake(path)}")
    rows = {}
    for number, line in enumerate(lines, 2):
        cells = line.split("\t")
        if len(cells) != len(INDEX_COLUMNS) or not all(cell.isdecimal() for cell in cells[1:6]):
            raise WsssError(f"{path}, line {number} is damaged: {remake(path)}")
        rows[cells[0]] = IndexRow(cells[0], *map(int, cells[1:6]), *cells[6:])  # type: ignore[arg-type]
    return rows


def read_skipped(path: Path) -> list[SkippedImage]:
    """Rows of skipped.tsv. Raises WsssError if the file cannot be read or a row is damaged."""
    try:
        header, *lines, _ = content_of(path, maker_of(path)).decode().split("\n")
        rows = [SkippedImage(*line.split("\t")) for line in lines]
    except (ValueError, TypeError) as error:
        raise WsssError(f"{path} cannot be read ({error}): {remake(path)}") from None
    if header != "\t".join(SkippedImage._fields):
        raise WsssError(f"{path} has another header than {' '.join(SkippedImage._fields)}: {remake(path)}")
    return rows


def maker_of(path: Path) -> Path:
    """The output of the workflow that makes a file of a prepared dataset again: its index."""
    return (path.parent.parent if path.parent.name == "lists" else path.parent) / "images.tsv"


def remake(path: Path) -> str:
    """What to do about a damaged file of a prepared dataset."""
    return making_again(maker_of(path))

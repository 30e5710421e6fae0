"""The files of a shard, listed with their sizes and sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wsss.errors import WsssError
from wsss.files import sha256_of, write_text

MANIFEST_HEADER = "id\tfile\tbytes\tsha256"


@dataclass(frozen=True)
class ManifestRow:
    """One file of a shard.

    Parameters
    ----------
    id : str
        The image that the file belongs to.
    file : str
        Its path, relative to the stage's folder.
    bytes : int
        Its size in bytes.
    sha256 : str
        Its SHA-256, 64 hex digits.
    """

    id: str
    file: str
    bytes: int
    sha256: str


def write_manifest(path: Path, root: Path, files: Sequence[tuple[str, str]]) -> None:
    """List files with their sizes and sums.

    Parameters
    ----------
    path : Path
        The manifest.
    root : Path
        The folder that the files' paths are relative to.
    files : Sequence[tuple[str, str]]
        Pairs of an image's id and the path of its file, relative to `root`.
    """
    lines = [MANIFEST_HEADER]
    for image_id, name in files:
        file = root / name
        lines.append(f"{image_id}\t{name}\t{file.stat().st_size}\t{sha256_of(file)}")
    write_text(path, "\n".join(lines) + "\n")


def read_manifest(path: Path) -> list[ManifestRow]:
    """Rows of a manifest.

    Parameters
    ----------
    path : Path
        The manifest.

    Returns
    -------
    list[ManifestRow]
        A row for each file, in the manifest's order.

    Raises
    ------
    WsssError
        If the file is not a manifest, or a line of it is damaged.
    """
    lines = path.read_bytes().decode(errors="replace").splitlines()
    if not lines or lines[0] != MANIFEST_HEADER:
        raise WsssError(f"{path} is not a manifest (no header): delete it and run the workflow again")
    rows = []
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) != 4 or not cells[2].isdecimal():
            raise WsssError(f"{path}, line {number} is damaged: delete the file and run the workflow again")
        rows.append(ManifestRow(cells[0], cells[1], int(cells[2]), cells[3]))
    return rows


def damaged_rows(path: Path, root: Path) -> list[ManifestRow]:
    """Rows of a manifest whose file is missing or has another size or sum.

    Parameters
    ----------
    path : Path
        The manifest.
    root : Path
        The folder that the files' paths are relative to.

    Returns
    -------
    list[ManifestRow]
        The rows, in the manifest's order. Empty if no file is damaged.
    """
    bad = []
    for row in read_manifest(path):
        file = root / row.file
        if not file.is_file() or file.stat().st_size != row.bytes or sha256_of(file) != row.sha256:
            bad.append(row)
    return bad

"""Manifests: what a step made, listed with sizes and sums. The last line counts the rows and sums them up."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path

from wsss.errors import WsssError
from wsss.files import sha256_of, write_text
from wsss.manifests.making_again import making_again

MANIFEST_HEADER = "id\tfile\tbytes\tsha256"
TOTAL = "total"
# What the manifests of splits are called, and that of the masks of a dataset.
NAMES = ("train", "val", "test", "masks")


@dataclass(frozen=True)
class ManifestRow:
    """One file of a shard.

    Parameters
    ----------
    id : str
        The image that the file belongs to. Of a file that is of no image, its name.
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


def is_manifest(path: Path) -> bool:
    """Whether a path is that of the manifest of a split, of a shard of it, or of masks."""
    return path.suffix == ".tsv" and (path.stem in NAMES or path.parent.parent.name == "shards")


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
    found = ((image_id, name, root / name) for image_id, name in files)
    write_rows(path, [ManifestRow(one, name, file.stat().st_size, sha256_of(file)) for one, name, file in found])


def write_rows(path: Path, rows: Iterable[ManifestRow]) -> None:
    """Write a manifest of these rows, in this order, and its last line.

    Parameters
    ----------
    path : Path
        The manifest.
    rows : Iterable[ManifestRow]
        The rows.
    """
    lines = [MANIFEST_HEADER, *("\t".join(map(str, astuple(row))) for row in rows)]
    write_text(path, "\n".join([*lines, _total(lines)]) + "\n")


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
        If the file is missing, is no manifest, lacks rows, or a line of it is damaged.
    """
    try:
        lines = path.read_bytes().decode(errors="replace").split("\n")
    except OSError as error:
        raise WsssError(f"{path} cannot be read ({error.strerror}); {making_again(path)}") from None
    if lines[0] != MANIFEST_HEADER:
        raise WsssError(f"{path} is not a manifest (no header); {making_again(path)}")
    *rows, total, end = lines if len(lines) > 2 else [*lines, "", ""]
    if end or total != _total(rows):
        raise WsssError(f"{path} is damaged (its last line does not fit its rows); {making_again(path)}")
    cells = (line.split("\t") for line in rows[1:])
    return [ManifestRow(image_id, file, int(size), digest) for image_id, file, size, digest in cells]


def join_manifests(shards: Sequence[Path], path: Path) -> None:
    """Write one manifest of the rows of several, sorted, so that it does not depend on the number of shards.

    Parameters
    ----------
    shards : Sequence[Path]
        The manifests of all shards of a split.
    path : Path
        The manifest to write.

    Raises
    ------
    WsssError
        If a manifest is damaged, or two list the same image.
    """
    rows = sorted((row for shard in shards for row in read_manifest(shard)), key=lambda row: row.id.encode())
    for row, following in pairwise(rows):
        if row.id == following.id:
            raise WsssError(f"{path}: two shards list {row.id}; {making_again(*shards)}")
    write_rows(path, rows)


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


def _total(lines: Sequence[str]) -> str:
    """The last line: the number of rows, the bytes of all lines above, and their SHA-256."""
    text = "".join(f"{line}\n" for line in lines).encode()
    return f"{TOTAL}\t{len(lines) - 1}\t{len(text)}\t{hashlib.sha256(text).hexdigest()}"

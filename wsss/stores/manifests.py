"""The files of a shard, listed with their sizes and sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wsss.errors import WsssError
from wsss.files import sha256_of, write_text

MANIFEST_HEADER = "id\tfile\tbytes\tsha256"


@dataclass(frozen=True)
class ManifestRow:
    """One file of a shard: the image it belongs to, its path relative to the stage's folder, its size and sum."""

    id: str
    file: str
    bytes: int
    sha256: str


def write_manifest(path: Path, root: Path, files: Sequence[tuple[str, str]]) -> None:
    """List `files`, pairs of (image id, path relative to `root`), with their sizes and sums in `path`."""
    lines = [MANIFEST_HEADER]
    for image_id, name in files:
        file = root / name
        lines.append(f"{image_id}\t{name}\t{file.stat().st_size}\t{sha256_of(file)}")
    write_text(path, "\n".join(lines) + "\n")


def read_manifest(path: Path) -> list[ManifestRow]:
    """Rows of a manifest. Raises WsssError where the file is not one."""
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
    """Rows of the manifest `path` whose file under `root` is missing or differs from its size or sum."""
    bad = []
    for row in read_manifest(path):
        file = root / row.file
        if not file.is_file() or file.stat().st_size != row.bytes or sha256_of(file) != row.sha256:
            bad.append(row)
    return bad

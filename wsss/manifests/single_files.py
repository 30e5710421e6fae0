"""Files that are of no image: each has a manifest of its own, .sums/<name>.tsv beside it."""

from pathlib import Path

from wsss.errors import WsssError
from wsss.manifests.checking import checked_content, require_sum
from wsss.manifests.making_again import making_again
from wsss.manifests.rows import ManifestRow, read_manifest, write_manifest

FOLDER = ".sums"


def sum_file(path: Path) -> Path:
    """The manifest of a single file."""
    return path.parent / FOLDER / f"{path.name}.tsv"


def list_file(path: Path) -> None:
    """Write the manifest of a file that was made.

    Parameters
    ----------
    path : Path
        The file.
    """
    write_manifest(sum_file(path), path.parent, [(path.name, path.name)])


def check_file(path: Path, maker: Path | None = None) -> str:
    """Compare a file with its manifest.

    Parameters
    ----------
    path : Path
        The file.
    maker : Path or None
        The output of the workflow that makes the file again, if it is not the file itself.

    Returns
    -------
    str
        Its SHA-256.

    Raises
    ------
    WsssError
        If the file or its manifest is missing, or the file has another sum.
    """
    row = _row_of(path, maker)
    require_sum(path, row.sha256, "file", making_again(maker or path))
    return row.sha256


def content_of(path: Path, maker: Path | None = None) -> bytes:
    """The content of a file, compared with its manifest; see `check_file`."""
    return checked_content(path, _row_of(path, maker).sha256, "file", making_again(maker or path))


def _row_of(path: Path, maker: Path | None) -> ManifestRow:
    try:
        (row,) = read_manifest(sum_file(path))
    except (WsssError, ValueError):
        if not path.is_file():
            raise WsssError(f"missing file: {path}; {making_again(maker or path)}") from None
        raise WsssError(
            f"{path} cannot be checked, as {sum_file(path)} is missing or damaged; {making_again(maker or path)}"
        ) from None
    return row

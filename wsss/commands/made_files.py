"""What lies in the folders of results: files that a manifest lists, with what is wrong with them, and others."""

from collections.abc import Iterator
from pathlib import Path

from wsss.data.index import maker_of, read_index
from wsss.errors import WsssError
from wsss.manifests.checking import require_sum
from wsss.manifests.listed_files import ListedFiles, folder_of
from wsss.manifests.rows import is_manifest, read_manifest
from wsss.manifests.single_files import FOLDER, sum_file
from wsss.plan.paths import stage_of
from wsss.plan.stages import STAGES

# Folders that hold one file for each image. Manifests list these.
IMAGE_FOLDERS = ("stores", "labels", "copies", "dataset", "masks")
# A file, what is wrong with it (empty: nothing), and the output of the workflow that makes it again.
Looked = tuple[Path, str, Path]


def folders_below(folder: Path, own_only: bool = False) -> Iterator[Path]:
    """A folder and those below it that hold outputs, without those of images; `own_only`: and without other stages'."""
    if not folder.is_dir():
        return
    yield folder
    for below in sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()):
        is_stage = below.name == "truth" or ("-" in below.name and stage_of(below.name) in STAGES)
        if below.name not in IMAGE_FOLDERS and not below.name.startswith(".") and not (own_only and is_stage):
            yield from folders_below(below, own_only)


def listed_in(folder: Path) -> Iterator[Looked]:
    """Every file that a manifest in a folder lists, and the manifests themselves."""
    for sums in sorted((folder / FOLDER).glob("*.tsv")):
        path = folder / sums.name.removesuffix(".tsv")
        yield path, _single_fault(path), _maker(path)
    for manifest in sorted(path for path in folder.glob("*.tsv") if is_manifest(path)):
        yield from _of_manifest(manifest)
    if (folder / "images.tsv").is_file():
        yield from _photographs(folder / "images.tsv")


def unlisted_in(folder: Path) -> Iterator[Path]:
    """The files in a folder, and in its folders of images, that no manifest lists."""
    for path in sorted(folder.iterdir()):
        is_kept = path.name.startswith(".") or path.suffix == ".checkpoint" or is_manifest(path)
        if path.is_file() and not is_kept and not sum_file(path).is_file():
            yield path
    manifests = [path for path in folder.glob("*.tsv") if is_manifest(path)]
    manifests += list(folder.glob("shards/*/*.tsv"))
    if not manifests:
        return
    try:
        names = {row.file for manifest in manifests for row in read_manifest(manifest)}
    except WsssError:
        # Without a whole manifest nothing can be said.
        return
    for name in ("stores", "labels"):
        yield from (path for path in sorted((folder / name).glob("*")) if f"{name}/{path.name}" not in names)


def _of_manifest(manifest: Path) -> Iterator[Looked]:
    try:
        rows = read_manifest(manifest)
    except WsssError as error:
        yield manifest, _reason(error), _maker(manifest)
        return
    yield manifest, "", manifest
    files, root = ListedFiles(manifest), folder_of(manifest)
    for row in rows:
        reason = _fault(root / row.file, row.sha256)
        makers = files.sources(row.id) if reason and manifest.stem != "masks" else [_maker(manifest)]
        yield root / row.file, reason, makers[0]


def _photographs(index: Path) -> Iterator[Looked]:
    try:
        rows = read_index(index)
    except WsssError:
        # The index itself is named already.
        return
    for row in rows.values():
        yield index.parent / row.file, _fault(index.parent / row.file, row.sha256), index
        if row.copy:
            yield index.parent / row.copy, _fault(index.parent / row.copy, row.copy_sha256), index


def _single_fault(path: Path) -> str:
    try:
        (row,) = read_manifest(sum_file(path))
    except (WsssError, ValueError):
        return "its sum is missing or damaged"
    return _fault(path, row.sha256)


def _fault(path: Path, sha256: str) -> str:
    try:
        require_sum(path, sha256, "file", "")
    except WsssError as error:
        return _reason(error)
    return ""


def _reason(error: WsssError) -> str:
    return "another SHA-256" if "another SHA-256" in str(error) else str(error).partition(";")[0]


def _maker(path: Path) -> Path:
    """The output of the workflow that makes a file again: itself, if it is an output."""
    folder = path.parent
    if path.name == "labels.json" and (shards := sorted(folder.glob("shards/*/*.tsv"))):
        return shards[0]
    if path.stem == "masks" and "runs" in path.parts:
        return folder / "masks" / "index.csv"
    is_of_data = stage_of(folder.name) == "data" or (folder.name == "lists" and stage_of(folder.parent.name) == "data")
    return maker_of(path) if is_of_data else path

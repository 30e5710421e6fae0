"""Extraction of tar and zip archives. Entries that lead outside and archives that grow too much are refused."""

import errno
import stat
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, Self

from wsss.progress import track

MIB = 2**20
# The files of an archive may have this many times the archive's size. A bomb has a thousand times its size or more.
LARGEST_GROWTH = 50
# Files of this size in all are accepted in any archive.
SMALL_BYTES = 64 * MIB
# tarfile reads a long name or an extended header into memory. A path has at most 4096 bytes.
LONGEST_HEADER = MIB
HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, *tarfile.GNU_TYPES[:2])
# What the system says about a member that cannot be written because of its name, or of other members.
UNWRITABLE = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENOENT, errno.EINVAL)


class UnsafeArchiveError(Exception):
    """An archive that must not be unpacked. The message names the entry and the reason."""


def extract(archive: Path, folder: Path) -> None:
    """Extract a tar archive (.tar, .tar.gz, .tgz) or a zip archive into the empty folder `folder`.

    The first bytes tell which one it is, not the name. Raises UnsafeArchiveError, and any other exception for an
    archive that is truncated or damaged. Some files may have been extracted by then.
    """
    with archive.open("rb") as file:
        start = file.read(2)
    if start == b"PK":
        _extract_zip(archive, folder)
    else:
        # Left to itself, tarfile tries other packers too. That of xz takes hours for a large file of zeros.
        _extract_tar(archive, folder, "r:gz" if start == b"\x1f\x8b" else "r:")


def _extract_tar(archive: Path, folder: Path, mode: Literal["r:gz", "r:"]) -> None:
    with tarfile.open(archive, mode, tarinfo=_Member) as tar:
        members, total, size = [], 0, archive.stat().st_size
        for member in tar:
            members.append(member)
            # Members without content take memory too. Each has a header.
            total += max(member.size, tarfile.BLOCKSIZE)
            _check_growth(size, total)
        _check_archive_is_complete(tar)
        try:
            for member in track(members, len(members), f"unpacking {archive.name}", "file"):
                tar.extract(member, folder, filter=_inside)
        except tarfile.FilterError as error:
            raise UnsafeArchiveError(str(error)) from None


def _extract_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        entries = packed.infolist()
        for entry in entries:
            _check_entry(entry)
        _check_names([entry.filename for entry in entries])
        _check_growth(archive.stat().st_size, sum(entry.file_size for entry in entries))
        for entry in track(entries, len(entries), f"unpacking {archive.name}", "file"):
            packed.extract(entry, folder)


class _Member(tarfile.TarInfo):
    """A member of a tar archive. A long name or an extended header of it is refused if it is far too long."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        found = super().frombuf(buf, encoding, errors)
        if found.type in HEADERS and found.size > LONGEST_HEADER:
            raise UnsafeArchiveError(f"the name or the description of a member has {found.size:,} bytes")
        return found


def _check_growth(size: int, total: int) -> None:
    """Raise UnsafeArchiveError if the files of an archive of this size are much larger."""
    if total > max(LARGEST_GROWTH * size, SMALL_BYTES):
        raise UnsafeArchiveError(
            f"its files have {total:,} bytes, more than {LARGEST_GROWTH} times the {size:,} bytes of the archive"
        )


def _inside(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    # Such names are refused here: the data filter makes absolute names relative and accepts a `..` that stays inside.
    if _leads_outside(member.name):
        raise tarfile.OutsideDestinationError(member, member.name)
    return tarfile.data_filter(member, folder)


def _leads_outside(name: str) -> bool:
    """Whether a name is absolute or has a `..`."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts


def _check_entry(entry: zipfile.ZipInfo) -> None:
    """Raise UnsafeArchiveError for an entry of a zip archive that is not a plain file or folder inside."""
    name = entry.orig_filename
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if _leads_outside(name) or "\\" in name or "\0" in name:
        raise UnsafeArchiveError(f"{name!r} would be outside the folder or has a name that is not portable")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnsafeArchiveError(f"{name!r} is a link or a device, not a file or folder")
    if entry.flag_bits & 1:
        raise UnsafeArchiveError(f"{name!r} is encrypted")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnsafeArchiveError(f"{name!r} is compressed by method {entry.compress_type}, which is not supported")


def _check_names(names: Sequence[str]) -> None:
    """Raise UnsafeArchiveError if two entries of a zip archive would be the same file, or one a file and a folder."""
    files: set[PurePosixPath] = set()
    folders: set[PurePosixPath] = set()
    for name in names:
        path = PurePosixPath(name)
        if name.endswith("/"):
            folders.add(path)
        elif path in files:
            raise UnsafeArchiveError(f"{name!r} is there twice")
        else:
            files.add(path)
        folders.update(path.parents)
    if both := files & folders:
        raise UnsafeArchiveError(f"{str(min(both))!r} is a file and a folder")


def _check_archive_is_complete(tar: tarfile.TarFile) -> None:
    """Raise tarfile.ReadError unless an end mark follows the last member and the compressed stream is complete.

    Without this check, tarfile accepts an archive that is cut between two members or has a damaged header.
    """
    file = tar.fileobj
    assert file is not None
    file.seek(tar.offset)
    if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("no end mark after the last member")
    while file.read(MIB):
        pass

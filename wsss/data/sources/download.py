"""Downloads that can resume and are checked before use, and archives that are unpacked completely or not at all."""

import hashlib
import http.client
import logging
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsss.data.sources.archives import MIB, UNWRITABLE, UnsafeArchiveError, extract
from wsss.errors import WsssError, reason_of
from wsss.files import full_disk_as_wsss_error, remove_tree
from wsss.progress import track

logger = logging.getLogger("wsss")
ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 1.0
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Archive:
    """An archive as its authors publish it."""

    url: str
    name: str
    md5: str


class _InterruptedDownloadError(Exception):
    """A download attempt that failed. If `lasting`, another attempt is useless."""

    def __init__(self, reason: object, lasting: bool = False) -> None:
        super().__init__(str(reason))
        self.lasting = lasting


def fetch(url: str, path: Path, md5: str) -> None:
    """Download the file of `url` to `path` and check its hexadecimal MD5 sum, which the archives' owners publish.

    If the file is already there, it is checked and used, without a request. A download is written to `<name>.part`
    beside it. After an interruption it continues there. It gets its final name when its sum is right.
    Raises WsssError for a wrong sum, and if the network still fails after a few attempts. The part is then kept.
    """
    if path.exists():
        check_sum(path, md5)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with full_disk_as_wsss_error(part):
        _download(url, part)
    found = _md5_of(part)
    if found != md5:
        part.unlink()
        raise WsssError(
            f"{url} gave a file with md5 {found}, expected {md5}; it was not kept: "
            f"run again to download it anew, or put a good copy under {path}"
        )
    part.replace(path)


def check_sum(path: Path, md5: str) -> None:
    """Raise WsssError if a file has another hexadecimal MD5 sum."""
    found = _md5_of(path)
    if found != md5:
        raise WsssError(f"{path} has md5 {found}, expected {md5}: delete or move it, then run again to download it")


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar archive (.tar, .tar.gz, .tgz) or a zip archive as `folder`, completely or not at all.

    An old `folder` is replaced. Raises WsssError for an archive that is missing, truncated or damaged. The same holds
    for an archive with a device, with an entry that would be outside `folder` (an absolute name, `..`, a link to the
    outside), or whose files have more than 50 times its size and more than 64 MiB. A zip archive with any link is
    refused too.
    """
    if not archive.is_file():
        raise WsssError(f"missing archive: {archive}")
    with whole_folder(folder) as temporary:
        try:
            extract(archive, temporary)
        except UnsafeArchiveError as error:
            raise WsssError(
                f"{archive} is not safe to unpack: {reason_of(error)}; get it anew from its official address"
            ) from None
        except Exception as error:  # damaged archives raise many kinds of errors
            if isinstance(error, OSError) and error.errno not in (None, *UNWRITABLE):
                raise
            raise WsssError(
                f"{archive} is truncated or damaged ({reason_of(error)}): delete it and run again"
            ) from None


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside `folder`. It replaces `folder` only when the block succeeds.

    Remains of a killed process are removed by the next one. Raises WsssError when the disk is full.
    """
    temporary, old = (folder.with_name(f".{folder.name}.{end}") for end in ("tmp", "old"))
    for leftover in (temporary, old):
        remove_tree(leftover)
    temporary.mkdir(parents=True)
    try:
        with full_disk_as_wsss_error(folder):
            yield temporary
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
    finally:
        remove_tree(temporary)
        remove_tree(old)


def _md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _download(url: str, part: Path) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _resume(url, part)
            return
        except _InterruptedDownloadError as error:
            if error.lasting or attempt == ATTEMPTS:
                raise WsssError(
                    f"download of {url} failed ({error}) with {_size(part)} bytes in {part}: run again to resume, "
                    f"or get the file from elsewhere and put it under {part.with_suffix('')}"
                ) from None
            pause = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
            logger.warning("%s: %s; trying again in %.0f s", url, error, pause)
        time.sleep(pause)


def _resume(url: str, part: Path) -> None:
    """Request the missing bytes of `part` once and append them. A part that cannot belong to the file is deleted."""
    have = _size(part)
    with _ask(url, have) as answer:
        content_range = re.match(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", answer.headers["Content-Range"] or "")
        if answer.status == 416 and content_range and content_range[2] == str(have):
            return
        if answer.status == 416 or (answer.status == 206 and not (content_range and content_range[1] == str(have))):
            part.unlink(missing_ok=True)
            raise _InterruptedDownloadError("the part on disk does not fit the file on the server and was dropped")
        start = have if answer.status == 206 else 0
        length = answer.headers["Content-Length"]
        whole = start + int(length or 0)
        chunks = track(_chunks(answer), -(-whole // MIB), f"downloading {part.stem}", "MiB", start // MIB)
        with part.open("ab" if start else "wb") as file:
            for chunk in chunks:
                file.write(chunk)
    if length is not None and _size(part) != whole:
        raise _InterruptedDownloadError(f"the connection ended after {_size(part)} of {whole} bytes")


def _ask(url: str, have: int) -> Any:
    """The open response: 200 with the whole file, 206 with the bytes from `have` on, or 416 if there are none."""
    headers = {"User-Agent": "wsss", **({"Range": f"bytes={have}-"} if have else {})}
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            return error
        error.close()
        passing = error.code in (408, 429) or error.code >= 500
        raise _InterruptedDownloadError(error, lasting=not passing) from None
    except (OSError, http.client.HTTPException) as error:
        raise _InterruptedDownloadError(error) from None


def _chunks(answer: Any) -> Iterator[bytes]:
    try:
        while chunk := answer.read(MIB):
            yield chunk
    except (OSError, http.client.HTTPException) as error:
        raise _InterruptedDownloadError(error) from None

"""Downloads from a real HTTP server on this machine, with its faults; tar and zip archives, good, cut and hostile."""

import bz2
import gzip
import hashlib
import io
import lzma
import socket
import stat
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from wsss.data.sources import archives, download
from wsss.data.sources.download import MIB, fetch, unpack, whole_folder
from wsss.errors import WsssError

CONTENT = np.random.default_rng(0).bytes(3 * MIB + 12345)
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `content`; notes the Range of each request and how many bytes of content it sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.understands_ranges = True
        self.shift = 0  # how far before the asked start a range begins
        self.cuts: list[int] = []  # the n-th request's connection ends after so many bytes
        self.failures: list[int] = []  # the n-th request fails with this status
        self.asked: list[str | None] = []
        self.sent: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/files/data.tar"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, asked = self.server, self.headers["Range"]
        server.asked.append(asked)
        if server.failures:
            self.send_error(server.failures.pop(0))
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.understands_ranges else 0
        if start >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.end_headers()
            return
        start = max(start - server.shift, 0)
        body = server.content[start:]
        self.send_response(206 if asked and server.understands_ranges else 200)
        if asked and server.understands_ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        body = body[: server.cuts.pop(0)] if server.cuts else body
        server.sent.append(len(body))
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "FIRST_PAUSE_SECONDS", 0.0)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "archives" / "data.tar"


def files_below(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir()}


def test_a_file_is_downloaded_once_and_then_used(server: Server, path: Path) -> None:
    fetch(server.url, path, MD5)
    assert path.read_bytes() == CONTENT
    assert files_below(path.parent) == {"data.tar"}
    fetch(server.url, path, MD5)
    assert server.asked == [None]


def test_a_file_on_disk_is_used_without_a_request(server: Server, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    fetch(server.url, path, MD5)
    assert server.asked == []
    assert path.read_bytes() == CONTENT


def test_a_wrong_file_on_disk_is_named_and_kept(server: Server, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"something of the user's")
    with pytest.raises(WsssError, match="delete or move it") as error:
        fetch(server.url, path, MD5)
    found = hashlib.md5(b"something of the user's").hexdigest()
    assert all(text in str(error.value) for text in (str(path), MD5, found))
    assert path.read_bytes() == b"something of the user's"
    assert server.asked == []


def test_a_cut_connection_is_resumed_within_one_call(server: Server, path: Path) -> None:
    server.cuts = [2 * MIB + 77, MIB // 2]
    fetch(server.url, path, MD5)
    assert path.read_bytes() == CONTENT
    assert len(server.asked) == 3
    assert server.asked[0] is None
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in server.asked[1:] if asked]
    # Whole chunks of 1 MiB always survive a cut; what a chunk had of its own may be lost.
    assert 2 * MIB <= starts[0] <= 2 * MIB + 77
    assert starts[0] <= starts[1]
    assert server.sent[2] == len(CONTENT) - starts[1]


def test_a_part_is_kept_when_the_network_stays_down_and_resumed_by_the_next_call(server: Server, path: Path) -> None:
    server.cuts = [MIB] + [0] * 10
    with pytest.raises(WsssError, match="run again to resume") as error:
        fetch(server.url, path, MD5)
    assert server.url in str(error.value)
    assert f"{MIB} bytes" in str(error.value)
    assert len(server.asked) == download.ATTEMPTS
    assert files_below(path.parent) == {"data.tar.part"}
    server.cuts, server.asked, server.sent = [], [], []
    fetch(server.url, path, MD5)
    assert server.asked == [f"bytes={MIB}-"]
    assert server.sent == [len(CONTENT) - MIB]
    assert path.read_bytes() == CONTENT
    assert files_below(path.parent) == {"data.tar"}


def leave_part(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.with_name(path.name + ".part").write_bytes(content)


def test_a_server_that_ignores_ranges_starts_over(server: Server, path: Path) -> None:
    server.understands_ranges = False
    leave_part(path, CONTENT[:1000])
    fetch(server.url, path, MD5)
    assert server.asked == ["bytes=1000-"]
    assert path.read_bytes() == CONTENT


def test_a_range_that_begins_elsewhere_is_not_appended(server: Server, path: Path) -> None:
    server.shift = 512
    leave_part(path, CONTENT[:1000])
    fetch(server.url, path, MD5)
    assert server.asked == ["bytes=1000-", None]
    assert path.read_bytes() == CONTENT


def test_a_part_that_is_already_whole_needs_no_more_bytes(server: Server, path: Path) -> None:
    leave_part(path, CONTENT)
    fetch(server.url, path, MD5)
    assert server.asked == [f"bytes={len(CONTENT)}-"]
    assert server.sent == []
    assert path.read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_dropped(server: Server, path: Path) -> None:
    leave_part(path, CONTENT + b"x")
    fetch(server.url, path, MD5)
    assert server.asked == [f"bytes={len(CONTENT) + 1}-", None]
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("part", [b"", b"not the beginning of this file"])
def test_a_download_with_a_wrong_sum_leaves_nothing(server: Server, path: Path, part: bytes) -> None:
    if part:
        leave_part(path, part)
    else:
        server.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    with pytest.raises(WsssError, match=f"md5 [0-9a-f]{{32}}, expected {MD5}") as error:
        fetch(server.url, path, MD5)
    assert server.url in str(error.value)
    assert files_below(path.parent) == set()


def test_a_passing_fault_of_the_server_is_tried_again_a_lasting_one_is_not(server: Server, path: Path) -> None:
    server.failures = [503, 429, 408]
    fetch(server.url, path, MD5)
    assert path.read_bytes() == CONTENT
    other = path.with_name("other.tar")
    server.failures, server.asked = [404], []
    with pytest.raises(WsssError, match="404") as error:
        fetch(server.url, other, MD5)
    assert server.url in str(error.value)
    assert str(other) in str(error.value)
    assert server.asked == [None]


def test_no_server_at_all(server: Server, path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(WsssError, match=f"http://127.0.0.1:{port}/x failed .* 0 bytes"):
        fetch(f"http://127.0.0.1:{port}/x", path, MD5)
    assert files_below(path.parent) == set()


def entry(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", content: bytes = b""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content)
    return info, content


def tar_bytes(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


HONEST = (
    entry("top", tarfile.DIRTYPE),
    entry("top/a.txt", content=b"alpha"),
    entry("top/empty.txt"),
    entry("top/deep/b.bin", content=CONTENT[:2000]),
    entry("top/link.txt", tarfile.SYMTYPE, "a.txt"),
)


@pytest.mark.parametrize("name", ["data.tar", "data.tgz", "data.tar.gz"])
def test_an_archive_is_unpacked_whole(tmp_path: Path, name: str) -> None:
    content = tar_bytes(*HONEST)
    (tmp_path / name).write_bytes(content if name.endswith(".tar") else gzip.compress(content))
    out = tmp_path / "out"
    (out / "old").mkdir(parents=True)
    unpack(tmp_path / name, out)
    assert files_below(tmp_path) == {name, *(f"out/top/{f}" for f in ("a.txt", "empty.txt", "deep/b.bin", "link.txt"))}
    assert (out / "top/a.txt").read_bytes() == (out / "top/link.txt").read_bytes() == b"alpha"
    assert (out / "top/deep/b.bin").read_bytes() == CONTENT[:2000]
    assert not (out / "old").exists()


@pytest.mark.parametrize(
    "entries",
    [
        [entry("../escaped.txt", content=b"x")],
        [entry("top/../../escaped.txt", content=b"x")],
        [entry("top/../inside.txt", content=b"x")],
        [entry("{root}/escaped.txt", content=b"x")],
        [entry("out", tarfile.SYMTYPE, "..")],
        [entry("out", tarfile.SYMTYPE, "{root}")],
        [entry("out", tarfile.SYMTYPE, ".."), entry("out/escaped.txt", content=b"x")],
        [entry("hard", tarfile.LNKTYPE, "../victim.txt")],
        [entry("pipe", tarfile.FIFOTYPE)],
        [entry("device", tarfile.CHRTYPE)],
    ],
    ids=lambda entries: "+".join(info.name + ("->" + info.linkname if info.linkname else "") for info, _ in entries),
)
def test_hostile_entries_are_refused(tmp_path: Path, entries: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    for info, _ in entries:
        info.name, info.linkname = (text.replace("{root}", str(tmp_path)) for text in (info.name, info.linkname))
    archive = tmp_path / "data.tar"
    archive.write_bytes(tar_bytes(entry("good.txt", content=b"good"), *entries))
    (tmp_path / "victim.txt").write_bytes(b"victim")
    with pytest.raises(WsssError, match="not safe to unpack") as error:
        unpack(archive, tmp_path / "unpacked")
    assert str(archive) in str(error.value)
    assert files_below(tmp_path) == {"data.tar", "victim.txt"}
    assert not (tmp_path / "unpacked").exists()


def refused_as_damaged(archive: Path, content: bytes) -> None:
    archive.write_bytes(content)
    out = archive.with_name("out")
    with pytest.raises(WsssError, match="truncated or damaged") as error:
        unpack(archive, out)
    assert str(archive) in str(error.value)
    assert files_below(archive.parent) == {archive.name}
    assert not out.exists()


def test_an_archive_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = tar_bytes(*HONEST)
    end = len(content.rstrip(b"\0"))
    end += -end % tarfile.BLOCKSIZE
    for cut in [*range(0, end + 1, tarfile.BLOCKSIZE), 100, 700, end - 1, end + 1]:
        refused_as_damaged(tmp_path / "data.tar", content[:cut])
    packed = gzip.compress(content)
    for cut in [*range(0, len(packed), 97), len(packed) - 8, len(packed) - 1]:
        refused_as_damaged(tmp_path / "data.tar", packed[:cut])


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    content = bytearray(tar_bytes(*HONEST))
    refused_as_damaged(tmp_path / "data.tar", b"no archive at all" * 100)
    packed = bytearray(gzip.compress(bytes(content), compresslevel=0))
    packed[packed.index(b"alpha")] ^= 1  # decompresses, but to another sum
    refused_as_damaged(tmp_path / "data.tar", bytes(packed))
    content[content.index(b"top/empty.txt")] ^= 1  # a header in the middle: its own sum is wrong
    refused_as_damaged(tmp_path / "data.tar", bytes(content))


def odd_member(**facts: object) -> bytes:
    """A tar archive with one member of odd facts, and nothing after its header."""
    member = tarfile.TarInfo("top/a.txt")
    for name, value in facts.items():
        setattr(member, name, value)
    return member.tobuf(tarfile.GNU_FORMAT) + bytes(10_240)


@pytest.mark.parametrize(
    "content",
    [
        odd_member(mtime=2**63),
        tar_bytes(entry("x" * 300)),
        tar_bytes(entry("a"), entry("a/b")),
        gzip.compress(tar_bytes(*HONEST))[:40] + bytes(300),
    ],
    ids=["a time that is none", "a long name", "a file and a folder", "packed"],
)
def test_an_odd_archive_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "data.tar"
    archive.write_bytes(content)
    with pytest.raises(WsssError, match="truncated or damaged") as error:
        unpack(archive, tmp_path / "out")
    assert "\n" not in str(error.value)
    assert files_below(tmp_path) == {"data.tar"}


def test_an_archive_of_another_packer_is_not_unpacked(tmp_path: Path) -> None:
    """Its packer could take any time for a damaged one."""
    for pack in (bz2.compress, lzma.compress):
        (tmp_path / "data.tar").write_bytes(pack(tar_bytes(*HONEST)))
        with pytest.raises(WsssError, match="truncated or damaged"):
            unpack(tmp_path / "data.tar", tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_a_name_or_a_description_of_a_member_that_fills_the_memory_is_not_read(tmp_path: Path, kind: bytes) -> None:
    zeros = bytes(2 * MIB)
    (tmp_path / "data.tgz").write_bytes(gzip.compress(odd_member(type=kind, size=len(zeros)) + zeros))
    with pytest.raises(WsssError, match="not safe to unpack: the name or the description of a member has 2,097,152 b"):
        unpack(tmp_path / "data.tgz", tmp_path / "out")


def test_members_without_content_that_fill_the_memory_are_not_all_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "SMALL_BYTES", 10_000)
    (tmp_path / "data.tgz").write_bytes(gzip.compress(tar_bytes(*(entry(f"{number}") for number in range(1000)))))
    with pytest.raises(WsssError, match="not safe to unpack: its files have"):
        unpack(tmp_path / "data.tgz", tmp_path / "out")


ZIP_HONEST = {"top/a.txt": b"alpha", "top/empty.txt": b"", "top/deep/b.bin": CONTENT[:2000]}


def zip_entry(name: str, kind: int = 0, content: bytes = b"x") -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo("replaced")
    # Set afterwards, because ZipInfo cleans the name that it is given.
    info.filename = info.orig_filename = name
    info.create_system = 3
    info.external_attr = (kind | 0o644) << 16
    return info, content


def zip_bytes(*entries: tuple[zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for info, content in entries:
            packed.writestr(info, content, method)
    return buffer.getvalue()


def honest_zip(method: int = zipfile.ZIP_DEFLATED) -> bytes:
    files = (zip_entry(name, stat.S_IFREG, content) for name, content in ZIP_HONEST.items())
    return zip_bytes(zip_entry("top/", stat.S_IFDIR, b""), *files, method=method)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["data.zip", "download"])
def test_a_zip_archive_is_unpacked_whole(tmp_path: Path, name: str, method: int) -> None:
    """Whatever it is called: the first bytes tell it from a tar archive."""
    (tmp_path / name).write_bytes(honest_zip(method))
    (tmp_path / "out" / "old").mkdir(parents=True)
    unpack(tmp_path / name, tmp_path / "out")
    assert files_below(tmp_path) == {name, *(f"out/{file}" for file in ZIP_HONEST)}
    assert {file: (tmp_path / "out" / file).read_bytes() for file in ZIP_HONEST} == ZIP_HONEST
    assert not (tmp_path / "out" / "old").exists()


def refused_as_unsafe(archive: Path, content: bytes, reason: str) -> None:
    archive.write_bytes(content)
    (archive.parent / "victim.txt").write_bytes(b"victim")
    with pytest.raises(WsssError, match=f"not safe to unpack: .*{reason}") as error:
        unpack(archive, archive.parent / "unpacked")
    assert str(archive) in str(error.value)
    assert "\n" not in str(error.value)
    assert files_below(archive.parent) == {archive.name, "victim.txt"}
    assert (archive.parent / "victim.txt").read_bytes() == b"victim"


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("../escaped.txt", 0, "outside"),
        ("top/../../escaped.txt", 0, "outside"),
        ("top/../inside.txt", 0, "outside"),
        ("{root}/escaped.txt", 0, "outside"),
        ("..\\escaped.txt", 0, "not portable"),
        ("C:\\escaped.txt", 0, "not portable"),
        ("hidden.txt\0.jpg", 0, "not portable"),
        ("link", stat.S_IFLNK, "a link or a device"),
        ("pipe", stat.S_IFIFO, "a link or a device"),
        ("device", stat.S_IFCHR, "a link or a device"),
        ("good.txt", 0, "there twice"),
        ("./good.txt", 0, "there twice"),
        ("good.txt/inside", 0, "a file and a folder"),
        ("good.txt/", stat.S_IFDIR, "a file and a folder"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_zip_entries_are_refused(tmp_path: Path, name: str, kind: int, reason: str) -> None:
    content = b"" if name.endswith("/") else b"../victim.txt"
    hostile = zip_entry(name.replace("{root}", str(tmp_path)), kind, content)
    packed = zip_bytes(zip_entry("good.txt", content=b"good"), hostile)
    refused_as_unsafe(tmp_path / "data.zip", packed, reason)


def test_an_encrypted_zip_archive_is_refused(tmp_path: Path) -> None:
    content = bytearray(zip_bytes(zip_entry("secret.txt")))
    content[6] |= 1  # in the entry's own header
    content[content.index(b"PK\1\2") + 8] |= 1  # in the list at the end
    refused_as_unsafe(tmp_path / "data.zip", bytes(content), "'secret.txt' is encrypted")


def test_a_zip_archive_of_another_method_is_refused(tmp_path: Path) -> None:
    refused_as_unsafe(tmp_path / "data.zip", zip_bytes(zip_entry("a.txt"), method=zipfile.ZIP_LZMA), "by method 14")


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_an_archive_that_grows_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """At most fifty times its size, or 64 MiB."""
    monkeypatch.setattr(archives, "SMALL_BYTES", 10_000)

    def packed(size: int) -> bytes:
        zeros = bytes(size)
        return (
            zip_bytes(zip_entry("a", content=zeros))
            if kind == "zip"
            else gzip.compress(tar_bytes(entry("a", content=zeros)))
        )

    assert len(packed(10_000)) * 50 < 10_001 < 1_000_000 > len(packed(1_000_000)) * 50
    refused_as_unsafe(tmp_path / "data", packed(1_000_000), "its files have 1,000,000 bytes, more than 50 times")
    (tmp_path / "data").write_bytes(packed(10_000))
    unpack(tmp_path / "data", tmp_path / "unpacked")
    assert (tmp_path / "unpacked" / "a").stat().st_size == 10_000


def test_a_zip_entry_gives_no_more_bytes_than_it_says(tmp_path: Path) -> None:
    content = bytearray(zip_bytes(zip_entry("a", content=bytes(100_000))))
    listed = content.index(b"PK\1\2")
    content[listed + 24 : listed + 28] = (10).to_bytes(4, "little")
    refused_as_damaged(tmp_path / "data.zip", bytes(content))


def test_a_zip_archive_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = honest_zip()
    for cut in [2, 4, *range(30, len(content), 97), len(content) - 1]:
        refused_as_damaged(tmp_path / "data.zip", content[:cut])


def test_a_damaged_zip_archive_is_refused(tmp_path: Path) -> None:
    content = bytearray(honest_zip(zipfile.ZIP_STORED))
    content[content.index(b"alpha")] ^= 1
    refused_as_damaged(tmp_path / "data.zip", bytes(content))


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"missing archive: .*absent\.tar"):
        unpack(tmp_path / "absent.tar", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").touch()
    (tmp_path / ".folder.tmp").mkdir()
    (tmp_path / ".folder.tmp" / "of a killed process").touch()

    def make(fail: bool) -> None:
        with whole_folder(folder) as temporary:
            assert list(temporary.iterdir()) == []
            (temporary / "new").touch()
            if fail:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(fail=True)
    assert files_below(tmp_path) == {"folder/old"}
    make(fail=False)
    assert files_below(tmp_path) == {"folder/new"}

"""What is done to a sound file to make it a bad or a hostile one, by the form of the file.

A change takes the sound content, a source of chance and a `Trap`, and gives other content. A place is something that
lies where the file should be.
"""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import random
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load, save

from tests.data.test_download import entry, tar_bytes, zip_bytes, zip_entry
from tests.data.test_npy_dictionaries import HOSTILE, Calls
from tests.faults.mutations import ODD
from wsss.segmentation.model import METADATA_KEY


@dataclass(frozen=True)
class Trap:
    """What must never be there after a file was read: a file that its code would make, and one outside its folder."""

    canary: Path
    outside: Path


Change = Callable[[bytes, random.Random, Trap], bytes]
# Values that replace one in JSON.
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 255, 2**16, 2**31, 2**63, 10**30, 1e308, float("nan"), float("inf"), -0.5),
    *(
        "",
        "x",
        "../x",
        "a\nb",
        "\x1b[31m",
        "\ud800",
        "x" * 300,
        "F4",
        "float128",
        [],
        {},
        [[]],
        [-1],
        [2**40],
        {"a": 1},
    ),
)
# Modes and formats of images, as Pillow names them.
IMAGES = (
    *(("1", "PNG"), ("L", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("RGB", "PNG"), ("RGBA", "PNG"), ("I;16", "PNG")),
    *(("L", "JPEG"), ("CMYK", "JPEG"), ("YCbCr", "JPEG"), ("RGB", "TIFF"), ("CMYK", "TIFF"), ("LAB", "TIFF")),
    *(("RGBA", "WEBP"), ("P", "GIF"), ("RGB", "BMP"), ("RGB", "PPM"), ("RGB", "EPS"), ("RGB", "PDF"), ("RGB", "ICO")),
)
ANIMATED = ("GIF", "PNG", "WEBP", "TIFF")
# Width and height of images that are far larger than their file. Pillow refuses the last two.
SIDES = (3000, 6000, 12_000, 16_000, 20_000)
# The content of archives and headers that are far larger than their file.
BOMB_BYTES = 400_000_000


def cut(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """The start of the file."""
    return content[: chance.randrange(len(content) + 1)]


def flipped(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Bits that are wrong, mostly in the header."""
    changed = bytearray(content)
    for _ in range(chance.choice([1, 1, 3, 20])):
        changed[chance.randrange(chance.choice([min(len(changed), 64), len(changed)]))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def inserted(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Odd bytes more."""
    at = chance.randrange(len(content) + 1)
    return content[:at] + chance.choice(ODD) + content[at:]


def removed(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Some bytes less."""
    at = chance.randrange(len(content))
    return content[:at] + content[at + chance.choice([1, 4, 100]) :]


def overwritten(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Eight bytes that are all 0 or all 255, as of a number that is far too small or too large."""
    at = chance.randrange(len(content))
    return content[:at] + chance.choice([b"\0", b"\xff"]) * 8 + content[at + 8 :]


def strange(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Something else altogether."""
    return chance.choice([b"", b"\0" * 4096, b"[" * 100_000, b"PK\x03\x04", b"%PDF-1.4", b"<html>", b"\xff" * 100])


def _harmful(chance: random.Random, trap: Trap) -> Any:
    """An object whose unpickling runs code."""
    return HOSTILE[chance.choice([*HOSTILE])](trap.canary)


def pickled(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A pickle whose loading runs code."""
    harmful = _harmful(chance, trap)
    return pickle.dumps({"weight": harmful}, protocol=chance.choice([0, 2, 4]))


GENERAL: tuple[Change, ...] = (cut, flipped, flipped, inserted, removed, overwritten, strange, pickled)


def of_other_mode(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """The image in another mode and another format."""
    mode, form = chance.choice(IMAGES)
    image = _opened(content)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257)
    return _saved(image if mode == "I;16" else image.convert("RGB").convert(mode), form)


def of_wide_range(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """The image with values of 32 bits, which may be negative, huge or not finite."""
    grey = np.asarray(_opened(content).convert("L"))
    if chance.random() < 0.5:
        return _saved(Image.fromarray(grey.astype(np.int32) - chance.choice([0, 1000, 2**31 - 1])), "TIFF")
    return _saved(Image.fromarray(grey / np.float32(chance.choice([255, 1, -1, 0, np.nan]))), "TIFF")


def animated(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Several images in one file."""
    image = _opened(content).convert("RGB")
    return _saved(image, chance.choice(ANIMATED), save_all=True, append_images=[image.rotate(90), image.rotate(180)])


def of_other_size(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """The image at another size."""
    image, sizes = _opened(content), ((1, 1), (1, 500), (500, 1), (65, 64), (3000, 2))
    return _saved(image.resize(chance.choice(sizes)), "PNG" if image.mode in ("P", "L", "I;16") else "JPEG")


def with_many_pixels(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A header of many pixels, with few of them or with all."""
    side, colour_type = chance.choice(SIDES), chance.choice([0, 2, 3])
    if chance.random() < 0.5:
        side = chance.choice([side, 2**31 - 1])
        return _png(side, side, colour_type, [zlib.compress(bytes(1000))])
    return _large_png(side, colour_type)


def with_packed_text(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A text or a colour profile in a PNG file that unpacks to far more than the file."""
    kind, head = chance.choice([(b"zTXt", b"a\0\0"), (b"iCCP", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0")])
    chunk = _chunk(kind, head + _zeros())
    return _png(64, 64, 0, [zlib.compress(bytes(65 * 64))], chunk)


OF_IMAGES: tuple[Change, ...] = (of_other_mode, of_other_mode, of_wide_range, animated, of_other_size)
LARGE_IMAGES: tuple[Change, ...] = (with_many_pixels, with_packed_text)


def npy_of_huge_shape(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A .npy header that promises far more than follows."""
    shape = chance.choice([(10**12,), (2**63,), (10**5, 10**5), (-1,), (2, 10**9, 10**9), (0, 2**62)])
    kind = chance.choice(["<f4", "<f8", "|O", "|S1000000", "|V8", "<c16", "<U9", "<M8[s]"])
    return _npy_header(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}") + bytes(1000)


def npy_of_odd_header(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A .npy header that is damaged in its text."""
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }"
    at = chance.randrange(len(text))
    return _npy_header(text[:at] + chance.choice(["(", "'", "\n", "0L", "\\", "{" * 900, "é"]) + text[at + 1 :])


def npy_of_objects(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A .npy file of objects, whose loading runs code."""
    harmful = _harmful(chance, trap)
    return _npy(np.array(chance.choice([{"keys": harmful}, {"2007_000032": harmful}, harmful]), object))


def npy_of_odd_values(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Arrays of other values, types and sizes under the keys that were there."""
    found = np.load(io.BytesIO(content), allow_pickle=True)
    if found.shape != ():
        return _npy(_odd_array(found, chance))
    changed = dict(found.item())
    key = chance.choice([*changed])
    changed[key] = _odd_array(np.asarray(changed[key]), chance)
    return _npy(np.array(changed, object))


OF_NPY: tuple[Change, ...] = (npy_of_huge_shape, npy_of_odd_header, npy_of_objects, npy_of_odd_values)


def npz_of_objects(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """An .npz file with objects, whose loading runs code."""
    return _npz({"cam": np.array([HOSTILE["system"](trap.canary)], object)})


def npz_of_odd_values(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Arrays of other values, types and sizes."""
    arrays = dict(np.load(io.BytesIO(content)))
    name = chance.choice([*arrays])
    return _npz(arrays | {name: _odd_array(arrays[name], chance)})


def npz_of_odd_member(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """An .npz file with a member of an odd .npy file."""
    member = chance.choice([npy_of_huge_shape, npy_of_odd_header])(content, chance, trap)
    return zip_bytes(zip_entry("cam.npy", content=member), zip_entry("keys.npy", content=_npy(np.array([0, 2]))))


OF_NPZ: tuple[Change, ...] = (npz_of_objects, npz_of_odd_values, npz_of_odd_member)


def zip_of_hostile_member(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A zip archive with a member outside its folder, a link, a device, an odd name or an odd method."""
    names = (
        "../x",
        "top/../../x",
        str(trap.outside),
        "..\\x",
        "a\0b",
        "x" * 300,
        "x/" * 300,
        "con",
        "",
        ".",
        "/",
        "top",
    )
    kinds = (0, stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR)
    members = [zip_entry("top/a.txt"), zip_entry(chance.choice(names), chance.choice(kinds), b"../x")]
    return zip_bytes(*members, method=chance.choice([0, 8, 8, 12, 14]))


def zip_of_odd_fields(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Other flags, versions, methods and sizes in the list of a zip archive, or in a member's own header."""
    changed, mark = bytearray(content), chance.choice([b"PK\1\2", b"PK\3\4", b"PK\5\6"])
    at = content.find(mark)
    if at < 0:
        return cut(content, chance, trap)
    place = at + chance.randrange(4, 22)
    changed[place : place + 2] = chance.choice(
        [b"\0\0", b"\1\0", b"\x20\0", b"\x40\0", b"\0\x08", b"\xff\xff", b"\x0e\0"]
    )
    return bytes(changed)


def zip_of_zeros(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A zip archive of zeros, which may lie about their number."""
    packed = bytearray(_zip_of_zeros())
    if chance.random() < 0.5:
        at = packed.index(b"PK\1\2") + 24
        packed[at : at + 4] = struct.pack("<I", 1000)
    return bytes(packed)


OF_ZIP: tuple[Change, ...] = (zip_of_hostile_member, zip_of_odd_fields)


def tar_of_hostile_member(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A tar archive with a member outside its folder, a link, a device or an odd name."""
    names = (
        "../x",
        "top/../../x",
        str(trap.outside),
        "top/x",
        "x" * 300,
        "x/" * 300,
        "",
        ".",
        "top",
        "top/a.txt/b",
        "é",
    )
    kinds = (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE)
    links = ("..", "../../x", str(trap.outside), "a.txt", "loop", "top/gone", "", "x" * 5000, "/dev/zero")
    members = [entry("top/a.txt", content=b"alpha")]
    for _ in range(chance.choice([1, 2, 3])):
        members.append(entry(chance.choice(names), chance.choice(kinds), chance.choice(links)))
        members.append(entry(f"{chance.choice(['top', members[-1][0].name])}/x", content=b"x"))
    return _packed(tar_bytes(*members), content)


def tar_of_odd_fields(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A tar archive with a member of an impossible time, owner, mode or size, or an odd extended header."""
    member = tarfile.TarInfo("top/a.txt")
    field = chance.choice(["mtime", "uid", "mode", "pax"])
    if field == "pax":
        keys = (
            "path",
            "size",
            "mtime",
            "GNU.sparse.map",
            "GNU.sparse.major",
            "GNU.sparse.size",
            "linkpath",
            "hdrcharset",
        )
        member.pax_headers = {
            chance.choice(keys): chance.choice(["-1", "9" * 25, "a\0b", "x" * 3000, "nan", "1,2", ""])
        }
    else:
        setattr(member, field, chance.choice([-1, 2**31, 2**33, 2**63, 2**64]))
    return _packed(_tar_of(member), content)


def tar_of_lying_size(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A tar archive whose member, or its long name or extended header, is said to be far larger than the archive."""
    member = tarfile.TarInfo("top/a.txt")
    member.size = chance.choice([2**20, 2**33, 2**40, 2**62])
    member.type = chance.choice([tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.GNUTYPE_SPARSE])
    return _packed(member.tobuf(tarfile.GNU_FORMAT) + bytes(10_240), content)


def tar_of_zeros(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A packed tar archive with a member of zeros, or with a long name or an extended header of them."""
    return _tar_of_zeros(chance.choice([tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE]))


def tar_packed_otherwise(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A tar archive that is packed by another program, whole or damaged."""
    plain = tar_bytes(entry("top/a.txt", content=bytes(chance.randrange(256) for _ in range(3000))))
    packed = chance.choice([gzip.compress, bz2.compress, lzma.compress])(plain)
    return (
        chance.choice([cut, flipped, overwritten, strange])(packed, chance, trap) if chance.random() < 0.8 else packed
    )


OF_TAR: tuple[Change, ...] = (tar_of_hostile_member, tar_of_odd_fields, tar_of_lying_size, tar_packed_otherwise)


def torch_of_objects(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A file of torch whose loading runs code, in the old form or the new one, alone or beside sound weights."""
    harmful = _harmful(chance, trap)
    state = torch.load(io.BytesIO(content), weights_only=True)
    wrapped = {"state_dict": {**state, "more": harmful}, "epoch": 3}
    return _torch(chance.choice([harmful, {"a": harmful}, wrapped]), chance.random() < 0.5)


def torch_of_odd_values(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Something else than the tensor of a name."""
    state = dict(torch.load(io.BytesIO(content), weights_only=True))
    name = chance.choice([*state])
    state[name] = _odd_tensor(state[name], chance)
    wrapped = chance.choice([state, {"state_dict": state}, {"model": {"state_dict": state}}, [state], list(state)])
    return _torch(wrapped, chance.random() < 0.5)


def torch_of_odd_names(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Other names of tensors."""
    state = dict(torch.load(io.BytesIO(content), weights_only=True))
    names = ("a\nb", "\x1b[31m", "x" * 3000, "", 3, None, (1, 2), b"a")
    return _torch({**state, chance.choice(names): torch.ones(2)}, chance.random() < 0.5)


OF_TORCH: tuple[Change, ...] = (torch_of_objects, torch_of_objects, torch_of_odd_values, torch_of_odd_names)


def safetensors_of_odd_header(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """An odd value in the header: a type, a shape, a place, a name or the metadata."""
    size = int.from_bytes(content[:8], "little")
    header = edited(json.loads(content[8 : 8 + size]), chance)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + size :]


def safetensors_of_lying_length(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A header that is said to be of another length."""
    return struct.pack("<Q", chance.choice([0, 1, 100, 2**27, 2**40, 2**63, 2**64 - 1])) + content[8:]


def safetensors_of_odd_values(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Tensors of other values, types, sizes and names."""
    state = load(content)
    name = chance.choice([*state])
    others = (torch.full(state[name].shape, float("nan")), state[name].half(), state[name].reshape(-1)[:1])
    state[name] = chance.choice(others)
    more = {chance.choice(["a\nb", "\x1b[31m", "x" * 3000, ""]): torch.ones(2)} if chance.random() < 0.3 else {}
    return save({key: value.contiguous() for key, value in {**state, **more}.items()})


OF_SAFETENSORS: tuple[Change, ...] = (
    safetensors_of_odd_header,
    safetensors_of_odd_header,
    safetensors_of_lying_length,
    safetensors_of_odd_values,
)


def model_of_odd_facts(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A model with an odd value in its metadata."""
    size = int.from_bytes(content[:8], "little")
    facts = json.loads(json.loads(content[8 : 8 + size])["__metadata__"][METADATA_KEY])
    text = json.dumps(edited(facts, chance)) if chance.random() < 0.9 else "[" * 10_000
    return save(load(content), {METADATA_KEY: text})


def store_of_odd_facts(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A store with an odd value in one of its descriptions."""
    members = _members(content)
    name = chance.choice([name for name in members if name.endswith("zarr.json")])
    members[name] = json.dumps(edited(json.loads(members[name]), chance)).encode()
    return _stored(members)


def store_of_odd_members(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A store with a member more, one less, or one with other content."""
    members = _members(content)
    name = chance.choice([*members])
    match chance.randrange(3):
        case 0:
            del members[name]
        case 1:
            members[name] = chance.choice([cut, flipped, overwritten])(members[name], chance, trap)
        case _:
            members[chance.choice(["../x", str(trap.outside), "c/0", "a/zarr.json", "scale_0/c/1/0/0"])] = b"{}"
    return _stored(members, chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))


OF_STORES: tuple[Change, ...] = (store_of_odd_facts, store_of_odd_facts, store_of_odd_members)


def json_of_odd_values(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Odd values in JSON."""
    found = json.loads(content)
    for _ in range(chance.choice([1, 1, 3])):
        found = edited(found, chance)
    return json.dumps(found).encode()


def json_of_odd_run_lengths(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """Odd shapes of objects: run lengths that do not fit, polygons far away, endless lists."""
    counts = ([10**9] * 5, [2**63, 1], [-1, 5000], [0] * 100_000, "0" * 100_000, "é", "ooooooooo0", [1.5], [])
    size = chance.choice([[64, 64], [10**6, 10**6], [-64, -64], [64], "64"])
    polygon = [chance.choice([-1e9, 0, 5, 60, 1e308]) for _ in range(chance.choice([3, 6, 8, 10_000]))]
    shape = chance.choice([{"size": size, "counts": chance.choice(counts)}, [polygon], [[polygon]], [], {}, "x"])
    found = json.loads(content)
    annotations = found["annotations"] if isinstance(found, dict) else found
    chance.choice(annotations)["segmentation"] = shape
    return json.dumps(found).encode()


OF_JSON: tuple[Change, ...] = (json_of_odd_values, json_of_odd_run_lengths)


def mat_of_huge_size(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """A packed element of a file of MATLAB that unpacks to far more, or that names a size that is not there."""
    if chance.random() < 0.2:
        packed = _zeros()
        return content[:128] + struct.pack("<II", 15, len(packed)) + packed
    plain = bytearray(zlib.decompress(content[136:]))
    at = chance.randrange(0, min(len(plain), 400), 4)
    plain[at : at + 4] = struct.pack("<i", chance.choice([-1, 0, 1, 17, 2**20, 2**31 - 1]))
    packed = zlib.compress(bytes(plain))
    return content[:128] + struct.pack("<II", 15, len(packed)) + packed


def xml_of_entities(content: bytes, chance: random.Random, trap: Trap) -> bytes:
    """An annotation with entities that grow, that name a file, or with endless nesting."""
    grown = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    doctype = chance.choice([f'<!DOCTYPE x [<!ENTITY a0 "x">{grown}]>', '<!DOCTYPE x SYSTEM "/dev/zero">'])
    text = content.decode().replace("<name>", "<name>&a11;", 1)
    text = chance.choice([doctype + text, "<a>" * 100_000, text.replace("<name>", "<name>" + "x" * 100_000)])
    return text.encode(chance.choice(["utf-8", "utf-16"]))


def edited(value: Any, chance: random.Random) -> Any:
    """A value of JSON with an odd one somewhere in it, or with another key."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice([*value])
        renamed = chance.choice([key, key, key, key, "x", "a\nb", ""])
        return {**{one: value[one] for one in value if one != key}, renamed: edited(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        return [*value[:at], edited(value[at], chance), *value[at + 1 :]]
    return chance.choice(ODD_VALUES)


def place_folder(path: Path) -> None:
    """A folder."""
    path.mkdir()


def place_pipe(path: Path) -> None:
    """A pipe that nobody writes to."""
    os.mkfifo(path)


def place_large(path: Path) -> None:
    """A file of two gigabytes, all of them zeros."""
    with path.open("wb") as file:
        file.truncate(2 * 10**9)


def place_link(target: str) -> Callable[[Path], None]:
    """A link to a device, to nothing, or to a folder around this one."""
    return lambda path: path.symlink_to(target)


LINKS = ("/dev/zero", "/dev/null", "/dev/full", "gone", "../..")
PLACES: Sequence[Callable[[Path], None]] = (
    *(place_folder, place_pipe, place_large),
    *map(place_link, LINKS),
    lambda path: path.symlink_to(path.name),
)


def _opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def _saved(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(width: int, height: int, colour_type: int, packed: Sequence[bytes], more: bytes = b"") -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0))
    palette = _chunk(b"PLTE", bytes(768)) if colour_type == 3 else b""
    data = b"".join(_chunk(b"IDAT", part) for part in packed)
    return b"\x89PNG\r\n\x1a\n" + header + more + palette + data + _chunk(b"IEND", b"")


@cache
def _large_png(side: int, colour_type: int) -> bytes:
    packer, row = zlib.compressobj(1), bytes(1 + side * (3 if colour_type == 2 else 1))
    parts = [packer.compress(row) for _ in range(side)]
    return _png(side, side, colour_type, [b"".join(parts) + packer.flush()])


@cache
def _zeros() -> bytes:
    packer, piece = zlib.compressobj(1), bytes(10**6)
    return b"".join([*(packer.compress(piece) for _ in range(BOMB_BYTES // 10**6)), packer.flush()])


@cache
def _zip_of_zeros() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("cam.npy", bytes(BOMB_BYTES))
    return buffer.getvalue()


@cache
def _tar_of_zeros(kind: bytes) -> bytes:
    member = tarfile.TarInfo("top/a.txt")
    member.size, member.type = BOMB_BYTES - BOMB_BYTES % 512, kind
    return gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(member.size + 10_240), 1)


def _tar_of(member: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member)
    return buffer.getvalue()


def _packed(tar: bytes, like: bytes) -> bytes:
    """A tar archive, packed if the sound one is."""
    return gzip.compress(tar) if like[:2] == b"\x1f\x8b" else tar


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _npy_header(text: str) -> bytes:
    line = text.encode("utf-8") + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(line)) + line


def _odd_array(array: np.ndarray, chance: random.Random) -> np.ndarray:
    """An array with other values, of another type, or of another size."""
    changes: tuple[Callable[[], Any], ...] = (
        lambda: np.full(array.shape, np.nan),
        lambda: np.full(array.shape, chance.choice([np.inf, 1e300, -1.0, 2.0])),
        lambda: array.astype(chance.choice(["c16", "f2", "i8", "?", "U9", "S3", ">f8", "M8[s]"])),
        lambda: array[..., :0],
        lambda: array[None],
        lambda: array.ravel(),
        lambda: np.asfortranarray(array),
        lambda: np.zeros((300, 300)),
        lambda: np.array("a\nb"),
    )
    return np.asarray(chance.choice(changes)())


def _odd_tensor(tensor: torch.Tensor, chance: random.Random) -> Any:
    """Another tensor, or something else."""
    changes: tuple[Callable[[], Any], ...] = (
        lambda: torch.full(tensor.shape, float("nan")),
        lambda: torch.zeros(1).expand(10**6, 10**6),
        lambda: torch.zeros(1).expand(tensor.shape),
        lambda: tensor.to_sparse(),
        lambda: tensor.to(torch.complex64),
        lambda: tensor.half(),
        lambda: tensor.bool(),
        lambda: tensor.to(torch.float8_e4m3fn),
        lambda: tensor.to("meta"),
        lambda: torch.quantize_per_tensor(tensor.float(), 0.1, 0, torch.qint8),
        lambda: torch.nn.Parameter(tensor.float()),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        lambda: tensor.numpy(),
        lambda: Calls(int, "3"),
        lambda: "a\nb",
        lambda: None,
        lambda: {"x": tensor},
    )
    return chance.choice(changes)()


def _torch(content: Any, is_new: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=is_new)
    return buffer.getvalue()


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _stored(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    return zip_bytes(*(zip_entry(name, content=content) for name, content in members.items()), method=method)

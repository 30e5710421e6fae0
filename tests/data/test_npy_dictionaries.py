"""Dictionaries of other projects: all that np.save and torch write comes back, and nothing in a file is run."""

import collections
import io
import os
import pickle
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from wsss.data.npy_dictionaries import read_npy_dictionary
from wsss.errors import WsssError

NAMED = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"


def saved(path: Path, content: Any, protocol: int | None = None, **options: Any) -> Path:
    """The file that np.save writes, with any protocol of pickle."""
    array = np.empty((), object)
    array[()] = content
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    if protocol is None:
        np.save(path, array, allow_pickle=True)
    else:
        path.write_bytes(header.getvalue() + pickle.dumps(array, protocol=protocol, **options))
    return path


def with_program(path: Path, program: bytes) -> Path:
    """A .npy file with any program in place of the dictionary's."""
    saved(path, {})
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\n") + 1] + program)
    return path


@pytest.mark.parametrize("protocol", [None, 0, 1, 2, 3, 4, 5])
def test_labels_come_back_from_every_protocol(tmp_path: Path, protocol: int | None) -> None:
    given = {f"2007_{number:06d}": np.eye(20, dtype=np.float32)[number % 20] for number in range(50)}
    found = read_npy_dictionary(saved(tmp_path / "a.npy", given, protocol))
    assert list(found) == list(given)
    np.testing.assert_equal(found, given)


def test_files_of_numpy_1_come_back(tmp_path: Path) -> None:
    """There the room of arrays has no underscore in its name."""
    given = {"a": np.arange(3), "b": np.float32(2)}
    content = saved(tmp_path / "a.npy", given, 2).read_bytes()
    assert b"cnumpy._core.multiarray" in content
    (tmp_path / "a.npy").write_bytes(content.replace(b"numpy._core.", b"numpy.core."))
    np.testing.assert_equal(read_npy_dictionary(tmp_path / "a.npy"), given)


@pytest.mark.parametrize("protocol", [None, 0, 2, 5])
def test_every_kind_of_value_comes_back(tmp_path: Path, protocol: int | None) -> None:
    given = {
        np.int32(2007000032): 1,
        np.str_("Süd"): np.float64(0.5),
        "": np.str_(""),
        7: [1, -5, 2**70, 0.25, None, True, False, "ü", b"\xff\x00", (1, (2, 3)), {"a": []}],
        "ordered": collections.OrderedDict(a=1),
        "bool": np.array([True, False]),
        "big-endian": np.array([1, 2, 3], ">i4"),
        "columns": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        "none": np.zeros((0, 3), np.float16),
        "pair": (np.arange(3), np.uint8(4)),
        "scalar": np.array(3.5),
    }
    same = np.arange(4)
    given |= {"first": same, "second": same}
    found = read_npy_dictionary(saved(tmp_path / "a.npy", given, protocol))
    np.testing.assert_equal(found, given)
    assert [type(key) for key in found] == [int, str, str, int, *[str] * 9]
    assert found["columns"].dtype == np.int16


@pytest.mark.parametrize(
    "dtype",
    [
        *(torch.float64, torch.float32, torch.float16, torch.int64, torch.int32),
        *(torch.int16, torch.int8, torch.uint8, torch.bool),
    ],
)
def test_tensors_are_arrays(tmp_path: Path, dtype: torch.dtype) -> None:
    whole = torch.arange(24).reshape(2, 3, 4).to(dtype)
    given = {
        "cam": whole,
        "turned": whole.permute(2, 0, 1),
        "part": whole[1, 1:, ::2],
        "one": torch.tensor(1).to(dtype),
    }
    given |= {"none": whole[:0], "wide": whole[0, 0, :1].expand(2)}
    found = read_npy_dictionary(saved(tmp_path / "a.npy", given))
    for name, tensor in given.items():
        np.testing.assert_array_equal(found[name], tensor.numpy(), strict=True)


def test_bfloat16_is_float32(tmp_path: Path) -> None:
    given = torch.tensor([1.5, -2.25, 3e38]).bfloat16()
    found = read_npy_dictionary(saved(tmp_path / "a.npy", {"cam": given}))
    np.testing.assert_array_equal(found["cam"], given.float().numpy(), strict=True)


def test_a_dictionary_of_irnet_comes_back(tmp_path: Path) -> None:
    cam = {"keys": torch.tensor([3, 14]), "cam": torch.rand(2, 5, 4), "high_res": np.random.rand(2, 19, 15)}
    found = read_npy_dictionary(saved(tmp_path / "a.npy", cam))
    assert found["keys"].tolist() == [3, 14]
    np.testing.assert_array_equal(found["cam"], cam["cam"].numpy())
    np.testing.assert_array_equal(found["high_res"], cam["high_res"])


class Calls:
    """An object whose pickle calls a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def touch(canary: Path) -> str:
    return f"open({str(canary)!r}, 'w').close()"


HOSTILE: dict[str, Callable[[Path], Any]] = {
    "system": lambda canary: Calls(os.system, f"touch {canary}"),
    "eval": lambda canary: Calls(eval, touch(canary)),
    "exec": lambda canary: Calls(exec, touch(canary)),
    "getattr": lambda canary: Calls(getattr, Calls(__import__, "os"), "system"),
    "nested": lambda canary: [{"a": (Calls(os.system, f"touch {canary}"), 1)}],
    "open": lambda canary: Calls(open, str(canary), "w"),
    "path": lambda canary: Path(canary),
    "load": lambda canary: Calls(pickle.loads, pickle.dumps(Calls(os.system, f"touch {canary}"))),
    "torch": lambda canary: Calls(torch.storage._load_from_bytes, pickle.dumps(Calls(os.system, f"touch {canary}"))),
    "numpy": lambda canary: Calls(np.load, str(canary)),
    "objects": lambda canary: np.array([Calls(os.system, f"touch {canary}"), 1], object),
    "class": lambda canary: dict,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_what_a_file_calls_is_not_run(tmp_path: Path, name: str, protocol: int) -> None:
    canary = tmp_path / "canary"
    path = saved(tmp_path / "a.npy", {"2007_000032": HOSTILE[name](canary)}, protocol)
    with pytest.raises(WsssError, match=r"a\.npy is refused: .*nothing of it was run") as error:
        read_npy_dictionary(path)
    assert "\n" not in str(error.value)
    assert not canary.exists()


def test_the_canary_would_sing(tmp_path: Path) -> None:
    """The files above do harm where a pickle is loaded."""
    for name in ("system", "eval", "nested", "load", "objects", "torch"):
        canary = tmp_path / name
        path = saved(tmp_path / "a.npy", HOSTILE[name](canary))
        try:
            np.load(path, allow_pickle=True)
        except Exception:
            assert name == "torch"
        assert canary.exists(), name


def nested_tuples(depth: int) -> bytes:
    """A tuple of twice the tuple before, and so on: short to write, and endless to print, compare or hash."""
    return b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * depth


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x02cos\nsystem\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"\x80\x04\x8c\x05numpy\x8c\x0dndarray.__new__\x93.",
        b"\x80\x02cnumpy\nload\n.",
        b"\x80\x02(S'touch canary'\nios\nsystem\n.",
        b"\x80\x02(cos\nsystem\nS'touch canary'\no.",
        b"\x80\x02cos\nsystem\n)\x81.",
        b"\x80\x02Pstorage\n.",
        b"\x80\x02U\x01aQ.",
        b"\x80\x02\x82\x01.",
        b"\x80\x05\x97.",
        b"\x80\x02}(I1\n}u}b.",
        nested_tuples(60) + b"}h\x00K\x01s.",
        nested_tuples(60) + b"h\x00\x93.",
        nested_tuples(60) + b"cnumpy\ndtype\nh\x00R.",
        b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b".",
        b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
        b"\x80\x02]q\x00h\x00a.",
        # Sizes that are not there: text, bytes, a whole number, a place in the memo.
        b"\x80\x02X\xff\xff\xff\x7fa.",
        b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"a.",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"a.",
        b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"a.",
        b"\x80\x02\x8b\xff\xff\xff\x7f1.",
        b"\x80\x02]r\xff\xff\xff\xff.",
        b"I" + b"9" * 100_000 + b"\n.",
        # Arrays that are larger than the file, and ones that are never filled.
        NAMED + b"(K\x01J\xff\xff\xff\x7f\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87RK\x00C\x00tb.",
        NAMED + b"(K\x01J\xff\xff\xff\x7f\x85cnumpy\ndtype\nU\x02U0K\x00K\x01\x87RK\x00C\x00tb.",
        NAMED + b"(K\x01K\x01\x85cnumpy\ndtype\nU\x07V999999K\x00K\x01\x87RK\x00C\x00tb.",
        NAMED + b".",
        NAMED + b"}b.",
        b"",
        b".",
        b"\x80\x02",
        b"\x80\x02K\x01.",
        b"\x80\x02}}.",
        b"\x80\x02u.",
        b"\x80\x02h\x05.",
        b"\xff\xff",
    ],
)
def test_programs_that_build_something_else_are_refused(tmp_path: Path, program: bytes) -> None:
    with pytest.raises(WsssError, match=r"a\.npy (is refused|is damaged|holds no dictionary)") as error:
        read_npy_dictionary(with_program(tmp_path / "a.npy", program))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000


def test_an_endless_dictionary_is_no_harm(tmp_path: Path) -> None:
    given: dict[str, Any] = {}
    given["itself"] = given
    found = read_npy_dictionary(saved(tmp_path / "a.npy", given))
    assert found["itself"] is found


def test_a_tensor_cannot_reach_past_its_numbers_nor_grow(tmp_path: Path) -> None:
    content = saved(tmp_path / "a.npy", {"cam": torch.zeros(2, 3)}, 2).read_bytes()
    sizes, strides = b"K\x02K\x03\x86", b"K\x03K\x01\x86"
    assert content.count(sizes) == content.count(strides) == 1
    for old, new in [
        (sizes, b"K\x03K\x03\x86"),
        (strides, b"K\x04K\x01\x86"),
        (strides, b"J\xff\xff\xff\xffK\x01\x86"),
    ]:
        (tmp_path / "a.npy").write_bytes(content.replace(old, new))
        with pytest.raises(WsssError, match="damaged"):
            read_npy_dictionary(tmp_path / "a.npy")
    grown = content.replace(sizes, b"J\xff\xff\xff\x7fK\x03\x86").replace(strides, b"K\x00K\x01\x86")
    (tmp_path / "a.npy").write_bytes(grown)
    with pytest.raises(WsssError, match="larger than the file"):
        read_npy_dictionary(tmp_path / "a.npy")


def test_a_file_with_any_byte_changed_or_cut_gives_a_dictionary_or_one_line(tmp_path: Path) -> None:
    given = {"a": torch.ones(2), "b": np.ones(2), "c": np.int64(3), "d": [1, "x"]}
    content = saved(tmp_path / "a.npy", given).read_bytes()
    path = tmp_path / "b.npy"
    rng = np.random.default_rng(0)
    for place in range(len(content)):
        path.write_bytes(content[:place])
        with pytest.raises(WsssError):
            read_npy_dictionary(path)
        path.write_bytes(content[:place] + bytes([rng.integers(256)]) + content[place + 1 :])
        with suppress(WsssError):
            assert isinstance(read_npy_dictionary(path), dict)


def test_a_file_that_the_system_does_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.npy").symlink_to("/proc/self/mem")
    with pytest.raises(WsssError, match=r"a\.npy cannot be read: Input/output error"):
        read_npy_dictionary(tmp_path / "a.npy")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WsssError, match="missing file"):
        read_npy_dictionary(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.ones((3, 4)))
    with pytest.raises(WsssError, match=r"array of shape \(3, 4\)"):
        read_npy_dictionary(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_bytes(b"PK\x03\x04")
    with pytest.raises(WsssError, match=r"no \.npy file"):
        read_npy_dictionary(tmp_path / "a.npy")
    with pytest.raises(WsssError, match="no dictionary"):
        read_npy_dictionary(saved(tmp_path / "a.npy", [1, 2]))

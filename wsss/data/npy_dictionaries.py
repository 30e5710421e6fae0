"""Dictionaries in .npy files, as other projects write them with np.save. Nothing in a file is ever run.

Such a file is a pickle: a program that builds objects, and that may call any function of Python. Here no pickle is
loaded. The instructions of the program are read one by one, and the few that build plain values, arrays of numpy and
tensors of torch are followed. A name of a function in the file is only compared with a list. The function itself is
never looked up.
"""

import io
import math
import pickletools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from wsss.errors import WsssError

LARGEST_FILE = 2**30
# Each may make an object of some 60 bytes.
MOST_INSTRUCTIONS = 20_000_000
# All arrays together may take this many times the bytes of the file. Text that stands for bytes is not yet an array.
GROWTH = 4
MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    # The upper half of a float32.
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
TORCH = "torch"
TORCH_MAGIC = 0x1950A86A20F9469CFC6C
TORCH_PROTOCOL = 1001
MOST_DIMENSIONS = 32
HEADER = re.compile(
    r"\{'descr': '(?P<type>[^']{1,20})', 'fortran_order': (?:True|False), 'shape': \((?P<shape>[\d, ]{0,99})\),? *\}\s*"
)
# Truth values, whole numbers, floats, text, and objects.
KNOWN_TYPE = re.compile(r"b1|[iu][1248]|f[248]|[US]\d{1,6}|O8", re.ASCII)


def read_npy_dictionary(path: Path) -> dict[str | int, Any]:
    """A dictionary that np.save has written, without running what is in the file.

    Parameters
    ----------
    path : Path
        A .npy file of one dictionary, with keys of text or whole numbers. Its values may be numbers, text, bytes, None,
        lists, tuples, dictionaries, arrays and scalars of numpy, and tensors of torch.

    Returns
    -------
    dict[str | int, Any]
        The dictionary. Tensors are arrays, bfloat16 is float32, and scalars of numpy are plain numbers or text.

    Raises
    ------
    WsssError
        If the file is missing, damaged, something else, or would call or build anything else.
    """
    if not path.is_file():
        raise WsssError(f"missing file: {path}")
    if path.stat().st_size > LARGEST_FILE:
        raise WsssError(f"{path} is larger than {LARGEST_FILE // 2**30} GiB: is this the right file?")
    try:
        stream = io.BytesIO(path.read_bytes())
        _skip_header(stream)
        content = _Program(stream, _Budget(GROWTH * path.stat().st_size)).run()
    except _RefusedError as reason:
        raise WsssError(f"{path} is refused: {reason}; nothing of it was run. {WAY_OUT}") from None
    except OSError as error:
        raise WsssError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, LookupError, OverflowError, AttributeError, RecursionError, MemoryError) as error:
        raise WsssError(f"{path} is damaged ({type(error).__name__}: {str(error)[:100]}): get it anew") from None
    if not isinstance(content, dict):
        raise WsssError(f"{path} holds no dictionary. {WAY_OUT}")
    return content


WAY_OUT = "Known are dictionaries of plain values, arrays and tensors, saved with np.save"


class _RefusedError(Exception):
    """What a file asks for and does not get."""


class _Budget:
    """How many bytes the arrays of a file may still take."""

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _RefusedError("its arrays are larger than the file")


@dataclass(frozen=True)
class _Name:
    """A function or class that a file names. It is never looked up."""

    module: str
    name: str


@dataclass
class _Type:
    """A type of numpy while it is built; `code` is O for objects."""

    code: str
    order: Literal["<", ">", "=", "|"] = "="

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.code).newbyteorder(self.order)


@dataclass
class _Array:
    """An array while it is built: its content, or the one object that the outer array holds."""

    item: Any = None
    is_built: bool = False


@dataclass(frozen=True)
class _Storage:
    """The numbers of a tensor, in one row."""

    values: np.ndarray
    is_bfloat16: bool


def _skip_header(stream: io.BytesIO) -> None:
    """Go to the pickle. Raises _RefusedError if the file is no .npy file of one object."""
    start = stream.read(8)
    # The length of the header takes 2 bytes in version 1 of the format, and 4 in version 2.
    size = {(b"\x93NUMPY", 1): 2, (b"\x93NUMPY", 2): 4}.get((start[:6], start[6] if len(start) == 8 else 0))
    if size is None:
        raise _RefusedError("it is no .npy file")
    text = stream.read(int.from_bytes(stream.read(size), "little")).decode("latin-1")
    header = HEADER.fullmatch(text)
    if header is None:
        raise _RefusedError("it is no .npy file of one dictionary")
    if header["type"] != "|O" or header["shape"]:
        raise _RefusedError(f"it holds an array of shape ({header['shape']}) and type {header['type']}")


class _Program:
    """The instructions of one pickle, followed one by one on a stack."""

    def __init__(self, stream: io.BytesIO, budget: _Budget, inside_tensor: bool = False) -> None:
        self.stream = stream
        self.budget = budget
        self.inside_tensor = inside_tensor
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """What the program builds."""
        for number, (instruction, argument, _) in enumerate(pickletools.genops(self.stream)):
            name = instruction.name
            if number > MOST_INSTRUCTIONS:
                raise _RefusedError("it is too long")
            if name == "STOP":
                break
            if name in CONSTANTS:
                self.stack.append(CONSTANTS[name])
            elif name in VALUES:
                self.stack.append(argument)
            elif (step := STEPS.get(name)) is not None:
                step(self, argument)
            elif name not in NOTHING_TO_DO:
                raise _RefusedError(f"it asks for {name}")
        if len(self.stack) != 1 or self.marks:
            raise ValueError("the end is missing")
        return _finished(self.stack.pop())

    def pop_to_mark(self) -> list[Any]:
        start = self.marks.pop()
        if start > len(self.stack):
            raise ValueError("values are missing")
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def pop(self, count: int) -> list[Any]:
        bottom = self.marks[-1] if self.marks else 0
        if len(self.stack) - bottom < count:
            raise ValueError("values are missing")
        values = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return values

    def put(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def store(self, pairs: list[Any]) -> None:
        """Put keys with their values into the dictionary on top of the stack."""
        found = self.stack[-1]
        if not isinstance(found, dict) or len(pairs) % 2:
            raise ValueError("keys without a dictionary")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            key = _finished(key)
            # Other keys are not needed, and the hash of nested tuples can take forever.
            if not isinstance(key, str | int):
                raise _RefusedError(f"a key is neither text nor a whole number but {type(key).__name__}")
            found[key] = _finished(value)

    def extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError("items without a list")
        self.stack[-1].extend(map(_finished, values))

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name is no text")
        found = _Name(module, name)
        if found not in (TORCH_NAMES if self.inside_tensor else NAMES):
            raise _RefusedError(f"it names {found.module[:60]}.{found.name[:60]}")
        self.stack.append(found)

    def call(self) -> None:
        """Build what the call of a known name stands for."""
        function, arguments = self.pop(2)
        if not isinstance(function, _Name) or not isinstance(arguments, tuple) or function not in BUILDERS:
            raise _RefusedError("it calls something else than what builds an array")
        self.stack.append(BUILDERS[function](self.budget, *arguments))

    def build(self) -> None:
        """Complete a type or an array."""
        (state,) = self.pop(1)
        found = self.stack[-1]
        if isinstance(found, _Type):
            found.order = _byte_order(state)
        elif isinstance(found, _Array):
            found.item, found.is_built = _content(self.budget, len(self.stack) == 1, *state), True
        else:
            raise _RefusedError(f"it sets the state of {type(found).__name__}")

    def stored_elsewhere(self) -> None:
        """The storage of a tensor, whose numbers follow after the program."""
        (found,) = self.pop(1)
        if not self.inside_tensor:
            raise _RefusedError("it refers to something outside")
        self.stack.append(found)


def _finished(value: Any) -> Any:
    """A value without the wrapping of an array that is built."""
    if not isinstance(value, _Array):
        return value
    if not value.is_built:
        raise ValueError("an array has no content")
    return value.item


def _byte_order(state: Any) -> Literal["<", ">", "=", "|"]:
    """The order of bytes that the state of a type names. Types with fields or metadata are refused."""
    if not isinstance(state, tuple) or len(state) < 5 or any(one is not None for one in state[2:5]):
        raise _RefusedError("it names a type of numpy with fields")
    orders: tuple[Literal["<", ">", "=", "|"], ...] = ("<", ">", "=", "|")
    return orders[orders.index(state[1])]


def _type(budget: _Budget, code: Any, *_: Any) -> _Type:
    if not isinstance(code, str) or not KNOWN_TYPE.fullmatch(code):
        raise _RefusedError("it holds an array of an unknown type")
    return _Type(code)


def _content(budget: _Budget, is_outer: bool, *state: Any) -> Any:
    """The content of an array from its version, shape, type, order and bytes."""
    _, shape, kind, fortran, content = state
    if not isinstance(kind, _Type):
        raise ValueError("an array without a type")
    if kind.code[0] in "US":
        raise _RefusedError("it holds an array of text")
    if kind.code != "O8":
        return _array(budget, content, kind.dtype, shape, "F" if fortran else "C")
    if not is_outer or shape != ():
        raise _RefusedError("it holds an array of objects")
    (item,) = content
    return _finished(item)


def _array(budget: _Budget, content: Any, dtype: np.dtype[Any], shape: Any, order: Literal["C", "F"]) -> np.ndarray:
    count = math.prod(_sizes(shape))
    data = _as_bytes(content)
    if len(data) != count * dtype.itemsize:
        raise ValueError(f"an array of shape {shape} with {len(data)} bytes")
    budget.take(len(data))
    if not dtype.itemsize:
        # Empty text. As an array numpy would give it a size.
        if shape != ():
            raise _RefusedError("it holds an array of text")
        return np.zeros((), dtype)
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def _sizes(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or len(shape) > MOST_DIMENSIONS:
        raise ValueError("a shape is damaged")
    if not all(isinstance(size, int) and 0 <= size < 2**48 for size in shape):
        raise ValueError("a shape is damaged")
    return shape


def _as_bytes(content: Any) -> bytes | bytearray:
    """Bytes. Python 2 wrote them as text, one character for each."""
    if isinstance(content, str):
        return content.encode("latin-1")
    if not isinstance(content, bytes | bytearray):
        raise ValueError("an array without bytes")
    return content


def _empty_array(budget: _Budget, *_: Any) -> _Array:
    return _Array()


def _from_buffer(budget: _Budget, content: Any, kind: Any, shape: Any, order: Any) -> _Array:
    if not isinstance(kind, _Type) or kind.code[0] in "OUS":
        raise _RefusedError("it holds an array of objects or text")
    return _Array(_array(budget, content, kind.dtype, shape, "F" if order == "F" else "C"), True)


def _scalar(budget: _Budget, kind: Any, content: Any = b"") -> Any:
    if not isinstance(kind, _Type) or kind.code == "O8":
        raise _RefusedError("it holds an object of numpy")
    return _array(budget, content, kind.dtype, (), "C").item()


def _encoded(budget: _Budget, text: Any, encoding: Any = "latin1") -> bytes:
    """Bytes that an old pickle of Python 3 keeps as text."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _RefusedError("it holds encoded text")
    budget.take(len(text))
    return text.encode("latin-1")


def _nothing(budget: _Budget, *arguments: Any) -> bytes:
    if arguments:
        raise _RefusedError("it makes bytes")
    return b""


def _ordered_dictionary(budget: _Budget, *arguments: Any) -> dict[str | int, Any]:
    if arguments:
        raise _RefusedError("it makes a dictionary from something else")
    return {}


def _storage(budget: _Budget, content: Any) -> _Storage:
    """The numbers of a tensor, from the form of torch.save before zip archives. torch keeps tensors so in pickles."""
    if not isinstance(content, bytes):
        raise ValueError("a tensor without bytes")
    budget.take(len(content))
    stream = io.BytesIO(content)
    magic, protocol, _, description, keys = (_Program(stream, budget, inside_tensor=True).run() for _ in range(5))
    if magic != TORCH_MAGIC or protocol != TORCH_PROTOCOL:
        raise _RefusedError("it holds a tensor in an unknown form")
    _, kind, key, _, count = description[:5]
    if not isinstance(kind, _Name) or not isinstance(key, str) or not isinstance(keys, list) or len(keys) != 1:
        raise _RefusedError("it holds a tensor in an unknown form")
    dtype, size = np.dtype(STORAGES[kind.name]), int.from_bytes(stream.read(8), "little")
    data = stream.read()
    if size != count or len(data) != size * dtype.itemsize:
        raise ValueError("a tensor is cut off")
    return _Storage(np.frombuffer(data, dtype), kind.name == "BFloat16Storage")


def _tensor(budget: _Budget, storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> np.ndarray:
    """The array of a tensor: some of the numbers of its storage."""
    if not isinstance(storage, _Storage) or not isinstance(offset, int) or offset < 0:
        raise ValueError("a tensor without numbers")
    sizes, strides = _sizes(size), _sizes(stride)
    count = math.prod(sizes)
    last = offset + sum((one - 1) * step for one, step in zip(sizes, strides, strict=True)) if count else 0
    if last >= len(storage.values) + (not count):
        raise ValueError("a tensor is larger than its numbers")
    budget.take(count * storage.values.itemsize)
    steps = tuple(step * storage.values.itemsize for step in strides)
    found = np.lib.stride_tricks.as_strided(storage.values[offset if count else 0 :], sizes, steps).copy()
    if storage.is_bfloat16:
        budget.take(2 * count)
        found = (found.astype(np.uint32) << 16).view(np.float32)
    return found


BUILDERS: Mapping[_Name, Callable[..., Any]] = {
    **{_Name(module, "_reconstruct"): _empty_array for module in MULTIARRAY},
    **{_Name(module, "scalar"): _scalar for module in MULTIARRAY},
    **{_Name(module, "_frombuffer"): _from_buffer for module in NUMERIC},
    _Name("numpy", "dtype"): _type,
    _Name("_codecs", "encode"): _encoded,
    **{_Name(module, "bytes"): _nothing for module in ("builtins", "__builtin__")},
    _Name("collections", "OrderedDict"): _ordered_dictionary,
    _Name(f"{TORCH}.storage", "_load_from_bytes"): _storage,
    _Name(f"{TORCH}._utils", "_rebuild_tensor_v2"): _tensor,
}
NAMES = {*BUILDERS, _Name("numpy", "ndarray")}
TORCH_NAMES = {_Name(TORCH, name) for name in STORAGES}


def _tuple_of(count: int) -> Callable[[_Program, Any], None]:
    return lambda program, _: program.stack.append(tuple(map(_finished, program.pop(count))))


def _dictionary(program: _Program, _: Any) -> None:
    pairs = program.pop_to_mark()
    program.stack.append({})
    program.store(pairs)


CONSTANTS: Mapping[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
# Instructions whose argument is the value itself.
VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
NOTHING_TO_DO = {"PROTO", "FRAME"}
STEPS: Mapping[str, Callable[[_Program, Any], None]] = {
    "MARK": lambda program, _: program.marks.append(len(program.stack)),
    "EMPTY_LIST": lambda program, _: program.stack.append([]),
    "EMPTY_DICT": lambda program, _: program.stack.append({}),
    "EMPTY_TUPLE": lambda program, _: program.stack.append(()),
    "LIST": lambda program, _: program.stack.append([*map(_finished, program.pop_to_mark())]),
    "TUPLE": lambda program, _: program.stack.append(tuple(map(_finished, program.pop_to_mark()))),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "DICT": _dictionary,
    "APPEND": lambda program, _: program.extend(program.pop(1)),
    "APPENDS": lambda program, _: program.extend(program.pop_to_mark()),
    "SETITEM": lambda program, _: program.store(program.pop(2)),
    "SETITEMS": lambda program, _: program.store(program.pop_to_mark()),
    "PUT": lambda program, place: program.put(place),
    "BINPUT": lambda program, place: program.put(place),
    "LONG_BINPUT": lambda program, place: program.put(place),
    "MEMOIZE": lambda program, _: program.put(len(program.memo)),
    "GET": lambda program, place: program.stack.append(program.memo[place]),
    "BINGET": lambda program, place: program.stack.append(program.memo[place]),
    "LONG_BINGET": lambda program, place: program.stack.append(program.memo[place]),
    "GLOBAL": lambda program, both: program.name(*both.split(" ", 1)),
    "STACK_GLOBAL": lambda program, _: program.name(*program.pop(2)),
    "REDUCE": lambda program, _: program.call(),
    "BUILD": lambda program, _: program.build(),
    "BINPERSID": lambda program, _: program.stored_elsewhere(),
}

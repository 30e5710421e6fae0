"""Graphs of networks as ONNX, recorded by torch and checked by onnxruntime.

torch records the graph from a run of the network, at one size. docs/decisions.md says why it is not torch's newer
exporter.
"""

import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from wsss.errors import WsssError

Size = tuple[int, int]
INPUT, OUTPUT = "pixels", "probabilities"
OPSET = 18
# The graph is recorded at one size and checked at two others, which leave other remainders by the networks' strides.
RECORDED, CHECKED = (129, 96), ((97, 130), (160, 107))
LARGEST_DIFFERENCE = 1e-3
# The level of onnxruntime's log that shows nothing but crashes, and the number of standard output for the system.
SILENT = 4
STANDARD_OUTPUT = 1


class Graph(NamedTuple):
    """A checked graph: its bytes, its size (None: any size), and the largest difference from torch's probabilities."""

    content: bytes
    size: Size | None
    difference: float


def onnx_packages() -> tuple[ModuleType, ModuleType]:
    """The packages onnx and onnxruntime. Raises WsssError if one is not installed."""
    try:
        import onnx
        import onnxruntime
    except ModuleNotFoundError as error:
        if error.name not in ("onnx", "onnxruntime"):
            raise
        raise WsssError(f"wsss export needs {error.name}, which is not installed: pip install 'wsss[onnx]'") from None
    return onnx, onnxruntime


def graph_of_any_size(recorded: nn.Module, plain: nn.Module) -> Graph:
    """The graph of a network for images of any size.

    Parameters
    ----------
    recorded : nn.Module
        The network, in layers whose sizes can be recorded.
    plain : nn.Module
        The network as it is, for the check: from pixels (1, 3, H, W) to probabilities (1, n, H, W).

    Returns
    -------
    Graph
        The graph.

    Raises
    ------
    WsssError
        If torch cannot record the network, or the graph holds for the recorded size alone.
    """
    try:
        content = _recorded(recorded, RECORDED, {INPUT: {2: "height", 3: "width"}, OUTPUT: {2: "height", 3: "width"}})
        return Graph(content, None, _difference(content, plain, CHECKED))
    except WsssError:
        raise
    except Exception as error:  # torch and onnxruntime raise many kinds of errors
        raise WsssError(f"no graph of any size ({_first_line(error)})") from None


def graph_of_size(recorded: nn.Module, plain: nn.Module, size: Size) -> Graph:
    """As `graph_of_any_size`, for images of one size."""
    try:
        content = _recorded(recorded, size, {})
        return Graph(content, size, _difference(content, plain, [size, size]))
    except WsssError:
        raise
    except Exception as error:  # torch and onnxruntime raise many kinds of errors
        raise WsssError(f"torch cannot write this network as ONNX ({_first_line(error)})") from None


def _recorded(network: nn.Module, size: Size, axes: dict[str, dict[int, str]]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), _no_output(), torch.no_grad():
        # torch tells that Python's numbers are recorded as constants. The check shows whether that did harm.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, *size),),
            buffer,  # type: ignore[arg-type]
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=OPSET,
            dynamic_axes=axes,
            dynamo=False,
        )
    return buffer.getvalue()


@contextmanager
def _no_output() -> Iterator[None]:
    """Keep standard output silent. Compiled code of torch prints the whole graph of a network that it cannot record."""
    sys.stdout.flush()
    kept = os.dup(STANDARD_OUTPUT)
    try:
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), STANDARD_OUTPUT)
            yield
    finally:
        os.dup2(kept, STANDARD_OUTPUT)
        os.close(kept)


def _difference(content: bytes, plain: nn.Module, sizes: Sequence[Size]) -> float:
    """The largest difference of probabilities on random images. Raises WsssError if it is too large."""
    (_, onnxruntime), generator = onnx_packages(), np.random.default_rng(0)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = SILENT
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    largest = 0.0
    for size in sizes:
        pixels = generator.integers(0, 256, (1, 3, *size)).astype(np.float32)
        (found,) = session.run([OUTPUT], {INPUT: pixels})
        with torch.no_grad():
            wanted = plain(torch.from_numpy(pixels)).numpy()
        # Differences that are no number are errors too.
        largest = max(largest, float(np.nan_to_num(np.abs(found - wanted), nan=np.inf).max()))
    if largest > LARGEST_DIFFERENCE:
        raise WsssError(f"onnxruntime's probabilities differ from torch's by {largest:.1e}")
    return largest


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]

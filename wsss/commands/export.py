"""`wsss export`: the segmentation network of a model as ONNX, from pixels to probabilities."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from wsss.commands.model_files import model_file
from wsss.commands.onnx_graph import INPUT, OUTPUT, Graph, Size, graph_of_any_size, graph_of_size, onnx_packages
from wsss.commands.output_file import write_output
from wsss.data.images import voc_palette
from wsss.data.label_values import BACKGROUND
from wsss.errors import WsssError
from wsss.files import sha256_of
from wsss.networks.saved_weights import load_weights
from wsss.networks.traced import traceable
from wsss.segmentation.model import ModelFacts, read_model
from wsss.segmentation.training import build_segmenter
from wsss.segmentation.whole_graph import PixelsToProbabilities

LARGEST_SIDE = 8192


def export(named: str, out: Path, size: Size | None) -> Iterator[str]:
    """Write the segmentation network of a model as ONNX, after a check against torch.

    Parameters
    ----------
    named : str
        The model: its file, its folder, its run's folder, or the name of its run.
    out : Path
        The file to write.
    size : tuple[int, int] or None
        The height and width of the input. None: any, if the network allows it.

    Returns
    -------
    Iterator[str]
        Lines for the user: what was written, what was checked, and what is left out.

    Raises
    ------
    WsssError
        If onnx or onnxruntime is missing, there is no such model, or the graph does not give torch's probabilities.
    """
    onnx_packages()
    file = model_file(named)
    facts, state = read_model(file)
    graph, why = _graph(facts, state, file, size)
    channels = _channels(facts)
    write_output(out, _described(graph.content, {**channels, **_origin(facts, file)}))
    sides = "height, width" if graph.size is None else f"{graph.size[0]}, {graph.size[1]}"
    yield f"written: {out}"
    if why:
        yield f"the size of its input is fixed at {sides}: {why}"
    yield f"input {INPUT}: float32 (1, 3, {sides}), RGB in 0..255; the normalisation is inside"
    names = ", ".join(channels["class_names"])
    yield f"output {OUTPUT}: float32 (1, {len(channels['class_names'])}, {sides}): {names}"
    yield f"checked: the probabilities of onnxruntime and torch differ by at most {graph.difference:.1e}"
    yield (
        "left out: the CRF, so labels are those of `wsss segment --no-crf`, and making photographs of more than "
        f"{facts.max_pixels} pixels smaller"
    )


def size_of(text: str) -> Size:
    """Height and width from a text such as 320x480. Raises WsssError for another text."""
    found = re.fullmatch(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,3})", text)
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if not found or max(sides) > LARGEST_SIDE:
        raise WsssError(f"--size {text}: give height x width in pixels, each 1..{LARGEST_SIDE}, such as 320x480")
    return sides


def _graph(facts: ModelFacts, state: Mapping[str, Tensor], file: Path, size: Size | None) -> tuple[Graph, str]:
    """The checked graph, and why its size is fixed though none was asked for; else an empty text."""
    plain, recorded = (_whole(facts, state, file, is_recorded) for is_recorded in (False, True))
    if size is not None:
        return graph_of_size(recorded, plain, size), ""
    try:
        return graph_of_any_size(recorded, plain), ""
    except WsssError as error:
        side = facts.segmentation.crop
        return graph_of_size(recorded, plain, (side, side)), f"{error}; --size sets another"


def _whole(facts: ModelFacts, state: Mapping[str, Tensor], file: Path, is_recorded: bool) -> PixelsToProbabilities:
    network = build_segmenter(facts.segmentation, len(facts.classes))
    load_weights(network, dict(state), file)
    normalisation = network.backbone.normalisation
    if is_recorded:
        network.backbone = traceable(network.backbone)  # type: ignore[assignment]
    return PixelsToProbabilities(network, normalisation, facts.prediction.scales, facts.values.first).eval()


def _channels(facts: ModelFacts) -> dict[str, list[Any]]:
    """Name, value in label images, and RGB colour of each channel of the output, in their order."""
    named = {BACKGROUND: 0} if facts.has_background else {}
    named |= facts.classes
    colours = voc_palette()[np.array([*named.values()])].tolist()
    return {"class_names": [*named], "class_values": [*named.values()], "palette": colours}


def _origin(facts: ModelFacts, file: Path) -> dict[str, Any]:
    return {"dataset": facts.dataset, "model_sha256": sha256_of(file), "weights_sha256": facts.weights_sha256}


def _described(content: bytes, facts: Mapping[str, Any]) -> bytes:
    """The graph with facts as metadata: texts as they are, all else as JSON."""
    onnx, _ = onnx_packages()
    model = onnx.load_model_from_string(content)
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()}
    onnx.helper.set_model_props(model, texts)
    model.doc_string = f"Segmentation: {INPUT}, RGB in 0..255, to {OUTPUT} of the classes. The CRF is not included."
    onnx.checker.check_model(model)
    described: bytes = model.SerializeToString(deterministic=True)
    return described

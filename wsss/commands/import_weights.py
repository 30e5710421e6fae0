"""Weights of released networks under this project's names: state dicts of torch or safetensors, nothing unpickled.

| kind          | what it is, and what the file becomes                                                              |
|---------------|----------------------------------------------------------------------------------------------------|
| vwe, vwl_l    | classifiers of VWE (IJCAI 2021) and VWL-L (IJCV 2022): classifier.safetensors of the workflow      |
| vwl_m         | the classifier of VWL-M, with the codebook of its memory bank, which is a separate .npy            |
| irnet         | IRNet (Ahn et al., CVPR 2019), trunk and both branches: edges.safetensors of the workflow          |
| deeplab       | the widespread DeepLabV2-ResNet101 (Chen et al., TPAMI 2018): segmenter.safetensors                |
| deeplab_start | the trunk that its training starts from: a file for a backbone with `weights: file`                |

Both DeepLabs need `caffe_style: true` and `input: caffe` in the settings of their backbone. The sizes of codebook and
outputs, and the classifiers' ResNet, are read from the file.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from wsss.classification.classifier import build_classifier
from wsss.errors import WsssError, brief, reason_of
from wsss.files import sha256_of, write_bytes
from wsss.networks.backbones import build_backbone
from wsss.networks.finite import require_finite_weights
from wsss.networks.initial_weights import read_state
from wsss.networks.released_names import BANK, DEEPLAB_RATES, NAMES, TRUNK, Released
from wsss.networks.saved_weights import shape_text
from wsss.refinement.irnet.network import EdgeNetwork
from wsss.segmentation.deeplab import DeepLabV2
from wsss.settings.classifier import ClassifierSettings


def import_weights(kind: Released, source: Path, out: Path, codebook: Path | None = None) -> str:
    """Write the weights of a released network as safetensors under this project's names.

    Parameters
    ----------
    kind : Released
        Which released network it is; the table in the module's docstring lists them.
    source : Path
        A .safetensors or a file of torch. Nothing in it is run.
    out : Path
        The file of safetensors that is written.
    codebook : Path or None
        VWL-M's codebook, a .npy of float (words, channels). No other kind has one.

    Returns
    -------
    str
        What the file holds: the network, and the numbers of words, classes or outputs.

    Raises
    ------
    WsssError
        If a file cannot be read without running code, or does not fit. The message names every entry that is missing,
        unknown or of another shape.
    """
    if (codebook is not None) != (kind is Released.VWL_M):
        raise WsssError("--codebook names the .npy of a vwl_m, which has its codebook there; no other kind has one")
    entries = {re.sub(f"^{NAMES[kind].prefix}", "", name): value for name, value in read_state(source).items()}
    entries = {name: value for name, value in entries.items() if not re.fullmatch(NAMES[kind].left_out, name)}
    renamed = {name: NAMES[kind].ours(name) for name in entries}
    ours = {name_of_ours: entries[name] for name, name_of_ours in renamed.items() if name_of_ours is not None}
    if codebook is not None:
        # `filled` is true, so that a training that continues from this file keeps the codebook.
        ours |= {f"{BANK}.codebook": read_codebook(codebook), f"{BANK}.filled": torch.tensor(True)}
    said, wanted = _network(kind, ours)
    unknown = [name for name, name_of_ours in renamed.items() if name_of_ours not in wanted]
    _check_names_and_shapes(kind, source, ours, wanted, unknown)
    state = {name: _with_shape_and_type_of(ours.get(name), value) for name, value in wanted.items()}
    require_finite_weights(str(source), state, "get the file anew")
    write_bytes(out, save(state, {"origin": f"released {kind}, SHA-256 {sha256_of(source)}"}))
    return f"{out}: {said}"


def _network(kind: Released, ours: Mapping[str, Tensor]) -> tuple[str, dict[str, Tensor]]:
    """A description of the file, and the state dict that it must fill, without values."""
    network: nn.Module
    with torch.device("meta"):
        if kind is Released.IRNET:
            return "IRNet on resnet50", EdgeNetwork(build_backbone("resnet50"), displacement=True).state_dict()
        if kind is Released.DEEPLAB_START:
            return "trunk of DeepLabV2, a resnet101", build_backbone("resnet101").network.state_dict()
        if kind is Released.DEEPLAB:
            outputs = _count(ours, "aspp.0.weight", 21)
            network = DeepLabV2(build_backbone("resnet101"), outputs, DEEPLAB_RATES)
            return f"DeepLabV2 on resnet101, {outputs} outputs", network.state_dict()
        return _classifier(kind, ours)


def _classifier(kind: Released, ours: Mapping[str, Tensor]) -> tuple[str, dict[str, Tensor]]:
    # The third layer has 6 blocks in a ResNet50, 23 in a ResNet101.
    deep = any(re.match(rf"{TRUNK}\.layer3\.([6-9]|\d\d)\.", name) for name in ours)
    backbone = {"name": "resnet101" if deep else "resnet50", "weights": "scratch"}
    words, classes = _count(ours, "words.word.weight", 256), _count(ours, "classifier.weight", 20)
    settings = {"backbone": backbone, "words": kind.value, "vocabulary": words}
    state = build_classifier(ClassifierSettings.model_validate(settings), classes).state_dict()
    return f"{kind} on {backbone['name']}, {words} words, {classes} classes", state


def _count(ours: Mapping[str, Tensor], name: str, otherwise: int) -> int:
    """The number of outputs of a layer; `otherwise` if its weights are missing."""
    weight = ours.get(name)
    return otherwise if weight is None or weight.dim() == 0 else len(weight)


def read_codebook(path: Path) -> Tensor:
    """A memory bank's codebook from a `.npy` of numbers. Raises WsssError if it is missing, or is something else."""
    if not path.is_file():
        raise WsssError(f"no codebook at {path}: give its .npy")
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False))
    except Exception as error:  # for damaged files, numpy raises many kinds of errors
        raise WsssError(
            f"{path} cannot be read as an array of numbers ({reason_of(error)}): give the codebook's .npy"
        ) from None


def _check_names_and_shapes(
    kind: Released, source: Path, ours: Mapping[str, Tensor], wanted: Mapping[str, Tensor], unknown: list[str]
) -> None:
    needed = [name for name in wanted if not name.endswith("num_batches_tracked")]
    missing = [NAMES[kind].released(name) for name in needed if name not in ours]
    misfit = [
        f"{NAMES[kind].released(name)} is {shape_text(ours[name])}, not {shape_text(wanted[name])}"
        for name in wanted
        if name in ours and not _fits(ours[name], wanted[name])
    ]
    faults = [f"missing {', '.join(missing)}"] if missing else []
    faults += [f"unknown {', '.join(map(brief, unknown))}"] if unknown else []
    if faults or misfit:
        raise WsssError(f"{source} does not hold the weights of a released {kind}: {'; '.join(faults + misfit)}")


def _fits(value: Tensor, wanted: Tensor) -> bool:
    """Whether a value has the wanted shape. For a matrix, a 1x1 convolution is accepted too."""
    return value.shape in (wanted.shape, (*wanted.shape, 1, 1) if wanted.dim() == 2 else wanted.shape)


def _with_shape_and_type_of(value: Tensor | None, wanted: Tensor) -> Tensor:
    if value is None:
        return torch.zeros(wanted.shape, dtype=wanted.dtype)
    return value.reshape(wanted.shape).to(wanted.dtype).clone()

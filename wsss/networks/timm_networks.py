"""Networks of timm as backbones. Any network that gives features (`features_only=True`) can be used.

timm is imported only when one of its networks is used.

A stage is what timm calls a feature level:

- five or more levels with different strides: the last five;
- fewer levels (ConvNeXt and Swin have four): the first one is repeated until there are five;
- levels that all have the same stride (plain vision transformers, one level for each block): five at equal distances,
  the last one included.
"""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import pad

from wsss.data.augmentation import Normalisation
from wsss.errors import WsssError

STAGES = 5
# Options by which families of timm networks accept images of any size.
ANY_SIZE: tuple[dict[str, Any], ...] = ({"dynamic_img_size": True}, {"strict_img_size": False}, {})
# Exceptions of timm for options and image sizes that a network does not accept.
REFUSALS = (AssertionError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)
SAFETENSORS_ONLY = {"hf_hub_filename": "model.safetensors", "custom_load": False, "url": ""}


@dataclass(frozen=True)
class TimmNetwork:
    """A network of timm, and how its outputs become five stages. `channels` and `strides` are those of the stages."""

    network: nn.Module
    # For each stage, the index of its features among the network's outputs.
    outputs: tuple[int, ...]
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    # Whether the outputs are (batch, height, width, channels).
    channels_at_end: bool
    normalisation: Normalisation
    # For each stage, the parameters that its features depend on and the features of earlier stages do not.
    parameters: tuple[tuple[str, ...], ...]
    # For each entry of timm's published state dicts, its name in `network`. None for entries of a classifier.
    published: Mapping[str, str | None]

    def features(self, images: Tensor, frozen: int = 0) -> list[Tensor]:
        """Features of the five stages for normalised images (batch, 3, height, width).

        Images are padded on the right and at the bottom, with the mean colour, to a multiple of the largest stride.
        Features of stride s are cropped to (ceil(height / s), ceil(width / s)). No gradient reaches the parameters of
        the first `frozen` stages, and none goes through these stages.

        If gradients are needed, attention uses torch's plain implementation, because the faster ones do not give the
        same bytes every time on GPUs.
        """
        gradients = torch.is_grad_enabled() and frozen < STAGES
        unit = max(self.strides)
        padded = pad(images, (0, -images.shape[3] % unit, 0, -images.shape[2] % unit))
        padded = padded.contiguous(memory_format=torch.channels_last)
        if frozen:
            padded = padded.detach()
        with torch.set_grad_enabled(gradients), sdpa_kernel(SDPBackend.MATH) if gradients else nullcontext():
            outputs = functional_call(self.network, self._held(frozen), (padded,))
        size = (images.shape[2], images.shape[3])
        return [self._own(outputs[number], stride, size) for number, stride in self._stages()]

    def _stages(self) -> Iterator[tuple[int, int]]:
        return zip(self.outputs, self.strides, strict=True)

    def _held(self, frozen: int) -> dict[str, Tensor]:
        """The parameters of the first `frozen` stages, detached from autograd."""
        names = (name for stage in self.parameters[:frozen] for name in stage)
        return {name: self.network.get_parameter(name).detach() for name in names}

    def _own(self, output: Tensor, stride: int, size: tuple[int, int]) -> Tensor:
        """The part of an output that belongs to an image of this size, without padding."""
        if self.channels_at_end:
            output = output.permute(0, 3, 1, 2)
        height, width = (-(-side // stride) for side in size)
        return output[:, :, :height, :width].contiguous(memory_format=torch.channels_last)


def build_timm_network(name: str, output_stride: int | None, required: bool, dilated: bool) -> TimmNetwork:
    """The untrained network that timm has under `name`.

    Parameters
    ----------
    name
        A name for `timm.create_model`, with or without the tag of its weights.
    output_stride
        The largest stride that the stages may have; None for the network's own.
    required
        Whether to refuse a network that cannot have this output stride. If False, it keeps its own.
    dilated
        Whether timm's dilations replace the strides that are removed.

    Raises
    ------
    WsssError
        If timm is missing or has no such network. Also if the network gives no features, cannot have this stride, or
        accepts images of one size only.
    """
    with torch.device("meta"):
        options = _options(name)
        native = _created(name, options)
    strides = native.feature_info.reduction()
    levels = _levels([level["reduction"] for level in native.feature_info.info])
    options["out_indices"] = sorted(set(levels))
    if output_stride is not None and strides[-1] > output_stride:
        options |= _stride_option(name, options, output_stride, strides[-1] if required else None)
    with torch.device("meta"):
        blank = _created(name, options).eval()
    network = _created(name, options).eval()
    if not dilated and "output_stride" in options:
        _undilate(network, native)
    return _described(name, network, blank, tuple(options["out_indices"].index(level) for level in levels))


def published_state(name: str) -> dict[str, Tensor]:
    """The weights that timm has published for a network, head included. They are read as safetensors only."""
    network: nn.Module = _timm(name).create_model(name, pretrained=True, pretrained_cfg_overlay=SAFETENSORS_ONLY)
    return network.state_dict()


def _timm(name: str) -> ModuleType:
    try:
        import timm
    except ModuleNotFoundError as error:
        if error.name != "timm":
            raise
        raise WsssError(f"backbone timm/{name} needs timm, which is not installed: pip install 'wsss[timm]'") from None
    return timm


def _created(name: str, options: Mapping[str, Any]) -> Any:
    return _timm(name).create_model(name, pretrained=False, features_only=True, **options)


def _options(name: str) -> dict[str, Any]:
    """The options that let the network accept images of any size. Raises WsssError if it cannot be a backbone."""
    timm = _timm(name)
    if not timm.is_model(name):
        near = get_close_matches(name.partition(".")[0], timm.list_models(), 3)
        raise WsssError(f"timm {timm.__version__} has no network {name}; alike are: {', '.join(near) or 'none'}")
    for options in ANY_SIZE:
        try:
            _created(name, options)
        except REFUSALS as error:
            reason = _line(error)
        else:
            return dict(options)
    raise WsssError(f"timm/{name} gives no features of its stages ({reason}): choose a network that has features_only")


def _stride_option(name: str, options: Mapping[str, Any], wanted: int, refused: int | None) -> dict[str, int]:
    """The option for an output stride; empty if the network does not accept one.

    If `refused`, the network's own stride, is given, WsssError is raised instead.
    """
    try:
        with torch.device("meta"):
            _created(name, {**options, "output_stride": wanted})
    except REFUSALS as error:
        if refused is None:
            return {}
        raise WsssError(
            f"timm/{name} cannot be brought to output_stride {wanted} ({_line(error)}): its own is {refused}; set "
            "output_stride: native, or choose a network that takes it, such as timm/convnext_tiny"
        ) from None
    return {"output_stride": wanted}


def _levels(strides: list[int]) -> list[int]:
    """For each stage, the index of its feature level."""
    count = len(strides)
    if count > 1 and len(set(strides)) == 1:
        return [-(-count * stage // STAGES) - 1 for stage in range(1, STAGES + 1)]
    return [max(count - STAGES + stage, 0) for stage in range(STAGES)]


def _undilate(network: nn.Module, native: nn.Module) -> None:
    """Give convolutions the dilation that they have in `native`. The sizes of maps stay.

    Kernels with an even side keep timm's dilation: without a stride, they keep a map's size only if they are dilated.
    """
    own = dict(native.named_modules())
    for name, module in network.named_modules():
        original = own.get(name)
        if not isinstance(module, nn.Conv2d) or not isinstance(original, nn.Conv2d):
            continue
        if module.dilation != original.dilation and all(side % 2 for side in module.kernel_size):
            module.dilation = original.dilation
            if module.padding != (0, 0):
                sides = zip(module.dilation, module.kernel_size, strict=True)
                module.padding = tuple(dilation * (side - 1) // 2 for dilation, side in sides)


def _described(name: str, network: Any, blank: Any, outputs: tuple[int, ...]) -> TimmNetwork:
    info, config = network.feature_info, network.pretrained_cfg
    mean, std = tuple(config["mean"]), tuple(config["std"])
    return TimmNetwork(
        network=network,
        outputs=outputs,
        channels=tuple(info.channels()[number] for number in outputs),
        strides=tuple(info.reduction()[number] for number in outputs),
        channels_at_end=str(getattr(network, "output_fmt", "NCHW")).endswith("NHWC"),
        normalisation=Normalisation(mean, std),
        parameters=_parameters(name, blank, outputs),
        published=_published_names(name, blank),
    )


def _parameters(name: str, blank: Any, outputs: tuple[int, ...]) -> tuple[tuple[str, ...], ...]:
    """The parameters of each stage, found by gradients through a network on torch's device `meta`, without values."""
    unit = max(blank.feature_info.reduction())
    rest = {key: parameter for key, parameter in blank.named_parameters() if parameter.requires_grad}
    stages: list[tuple[str, ...]] = []
    with torch.enable_grad(), torch.device("meta"), sdpa_kernel(SDPBackend.MATH):
        try:
            # An image that is not square and does not have timm's default size.
            features = blank(torch.empty(1, 3, 2 * unit, 3 * unit))
        except REFUSALS as error:
            size = "x".join(map(str, blank.pretrained_cfg["input_size"][1:]))
            raise WsssError(
                f"timm/{name} takes images of {size} only ({_line(error)}), and photographs have any size: choose "
                "another, such as timm/convnext_tiny, timm/swin_tiny_patch4_window7_224 or timm/vit_small_patch16_224"
            ) from None
        for number in outputs:
            total = features[number].sum()
            given = torch.autograd.grad(total, list(rest.values()), retain_graph=True, allow_unused=True)
            reached = tuple(key for key, gradient in zip(rest, given, strict=True) if gradient is not None)
            stages.append(reached)
            rest = {key: parameter for key, parameter in rest.items() if key not in reached}
    return tuple(stages)


def _published_names(name: str, blank: nn.Module) -> dict[str, str | None]:
    """Names of published entries in `blank`. timm's wrappers add a prefix, or write the first dot as an underscore."""
    own = blank.state_dict().keys()
    with torch.device("meta"):
        whole = _timm(name).create_model(name, pretrained=False).state_dict()
    forms = {key: (key, key.replace(".", "_", 1), f"model.{key}", f"body.{key}") for key in whole}
    return {key: next((form for form in forms[key] if form in own), None) for key in whole}


def _line(error: Exception) -> str:
    """The first line of an error's text, or the name of its class if it has no text."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__

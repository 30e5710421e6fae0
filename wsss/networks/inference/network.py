"""A backbone made ready for use without training: the entry to this room."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from wsss.errors import WsssError
from wsss.networks.backbones import Backbone
from wsss.networks.inference.blocks import ActivatedConvolution, FusedBlock
from wsss.networks.inference.convolutions import FoldedConvolution
from wsss.networks.structure import Part, ResidualBlock
from wsss.runtime.device import move_to_device

# What the prepared backbone may differ by from the plain one, as a part of a stage's largest magnitude, in float32.
TOLERANCE = 1e-4
CHECKED_SIZE = (65, 47)


def inference_backbone(backbone: Backbone, precision: torch.dtype = torch.float32) -> Backbone:
    """A backbone that gives the same features in fewer passes over them, on the device of this process.

    It is built from the convolutions and BatchNorms that the backbone declares. One that declares none is used as it
    is. Weights must be loaded before. Those of the result are no longer to be saved, and do not train.

    Parameters
    ----------
    backbone : Backbone
        A backbone with its final weights, float32. It is moved to the device of this process.
    precision : torch.dtype
        What weights are cast to at the end, and what images must then be of: float32 or bfloat16.

    Returns
    -------
    Backbone
        The prepared backbone, in eval mode.

    Raises
    ------
    WsssError
        Where its features differ from those of the plain backbone by more than rounding, on a small image of noise.
    """
    move_to_device(backbone.eval())
    prepared = deepcopy(backbone)
    if prepared.parts:
        prepared.replace({old: new for part in prepared.parts for old, new in replacements(part).items()})
        move_to_device(prepared)
        refuse_to_differ(backbone, prepared)
    return prepared.to(precision)


def replacements(part: Part) -> dict[nn.Module, nn.Module]:
    """What takes the place of each module of a part; a module that another has taken over leaves its input alone."""
    if isinstance(part, ResidualBlock):
        return {part.block: FusedBlock(part)}
    if part.activation is None:
        return {part.convolution: FoldedConvolution(part), part.norm: nn.Identity()}
    return {
        part.convolution: ActivatedConvolution(part),
        part.norm: nn.Identity(),
        part.activation: nn.Identity(),
    }


@torch.inference_mode()
def refuse_to_differ(plain: Backbone, prepared: Backbone) -> None:
    """Compare the five stages of both on a small image of noise. Raises WsssError where they differ."""
    images = noise(next(plain.parameters()))
    with torch.backends.cudnn.flags(allow_tf32=False, deterministic=True):
        pairs = zip(plain(images), prepared(images), strict=True)
        for number, (wanted, found) in enumerate(pairs, 1):
            difference, largest = float((found - wanted).abs().max()), float(wanted.abs().max())
            # Written so that what is not a number is refused too.
            if not difference <= TOLERANCE * largest:
                raise WsssError(
                    f"stage {number} of the backbone as prepared for inference differs from the plain one by "
                    f"{difference:.1e}, the largest feature being {largest:.1e}: check that its weights are finite; "
                    "if they are, the parts that the backbone declares (wsss/networks/structure.py) are wrong"
                )


def noise(like: Tensor) -> Tensor:
    """The same image at every call, on the device and in the precision of `like`; torch's generator stays as it is."""
    drawn = torch.randn((1, 3, *CHECKED_SIZE), generator=torch.Generator().manual_seed(0))
    return drawn.to(like)

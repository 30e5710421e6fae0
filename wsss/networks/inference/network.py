"""Prepares a backbone for inference. Other modules use `wsss.networks.inference` through this one."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from wsss.errors import WsssError
from wsss.networks.backbones import Backbone
from wsss.networks.inference.blocks import ActivatedConvolution, FusedBlock
from wsss.networks.inference.convolutions import FoldedConvolution
from wsss.networks.structure import Part, ResidualBlock
from wsss.runtime.device import move_to_device

# Largest allowed difference between the prepared and the plain backbone in float32, as a share of a stage's largest
# magnitude.
TOLERANCE = 1e-4
CHECKED_SIZE = (65, 47)


def inference_backbone(backbone: Backbone, precision: torch.dtype = torch.float32) -> Backbone:
    """A backbone for inference on the device of this process. It gives the same features in less time.

    It is built from the convolutions and BatchNorms that the backbone declares. A backbone that declares none is used
    unchanged. Load the weights before. The weights of the result must not be saved, and cannot be trained.

    Parameters
    ----------
    backbone : Backbone
        A backbone with its final weights, float32. It is moved to the device of this process.
    precision : torch.dtype
        The precision of the weights of the result, and of its input: float32 or bfloat16.

    Returns
    -------
    Backbone
        The prepared backbone, in eval mode.

    Raises
    ------
    WsssError
        If its features differ from those of the plain backbone by more than rounding, on a small image of noise.
    """
    move_to_device(backbone.eval())
    prepared = deepcopy(backbone)
    if prepared.parts:
        prepared.replace({old: new for part in prepared.parts for old, new in replacements(part).items()})
        move_to_device(prepared)
        refuse_to_differ(backbone, prepared)
    return prepared.to(precision)


def replacements(part: Part) -> dict[nn.Module, nn.Module]:
    """The replacement of each module of a part. Modules that are joined into another become the identity."""
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
    """Compare the five stages of both on a small image of noise. Raises WsssError if they differ."""
    images = noise(next(plain.parameters()))
    with torch.backends.cudnn.flags(allow_tf32=False, deterministic=True):
        pairs = zip(plain(images), prepared(images), strict=True)
        for number, (wanted, found) in enumerate(pairs, 1):
            difference, largest = float((found - wanted).abs().max()), float(wanted.abs().max())
            # With `not`, so that NaN is refused too.
            if not difference <= TOLERANCE * largest:
                raise WsssError(
                    f"stage {number} of the backbone as prepared for inference differs from the plain one by "
                    f"{difference:.1e}, the largest feature being {largest:.1e}: check that its weights are finite; "
                    "if they are, the parts that the backbone declares (wsss/networks/structure.py) are wrong"
                )


def noise(like: Tensor) -> Tensor:
    """A fixed image of noise, with the device and precision of `like`. torch's generator is not changed."""
    drawn = torch.randn((1, 3, *CHECKED_SIZE), generator=torch.Generator().manual_seed(0))
    return drawn.to(like)

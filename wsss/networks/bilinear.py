"""Bilinear resizing of feature maps, with a gradient that has the same bytes every time, on GPUs too."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

Size = tuple[int, int]


def resize_maps(maps: Tensor, size: Size) -> Tensor:
    """Maps (batch, n, h, w) at `size` = (height, width), bilinear, corners not aligned.

    On a GPU, torch's own resizing adds up the gradient in no fixed order. So if a gradient is needed there, matrix
    products are used instead.
    """
    if maps.is_cuda and maps.requires_grad and torch.is_grad_enabled():
        return by_products(maps, size)
    return interpolate(maps, size, mode="bilinear", align_corners=False)


def by_products(maps: Tensor, size: Size) -> Tensor:
    """The same, up to rounding, by matrix products with the weights that old rows and columns have in new ones."""
    rows, columns = (_shares(old, new, maps) for old, new in zip(maps.shape[2:], size, strict=True))
    with torch.autocast(maps.device.type, enabled=False):
        return rows @ (maps @ columns.mT)


def _shares(old: int, new: int, like: Tensor) -> Tensor:
    """The weights of old cells in new ones, (new, old), with the dtype and device of `like`."""
    identity = torch.eye(old, device=like.device)[None, None]
    return interpolate(identity, (new, old), mode="bilinear", align_corners=False)[0, 0].to(like.dtype)

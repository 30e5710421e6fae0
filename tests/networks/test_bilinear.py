"""Bilinear resizing by products: the same maps and gradients as torch's own."""

import pytest
import torch
from torch.nn.functional import interpolate

from tests.reference import noise
from wsss.networks.bilinear import by_products, resize_maps


@pytest.mark.parametrize("size", [(12, 20), (5, 7), (3, 31), (1, 1)])
def test_products_give_maps_and_gradients_of_an_interpolation(size: tuple[int, int]) -> None:
    maps = torch.from_numpy(noise("bilinear/x", (2, 3, 5, 7))).requires_grad_()
    weight = torch.from_numpy(noise("bilinear/w", (2, 3, *size)))
    expected = interpolate(maps, size, mode="bilinear", align_corners=False)
    ours = by_products(maps, size)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)
    gradients = [torch.autograd.grad((found * weight).sum(), maps)[0] for found in (ours, expected)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-5)


@pytest.mark.gpu
def test_gradients_on_a_gpu_repeat_to_the_byte() -> None:
    maps = torch.randn(8, 32, 41, 41, device="cuda", requires_grad=True)
    weight = torch.randn(8, 32, 128, 128, device="cuda")
    first, second = (torch.autograd.grad((resize_maps(maps, (128, 128)) * weight).sum(), maps)[0] for _ in range(2))
    assert torch.equal(first, second)

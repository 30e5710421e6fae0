"""A segmentation network from pixels to probabilities, for other programs: normalisation and scales are inside."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from wsss.data.augmentation import Normalisation
from wsss.networks.bilinear import resize_maps
from wsss.segmentation.deeplab import fused_logits


class PixelsToProbabilities(nn.Module):
    """From the pixels of images to the probabilities of the classes.

    Parameters
    ----------
    network : nn.Module
        From normalised images (N, 3, H, W) to logits (N, outputs, h, w).
    normalisation : Normalisation
        How the network expects its input.
    scales : Sequence[float]
        The input scales of predictions, above 0.
    first : int
        The first output that counts: 0, or 1 where every pixel belongs to a class.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, network: nn.Module, normalisation: Normalisation, scales: Sequence[float], first: int = 0
    ) -> None:
        super().__init__()
        self.network, self.scales, self.first, self.bgr = network, tuple(scales), first, normalisation.bgr
        self.register_buffer("mean", 255 * torch.tensor(normalisation.mean)[:, None, None])
        self.register_buffer("std", 255 * torch.tensor(normalisation.std)[:, None, None])

    def forward(self, pixels: Tensor) -> Tensor:
        """Probabilities at the size of the images.

        Parameters
        ----------
        pixels : Tensor
            RGB images, float32 (N, 3, H, W) in 0..255.

        Returns
        -------
        Tensor
            float32 (N, n, H, W) in 0..1, summing to 1 at each pixel.
        """
        normalised = (pixels - self.mean) / self.std
        _, fused = fused_logits(self.network, normalised.flip(1) if self.bgr else normalised, self.scales)
        return resize_maps(fused[:, self.first :], (pixels.shape[2], pixels.shape[3])).softmax(1)

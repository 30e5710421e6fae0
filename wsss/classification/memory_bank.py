"""The codebook as a memory bank (VWL, IJCV 2022, eq. 6-7): k-means, one batch at a time, without gradients.

Equation 6 as printed inverts D twice, which gives a sum. The mean of a word's pixels is intended.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from wsss.classification.visual_words import initial_codebook
from wsss.training.ranks import rows_of_part, sharers, summed

# From the sums (k, d) of each word's pixels, their numbers (k,) and the C (k, d) that labelled them to C' (k, d).
Reconstruction = Callable[[Tensor, Tensor, Tensor], Tensor]


def damped_means(sums: Tensor, counts: Tensor, codebook: Tensor) -> Tensor:
    """A batch's own words C' as released: the sum of each word's pixels, divided by their number + 1e-4.

    Parameters
    ----------
    sums : Tensor
        The sum of the features of each word's pixels, float32 (k, d).
    counts : Tensor
        The number of each word's pixels, float32 (k,).
    codebook : Tensor
        C (k, d), which gave the labels. This formulation does not use it.

    Returns
    -------
    Tensor
        C', float32 (k, d).

    Notes
    -----
    A word without pixels is 0 in C', so it shrinks in eq. 7. Its direction stays, and labels depend on the direction
    only.

    References
    ----------
    VWL eq. 6.
    """
    return sums / (counts + 1e-4)[:, None]


def plain_means(sums: Tensor, counts: Tensor, codebook: Tensor) -> Tensor:
    """A batch's own words C' as intended in the paper: the mean of each word's pixels.

    Parameters
    ----------
    sums : Tensor
        The sum of the features of each word's pixels, float32 (k, d).
    counts : Tensor
        The number of each word's pixels, float32 (k,).
    codebook : Tensor
        C (k, d), which gave the labels.

    Returns
    -------
    Tensor
        C', float32 (k, d). A word without pixels has no mean, so it stays as in C.

    Notes
    -----
    The equation as printed inverts D twice, which gives a sum. The mean is intended.

    References
    ----------
    VWL eq. 6.
    """
    return torch.where(counts[:, None] > 0, sums / counts[:, None].clamp(min=1), codebook)


class MemoryBank(nn.Module):
    """A codebook that follows the features. It is a buffer: saved with the weights, but not trained by gradients.

    Parameters
    ----------
    words : int
        k, the number of words.
    channels : int
        d, the channels of the features.
    rho : float
        The share of a batch's own words when the codebook is updated, above 0 and at most 1.
    reconstruction : Reconstruction
        How C' is computed: `damped_means` or `plain_means`.

    Attributes
    ----------
    codebook : Tensor
        C, float32 (k, d).
    filled : Tensor
        Whether a batch has been seen, a bool scalar.

    Notes
    -----
    As released, the codebook starts from a Kaiming normal distribution, which gives the first batch its labels. Then k
    pixels of the first batch, drawn with replacement, become the codebook.
    """

    codebook: Tensor
    filled: Tensor

    def __init__(self, words: int, channels: int, rho: float, reconstruction: Reconstruction) -> None:
        super().__init__()
        self.rho, self.reconstruction = rho, reconstruction
        self.register_buffer("codebook", initial_codebook(words, channels))
        # Whether a batch has been seen. It is saved with the weights, so that a resumed training keeps the codebook.
        self.register_buffer("filled", torch.zeros((), dtype=torch.bool))

    @torch.no_grad()
    def update(self, features: Tensor, labels: Tensor) -> None:
        """Move the codebook towards a batch's own words: C <- rho C' + (1 - rho) C.

        Parameters
        ----------
        features : Tensor
            F of all images of a batch, float (batch, d, h, w).
        labels : Tensor
            Y, int64 (batch, h * w), from the codebook before this update.

        References
        ----------
        VWL eq. 7.
        """
        words, channels = self.codebook.shape
        pixels = features.float().flatten(2).transpose(1, 2).reshape(-1, channels)
        # Drawn on the CPU, so that the draws of a seed do not depend on the device. A training seeds every step.
        # Of all pixels of the batch, also those of other ranks, which draw the same.
        drawn = rows_of_part(pixels, torch.randint(len(pixels) * sharers(), (words,)).to(pixels.device))
        with torch.autocast(pixels.device.type, enabled=False):
            # A matrix product. Scattered additions would not give the same bytes every time on a GPU.
            members = (labels.flatten()[:, None] == torch.arange(words, device=labels.device)).to(pixels.dtype)
            sums, counts = summed(members.T @ pixels), summed(members.sum(0))
            followed = self.rho * self.reconstruction(sums, counts, self.codebook) + (1 - self.rho) * self.codebook
        # Both are computed at every step. To ask first which one is needed would make the CPU wait for the GPU.
        self.codebook.copy_(torch.where(self.filled, followed, drawn))
        self.filled.fill_(True)

"""The codebook as a memory bank (VWL, IJCV 2022, eq. 6-7): k-means a batch at a time, without gradients.

Equation 6 as printed inverts D twice, which is a sum; the mean of a word's pixels is meant.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from wsss.classification.visual_words import initial_codebook

# C' (k, d) from pixels (n, d), their one-hot labels (n, k) and the codebook (k, d) that gave these.
Reconstruction = Callable[[Tensor, Tensor, Tensor], Tensor]


def damped_means(pixels: Tensor, members: Tensor, codebook: Tensor) -> Tensor:
    """A batch's own words C', released reading: sums of pixels, divided by their number + 1e-4.

    Parameters
    ----------
    pixels : Tensor
        Features of all pixels, float32 (n, d).
    members : Tensor
        Their one-hot labels, zeros and ones, float32 (n, k).
    codebook : Tensor
        C (k, d), which gave the labels; not used by this reading.

    Returns
    -------
    Tensor
        C', float32 (k, d).

    Notes
    -----
    A word without pixels becomes 0, so it shrinks in eq. 7. Its direction, which is all that labels see, stays.

    References
    ----------
    VWL eq. 6.
    """
    return (members.T @ pixels) / (members.sum(0) + 1e-4)[:, None]


def plain_means(pixels: Tensor, members: Tensor, codebook: Tensor) -> Tensor:
    """A batch's own words C' as the paper means them: the mean of each word's pixels.

    Parameters
    ----------
    pixels : Tensor
        Features of all pixels, float32 (n, d).
    members : Tensor
        Their one-hot labels, zeros and ones, float32 (n, k).
    codebook : Tensor
        C (k, d), which gave the labels.

    Returns
    -------
    Tensor
        C', float32 (k, d). A word without pixels has no mean and stays as in C.

    Notes
    -----
    The equation as printed inverts D twice, which is a sum; the mean is meant.

    References
    ----------
    VWL eq. 6.
    """
    counts = members.sum(0)[:, None]
    return torch.where(counts > 0, (members.T @ pixels) / counts.clamp(min=1), codebook)


class MemoryBank(nn.Module):
    """A codebook that follows the features. It is a buffer: kept with the weights, trained by no gradient.

    Parameters
    ----------
    words : int
        k, the number of words.
    channels : int
        d, the channels of the features.
    rho : float
        The share of a batch's own words in the codebook after it, above 0 and at most 1.
    reconstruction : Reconstruction
        The reading of C': `damped_means` or `plain_means`.

    Attributes
    ----------
    codebook : Tensor
        C, float32 (k, d).
    filled : Tensor
        Whether a batch has been seen, a bool scalar.

    Notes
    -----
    As released, it starts Kaiming normal. The first batch gets its labels from that, and k of its pixels, drawn with
    replacement, then take its place.
    """

    codebook: Tensor
    filled: Tensor

    def __init__(self, words: int, channels: int, rho: float, reconstruction: Reconstruction) -> None:
        super().__init__()
        self.rho, self.reconstruction = rho, reconstruction
        self.register_buffer("codebook", initial_codebook(words, channels))
        # Whether a batch has been seen; with the weights, so that a resumed training does not start the bank anew.
        self.register_buffer("filled", torch.zeros((), dtype=torch.bool))

    @torch.no_grad()
    def update(self, features: Tensor, labels: Tensor) -> None:
        """Move the codebook towards a batch's own words: C <- rho C' + (1 - rho) C.

        Parameters
        ----------
        features : Tensor
            F of all images of a batch, float (batch, d, h, w).
        labels : Tensor
            Y, int64 (batch, h * w), by the codebook as it is before.

        References
        ----------
        VWL eq. 7.
        """
        words, channels = self.codebook.shape
        pixels = features.float().flatten(2).transpose(1, 2).reshape(-1, channels)
        # Drawn on the CPU, where the draws of a seed do not depend on the device; of this step's seed in a training.
        drawn = pixels[torch.randint(len(pixels), (words,)).to(pixels.device)]
        with torch.autocast(pixels.device.type, enabled=False):
            # A product, not scattered additions: on a GPU these would not repeat to the byte.
            members = (labels.flatten()[:, None] == torch.arange(words, device=labels.device)).to(pixels.dtype)
            followed = self.rho * self.reconstruction(pixels, members, self.codebook) + (1 - self.rho) * self.codebook
        # Both are at hand at every step, so that a GPU need not be waited for to learn which is wanted.
        self.codebook.copy_(torch.where(self.filled, followed, drawn))
        self.filled.fill_(True)

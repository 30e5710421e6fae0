"""Pixel-adaptive mask refinement, PAMR (Araslanov and Roth, Single-Stage Semantic Segmentation, CVPR 2020).

Several times, each score is replaced by a weighted mean of its neighbours' scores. Neighbours of similar colour have
large weights. Nothing is trained.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from wsss.data.array_checks import check_array, check_count, check_labels
from wsss.settings.pamr import PamrSettings

CPU = torch.device("cpu")
AS_RELEASED = PamrSettings()
# Keeps the division finite where all colours around are equal.
SMALLEST_DEVIATION = 1e-8
CENTRE = (0, 0)
SQUARE = list(product((-1, 0, 1), (-1, 0, 1)))
RING = [offset for offset in SQUARE if offset != CENTRE]


def pamr(images: Tensor, masks: Tensor, settings: PamrSettings = AS_RELEASED) -> Tensor:
    """Pixel-adaptive mask refinement: repeated weighted means of masks over neighbours of similar colour.

    It runs on the grid of `images`. `settings.stride` is not used here; the caller chooses the grid.

    Parameters
    ----------
    images : Tensor
        Float (N, K, H, W), K colours or other channels, in any range. An affine change of a channel has no effect.
    masks : Tensor
        Float (N, C, h, w). They are resized to the size of the images if needed (bilinear, corners aligned).
    settings : PamrSettings
        Dilations, iterations and tolerance; those of the released code without it.

    Returns
    -------
    Tensor
        (N, C, H, W), in the dtype of `masks`. Each value lies within the range of its mask. If the masks sum to 1, the
        results do too, up to rounding.

    Raises
    ------
    WsssError
        If images or masks have another shape or dtype.

    Notes
    -----
    The paper divides by the variance. The released code and this code divide by the standard deviation.

    References
    ----------
    Araslanov and Roth: "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020, section 4.2.
    """
    check_array("images", images, "torch", "float", ("N", "K", "H", "W"))
    check_array("masks", masks, "torch", "float", (len(images), "C", "h", "w"))
    weights = neighbour_weights(images, settings.dilations, settings.colour_tolerance)
    return weighted_means(_resized(masks, images.shape[2:]), weights, settings.dilations, settings.iterations)


def neighbour_weights(images: Tensor, dilations: Sequence[int], tolerance: float) -> Tensor:
    """The weight of each neighbour, (N, 8 * dilations, H, W), non-negative. The weights of a pixel sum to 1.

    They are the softmax over the neighbours q of p of mean_k -|I_k(p) - I_k(q)| / (1e-8 + tolerance sigma_k(p)).
    sigma_k(p) is the unbiased standard deviation of channel k over the 3 x 3 pixels at every dilation, so p itself is
    counted once for each dilation. Outside the image, the nearest pixel of the border is used.
    """
    scale = SMALLEST_DEVIATION + tolerance * _deviations(images, dilations)
    count, _, height, width = images.shape
    weights = images.new_empty((count, len(RING) * len(dilations), height, width))
    for number, neighbour in enumerate(_shifted(images, dilations, RING)):
        weights[:, number] = -((images - neighbour).abs() / scale).mean(dim=1)
    # In place, because these are the largest arrays. No step may need a copy of them for each class.
    weights -= weights.amax(dim=1, keepdim=True)
    weights.exp_()
    weights /= weights.sum(dim=1, keepdim=True)
    return weights


def weighted_means(masks: Tensor, weights: Tensor, dilations: Sequence[int], iterations: int) -> Tensor:
    """Masks (N, C, H, W) replaced `iterations` times by their neighbours' means.

    `weights`: (N, 8 * dilations, H, W). Neighbours are added one at a time, so that no array of all neighbours and all
    classes is needed.
    """
    for _ in range(iterations):
        means = torch.zeros_like(masks)
        for number, neighbour in enumerate(_shifted(masks, dilations, RING)):
            means.addcmul_(weights[:, number : number + 1], neighbour)
        masks = means
    return masks


def _deviations(images: Tensor, dilations: Sequence[int]) -> Tensor:
    """Unbiased standard deviation over the squares of all dilations, (N, K, H, W). Two passes make it exact."""
    count = len(SQUARE) * len(dilations)
    means = torch.zeros_like(images)
    for neighbour in _shifted(images, dilations, SQUARE):
        means += neighbour
    means /= count
    squares = torch.zeros_like(images)
    for neighbour in _shifted(images, dilations, SQUARE):
        squares += (neighbour - means) ** 2
    return (squares / (count - 1)).sqrt()


def _shifted(values: Tensor, dilations: Sequence[int], offsets: Sequence[tuple[int, int]]) -> Iterator[Tensor]:
    """Views of `values` (N, C, H, W), shifted by each offset at each dilation. Outside, the border is repeated."""
    height, width = values.shape[2:]
    margin = max(dilations)
    padded = pad(values, [margin] * 4, mode="replicate")
    for dilation, (down, right) in product(dilations, offsets):
        top, left = margin + dilation * down, margin + dilation * right
        yield padded[:, :, top : top + height, left : left + width]


def _resized(values: Tensor, size: Sequence[int]) -> Tensor:
    if tuple(values.shape[2:]) == tuple(size):
        return values
    return interpolate(values, tuple(size), mode="bilinear", align_corners=True)


class Pamr:
    """PAMR over one photograph, usable wherever a dense CRF is.

    Weights are computed once and used for all passes. Results on a GPU and on a CPU differ by rounding.

    Parameters
    ----------
    image : np.ndarray
        The photograph, uint8 RGB (H, W, 3).
    count : int
        The number of labels, at least 1.
    settings : PamrSettings
        Dilations, iterations, tolerance, and the grid's stride.
    device : torch.device
        The device that computes it.

    Raises
    ------
    WsssError
        If the image has another shape or dtype, or there is no label.
    """

    def __init__(
        self, image: np.ndarray, count: int, settings: PamrSettings = AS_RELEASED, device: torch.device = CPU
    ) -> None:
        check_array("image", image, "numpy", "uint8", ("H", "W", 3))
        check_count(count)
        self.image, self.count, self.settings, self.device = image, count, settings, device
        height, width = image.shape[:2]
        self.size = (height, width)
        self.grid = ((height - 1) // settings.stride + 1, (width - 1) // settings.stride + 1)

    @torch.inference_mode()
    def smoothed(self, scores: np.ndarray) -> np.ndarray:
        """Scores, refined on the grid of `stride` pixels.

        A constant map stays the same, up to rounding. So a constant background score need not be refined.

        Parameters
        ----------
        scores : np.ndarray
            Float (n, H, W), of any range.

        Returns
        -------
        np.ndarray
            float32 (n, H, W). Each value lies within the range of its map.

        Raises
        ------
        WsssError
            If the scores have another shape or dtype.
        """
        check_array("scores", scores, "numpy", "float", ("n", *self.size))
        given = torch.from_numpy(np.require(scores, np.float32, ["C", "W"]))
        on_grid = _resized(given[None].to(self.device), self.grid)
        means = weighted_means(on_grid, self._weights, self.settings.dilations, self.settings.iterations)
        refined: np.ndarray = _resized(means, self.size)[0].cpu().numpy()
        return refined

    def from_probabilities(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities, refined.

        Parameters
        ----------
        probabilities : np.ndarray
            float32 (count, H, W), summing to 1 at each pixel.

        Returns
        -------
        np.ndarray
            float32 (count, H, W), summing to 1 at each pixel.

        Raises
        ------
        WsssError
            If the probabilities have another shape or dtype.
        """
        check_array("probabilities", probabilities, "numpy", "float", (self.count, *self.size))
        return self.smoothed(probabilities)

    def from_labels(self, labels: np.ndarray, label_probability: float) -> np.ndarray:
        """The label with the largest value at each pixel after the means; the first one among equals.

        Parameters
        ----------
        labels : np.ndarray
            Integers (H, W), 0..count-1.
        label_probability : float
            Not used. Means are linear, so this value would not change the order of the labels.

        Returns
        -------
        np.ndarray
            Labels, int64 (H, W), 0..count-1.

        Raises
        ------
        WsssError
            If the labels have another shape or dtype, or one is no label.
        """
        check_labels(labels, self.size, self.count)
        each = np.arange(self.count)[:, None, None]
        most: np.ndarray = self.smoothed((labels[None] == each).astype(np.float32)).argmax(axis=0)
        return most

    @cached_property
    def _weights(self) -> Tensor:
        image = torch.from_numpy(np.array(self.image)).to(self.device, torch.float32).permute(2, 0, 1)[None] / 255
        return neighbour_weights(_resized(image, self.grid), self.settings.dilations, self.settings.colour_tolerance)


def build(image: np.ndarray, count: int, settings: PamrSettings) -> Pamr:
    """Make this method for `wsss.labelling.smoothing.smoother_of`."""
    return Pamr(image, count, settings)

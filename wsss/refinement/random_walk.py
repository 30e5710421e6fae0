"""Pseudo labels by a random walk that spreads class activation maps up to the edges (IRNet, Ahn et al., CVPR 2019)."""

import numpy as np
import torch
from scipy.sparse import dia_array
from torch.nn.functional import interpolate, pad

from wsss.refinement.affinity import offsets, path_maxima
from wsss.refinement.confident_labels import class_labels, strongest
from wsss.settings.refinement import PseudoLabelSettings

STRIDE = 4


def pseudo_label(
    cams: np.ndarray, keys: np.ndarray, edge: np.ndarray, size: tuple[int, int], settings: PseudoLabelSettings
) -> np.ndarray:
    """Labels, uint8 (H, W) of an image of `size` (H, W): 0 background, keys + 1.

    `cams`: (n, h, w) in 0..1 at stride 4; `keys`: their class numbers, integers from 0; `edge`: (h, w) in 0..1. The
    walk's result is upsampled and divided by its one maximum over classes and pixels before it meets the background
    score. Without classes, or with CAMs that are 0 everywhere, all is background.
    """
    height, width = size
    if len(keys) == 0:
        return np.zeros(size, np.uint8)
    walked = torch.from_numpy(random_walk(cams, edge, settings.radius, settings.beta, settings.log2_steps))
    raised = interpolate(walked[None], scale_factor=STRIDE, mode="bilinear", align_corners=False)[0]
    scores = raised[:, :height, :width].numpy()
    largest = scores.max()
    return class_labels(strongest(scores / largest if largest > 0 else scores, settings.background_score), keys)


def random_walk(cams: np.ndarray, edge: np.ndarray, radius: int, beta: float, log2_steps: int) -> np.ndarray:
    """x T^(2^log2_steps) for x = cams (1 - edge), each class a row vector: float64 (n, h, w).

    `cams`: (n, h, w), non-negative; `edge`: (h, w) in 0..1. Columns of T sum to 1: every step averages over neighbours.
    """
    # A product for every step costs some 69 operations a cell; T squared repeatedly would become dense.
    step = transition_matrix(edge, radius, beta).T
    walked: np.ndarray = (cams.astype(np.float64) * (1 - edge.astype(np.float64))).reshape(len(cams), edge.size)
    for values in walked:
        current = values.copy()
        for _ in range(2**log2_steps):
            current = step @ current
        values[:] = current
    return walked.reshape(cams.shape)


def transition_matrix(edge: np.ndarray, radius: int, beta: float) -> dia_array:
    """T, float64 (h w, h w): affinities to the power `beta`, 1 on the diagonal, columns divided by their sums.

    `edge`: (h, w) in 0..1. Cells at a distance of `radius` or more have no affinity.
    """
    height, width = edge.shape
    diagonals = {0: np.ones(height * width)}
    for (dy, dx), affinity in zip(offsets(radius), _affinities(edge, radius), strict=True):
        if dy >= height or abs(dx) >= width:
            continue
        shift = dy * width + dx
        weights = affinity.ravel() ** beta
        # Narrow images map several offsets to one diagonal. Column j of a diagonal stands at place j.
        for diagonal in (shift, -shift):
            diagonals.setdefault(diagonal, np.zeros(height * width))
        diagonals[shift][shift:] += weights[: weights.size - shift]
        diagonals[-shift] += weights
    data = np.stack(list(diagonals.values()))
    return dia_array((data / data.sum(axis=0), list(diagonals)), shape=(height * width,) * 2)


def _affinities(edge: np.ndarray, radius: int) -> list[np.ndarray]:
    """For each offset, the affinities, float64 (h, w), of every cell with its partner; 0 where that lies outside."""
    margin = radius - 1
    padded = pad(torch.from_numpy(edge.astype(np.float64)), (margin, margin, 0, margin), value=1.0)
    return [1 - maximum.numpy() for maximum in path_maxima(padded, radius)]

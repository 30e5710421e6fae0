"""Pseudo labels by a random walk that spreads class activation maps up to the edges (IRNet, Ahn et al., CVPR 2019)."""

from functools import cache
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from wsss.data.array_checks import check_array
from wsss.labelling.label_maps import strongest, sure_labels
from wsss.refinement.kernels.transitions import Transitions
from wsss.settings.pseudo_labels import IrnetWalkSettings

STRIDE = 4
AS_RELEASED = IrnetWalkSettings()
# The largest error of an accelerated walk, as a share of the class's largest value.
TRUNCATION = 1e-5


def pseudo_label(
    cams: np.ndarray,
    keys: np.ndarray,
    edge: np.ndarray,
    size: tuple[int, int],
    settings: IrnetWalkSettings,
    device: torch.device,
) -> np.ndarray:
    """Pseudo labels of an image by IRNet's random walk.

    The result of the walk is upsampled and divided by its maximum over all classes and pixels. Pixels up to the
    background score are background. Pixels above the foreground score get their strongest class. Pixels between both
    scores are ignored. If there are no classes, or all CAMs are 0, all pixels are background. With the background score
    `NO_BACKGROUND`, the label 0 stands for no class.

    Parameters
    ----------
    cams : np.ndarray
        CAMs at stride 4, float32 (n, h, w), in 0..1.
    keys : np.ndarray
        Their class numbers from 0, integers (n,).
    edge : np.ndarray
        Edges at stride 4, float32 (h, w), in 0..1.
    size : tuple[int, int]
        (H, W) of the image in pixels.
    settings : IrnetWalkSettings
        The walk and both scores.
    device : torch.device
        The device that computes it.

    Returns
    -------
    np.ndarray
        Labels, uint8 (H, W): 0 background, keys + 1, 255 ignored.

    References
    ----------
    Ahn, Cho, Kwak: "Weakly Supervised Learning of Instance Segmentation with Inter-pixel Relations", CVPR 2019.
    """
    height, width = size
    if len(keys) == 0:
        return np.zeros(size, np.uint8)
    walked = random_walk(torch.from_numpy(cams).to(device), torch.from_numpy(edge).to(device), settings)
    raised = interpolate(walked[None], scale_factor=STRIDE, mode="bilinear", align_corners=False)[0]
    scores = raised[:, :height, :width].cpu().numpy()
    largest = scores.max()
    shares = scores / largest if largest > 0 else scores
    of_class, of_background = (strongest(shares, score) for score in (settings.object_score, settings.background_score))
    return sure_labels(of_class, of_background, keys)


def random_walk(cams: Tensor, edge: Tensor, settings: IrnetWalkSettings = AS_RELEASED) -> Tensor:
    """A random walk of CAMs up to the edges: x T^N for x = cams (1 - edge) and N = 2^log2_steps.

    x has one row vector for each class. The columns of T sum to 1.

    Parameters
    ----------
    cams : Tensor
        CAMs, float (n, h, w), non-negative.
    edge : Tensor
        Edges, float (h, w), in 0..1, on the same device.
    settings : IrnetWalkSettings
        Radius, beta, steps, and whether the walk is exact; those of the released code without it, accelerated.

    Returns
    -------
    Tensor
        The walked maps, float64 (n, h, w), non-negative.

    Raises
    ------
    WsssError
        If CAMs or edges have another shape or dtype, or their sizes differ.

    Notes
    -----
    The exact walk takes N products. The accelerated walk takes about sqrt(N log) products, by the Chebyshev expansion
    P^N = sum_k c_k T_k(P). c_k is the probability that N fair steps of +-1 end k away from their start. Terms beyond a
    degree K are left out.

    The error of every value is then at most 1e-5 of its class's largest exact value. Proof: let |x|^2 = sum D x^2. In
    this norm T_k(P) is at most 1. So the terms left out have a norm of at most |x| r, with r = sum_{k > K} c_k. Since
    D >= 1, none of their values is above |x| r. P keeps the sum of D x, so the largest exact value is at least
    m = sum D x / sum D. K is the smallest degree with |x| r <= 1e-5 m for every class: about 90 for N = 256.

    References
    ----------
    Ahn, Cho, Kwak: "Weakly Supervised Learning of Instance Segmentation with Inter-pixel Relations", CVPR 2019.
    Sachdeva and Vishnoi: "Faster Algorithms via Approximation Theory", 2014, ch. 3.
    """
    check_array("cams", cams, "torch", "float", ("n", "h", "w"))
    check_array("edge", edge, "torch", "float", tuple(cams.shape[1:]))
    transitions = Transitions(edge, settings.radius, settings.beta)
    start = cams.double() * (1 - edge.double())
    if settings.walk == "exact":
        return _exact_walk(transitions, start, 2**settings.log2_steps)
    return _chebyshev(transitions, start, coefficients_of_power(settings.log2_steps))


def _exact_walk(transitions: Transitions, start: Tensor, steps: int) -> Tensor:
    current = transitions.padded(start)
    following = torch.zeros_like(current)
    for _ in range(steps):
        transitions.step(current, following, 1, 0)
        current, following = following, current
    return transitions.inside(current).clone()


def _chebyshev(transitions: Transitions, start: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    """The sum of c_k T_k(P) x, by the recurrence T_{k+1} = 2 P T_k - T_{k-1}."""
    degree = _sufficient_degree(start, transitions.degrees, coefficients)
    current = transitions.padded(start)
    before = torch.zeros_like(current)
    total = coefficients[0] * current
    for k, coefficient in enumerate(coefficients[1 : degree + 1], 1):
        transitions.step(current, before, 1 if k == 1 else 2, 1)
        current, before = before, current
        if coefficient:
            total.add_(current, alpha=coefficient)
    # Values of the exact walk are never negative.
    return transitions.inside(total).clamp_(min=0)


def _sufficient_degree(start: Tensor, degrees: Tensor, coefficients: tuple[float, ...]) -> int:
    """The smallest degree whose error is at most `TRUNCATION` of each class's largest value."""
    means = (start * degrees).sum(dim=(1, 2)) / degrees.sum()
    norms = (start**2 * degrees).sum(dim=(1, 2)).sqrt()
    allowed = min((TRUNCATION * means / norms)[norms > 0].tolist(), default=1.0)
    left_out = [*reversed([*accumulate(reversed(coefficients[1:]))]), 0.0]
    return next(degree for degree, rest in enumerate(left_out) if rest <= allowed)


@cache
def coefficients_of_power(log2_steps: int) -> tuple[float, ...]:
    """c_0 to c_N of x^N = sum_k c_k T_k(x), with Chebyshev's polynomials T_k and N = 2^log2_steps. Every other is 0."""
    steps = 2**log2_steps
    coefficients, binomial = [0.0] * (steps + 1), 1
    for back in range(steps // 2 + 1):
        k = steps - 2 * back
        coefficients[k] = (2 if k else 1) * binomial / 2**steps
        binomial = binomial * (steps - back) // (back + 1)
    return tuple(coefficients)

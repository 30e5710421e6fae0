"""The equations of both papers as float64 loops over pixels, channels and words, written from their text.

Features are arrays (batch, d, h, w), codebooks (k, d). Pixels count from left to right, row by row.
"""

from collections.abc import Callable, Mapping
from math import ceil, exp, log, sqrt

import numpy as np
import torch
from torch import Tensor


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    product = sum(float(a) * float(b) for a, b in zip(first, second, strict=True))
    lengths = [sqrt(sum(float(value) ** 2 for value in vector)) for vector in (first, second)]
    return product / (lengths[0] * lengths[1])


def similarity(features: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """S, (batch, pixels, k): VWL eq. 2, VWE eq. 1."""
    images, _, height, width = features.shape
    out = np.zeros((images, height * width, len(codebook)))
    for image, y, x in np.ndindex(images, height, width):
        out[image, y * width + x] = [cosine(features[image, :, y, x], word) for word in codebook]
    return out


def probabilities(features: np.ndarray, codebook: np.ndarray, tau: float = 1.0) -> np.ndarray:
    """P, (batch, pixels, k): VWL eq. 3; VWE eq. 2 with tau 1."""
    out = similarity(features, codebook)
    for image, pixel in np.ndindex(*out.shape[:2]):
        raised = [exp(tau * value) for value in out[image, pixel]]
        out[image, pixel] = [value / sum(raised) for value in raised]
    return out


def labels(words: np.ndarray) -> np.ndarray:
    """Y, (batch, pixels), of P: VWL eq. 4, VWE eq. 3."""
    out = np.zeros(words.shape[:2], np.int64)
    for place in np.ndindex(*out.shape):
        row = list(words[place])
        out[place] = row.index(max(row))
    return out


def present(words: np.ndarray) -> np.ndarray:
    """y^word, (batch, k), of P."""
    chosen = labels(words)
    return np.array([[float(word in set(row)) for word in range(words.shape[2])] for row in chosen])


def frequencies(words: np.ndarray, mean: bool) -> np.ndarray:
    """f^word, (batch, k), of P: VWL eq. 5, VWE eq. 4; without `mean`, the sums of the released code."""
    out = np.zeros((len(words), words.shape[2]))
    for image, pixel, word in np.ndindex(*words.shape):
        out[image, word] += words[image, pixel, word] / (words.shape[1] if mean else 1)
    return out


def members(pixels: np.ndarray, chosen: np.ndarray, word: int) -> list[np.ndarray]:
    """The pixels (n, d) that are labelled `word`."""
    return [pixel.astype(np.float64) for pixel, label in zip(pixels, chosen, strict=True) if label == word]


def whole_cells(features: np.ndarray, regions: int) -> np.ndarray:
    """Means of maxima, (batch, d), over cells of floor(side / r) pixels; what does not fill a cell is left out."""
    tall, wide = (max(side // regions, 1) for side in features.shape[2:])
    tops = range(0, features.shape[2] - tall + 1, tall)
    lefts = range(0, features.shape[3] - wide + 1, wide)
    return mean_of_maxima(features, [(y, y + tall) for y in tops], [(x, x + wide) for x in lefts])


def grid(features: np.ndarray, regions: int) -> np.ndarray:
    """Means of maxima, (batch, d), over r x r divisions of h/r x w/r; a pixel belongs to all that it reaches into."""
    rows, columns = (
        [(side * number // regions, ceil(side * (number + 1) / regions)) for number in range(regions)]
        for side in features.shape[2:]
    )
    return mean_of_maxima(features, rows, columns)


def mean_of_maxima(features: np.ndarray, rows: list[tuple[int, int]], columns: list[tuple[int, int]]) -> np.ndarray:
    out = np.zeros(features.shape[:2])
    for image, channel in np.ndindex(*out.shape):
        for top, bottom in rows:
            for left, right in columns:
                cell = [features[image, channel, y, x] for y in range(top, bottom) for x in range(left, right)]
                out[image, channel] += float(max(cell)) / (len(rows) * len(columns))
    return out


def average(features: np.ndarray) -> np.ndarray:
    """f^gap, (batch, d): VWL eq. 9, VWE eq. 6."""
    out = np.zeros(features.shape[:2])
    for image, channel, y, x in np.ndindex(*features.shape):
        out[image, channel] += float(features[image, channel, y, x]) / (features.shape[2] * features.shape[3])
    return out


def hybrid(
    features: np.ndarray, regions: tuple[int, ...], gamma: float, maxima: Callable[[np.ndarray, int], np.ndarray]
) -> np.ndarray:
    """f^hp, (batch, d): VWL eq. 10, VWE eq. 7."""
    total = gamma * average(features)
    for count in regions:
        total = total + maxima(features, count)
    return np.asarray(total / (gamma + len(regions)))


def soft_margin(scores: np.ndarray, truth: np.ndarray) -> float:
    """Mean over images of L_cls: VWL eq. 11, VWE eq. 8, with the minus sign that they lack."""
    total = 0.0
    for row, wanted in zip(scores, truth, strict=True):
        for p, y in zip(map(float, row), map(float, wanted), strict=True):
            total += (y * log(exp(p) / (1 + exp(p))) + (1 - y) * log(1 / (1 + exp(p)))) / len(row)
    return -total / len(scores)


def decov(codebook: np.ndarray, printed: bool) -> float:
    """VWL eq. 13 over the covariance matrix; not `printed`: norms, and products not divided by d, as released."""
    centred = [[float(value) - sum(map(float, word)) / len(word) for value in word] for word in codebook]
    everything = diagonal = 0.0
    for i, first in enumerate(centred):
        for j, second in enumerate(centred):
            covariance = sum(a * b for a, b in zip(first, second, strict=True)) / (len(first) if printed else 1)
            everything += covariance**2
            diagonal += covariance**2 if i == j else 0.0
    if printed:
        return 0.5 * (everything - diagonal)
    return 0.5 * (sqrt(everything) - sqrt(diagonal))


def losses_of_words(
    features: np.ndarray, truth: np.ndarray, heads: Mapping[str, np.ndarray], printed: bool, tau: float = 1.0
) -> dict[str, float]:
    """The terms beside the images': VWL eq. 12 and 14, VWE eq. 9.

    `heads`: codebook (k, d), word (k, d), and (n, k) word_to_image where there is one; without `printed`, as released.
    """
    words = probabilities(features, heads["codebook"], tau)
    found = {"word": soft_margin(average(features) @ heads["word"].T, present(words))}
    if "word_to_image" in heads:
        found["w2i"] = soft_margin(frequencies(words, mean=printed) @ heads["word_to_image"].T, truth)
        found["decov"] = decov(heads["codebook"], printed)
    return found


def maps(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """ReLU of the weighted sums (batch, n, h, w) of `values` (batch, d, h, w) by `weights` (n, d)."""
    out = np.zeros((len(values), len(weights), *values.shape[2:]))
    for image, number, y, x in np.ndindex(*out.shape):
        column = values[image, :, y, x]
        out[image, number, y, x] = max(
            sum(float(w) * float(v) for w, v in zip(weights[number], column, strict=True)), 0
        )
    return out


def assert_gradient(
    ours: Callable[[Tensor], Tensor], loop: Callable[[np.ndarray], np.ndarray | float], at: np.ndarray
) -> None:
    """`ours` and `loop` agree at float64 `at`, and autograd agrees with the loop's central differences there.

    Results of several numbers are weighed at random into one.
    """
    place = torch.from_numpy(at.astype(np.float64)).requires_grad_()
    result = ours(place)
    wanted = np.asarray(loop(at.astype(np.float64)))
    np.testing.assert_allclose(result.detach(), wanted.reshape(result.shape), rtol=1e-9, atol=1e-12)
    weights = np.random.default_rng(0).standard_normal(wanted.shape)
    (gradient,) = torch.autograd.grad((result * torch.from_numpy(weights).reshape(result.shape)).sum(), place)
    for index in np.ndindex(*at.shape):
        shifted = [at.astype(np.float64), at.astype(np.float64)]
        shifted[0][index] += 1e-5
        shifted[1][index] -= 1e-5
        up, down = (float((weights * loop(one)).sum()) for one in shifted)
        assert abs(float(gradient[index]) - (up - down) / 2e-5) < 1e-6 * max(1.0, abs(float(gradient[index]))), index

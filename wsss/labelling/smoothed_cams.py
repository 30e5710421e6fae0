"""Labels from CAMs that are smoothed over the photograph as probabilities."""

import numpy as np

from wsss.labelling.label_maps import NO_BACKGROUND, class_labels, strongest
from wsss.labelling.smoothing import smoother_of
from wsss.settings.smoothing import SmoothingSettings


def labels_of_smoothed_cams(
    image: np.ndarray, cams: np.ndarray, keys: np.ndarray, background_score: float, smoothing: SmoothingSettings
) -> np.ndarray:
    """Labels, uint8 (H, W), 0 and keys + 1: argmax of the smoothed softmax of [background_score, cams].

    `image`: uint8 RGB (H, W, 3); `cams`: float32 (n, H, W) in 0..1; `keys`: their class numbers, integers from 0.
    Without classes everything is background. With the score `NO_BACKGROUND` only the classes are smoothed, and 0 is the
    label of an image where no class has a score.
    """
    alone = background_score == NO_BACKGROUND
    if len(keys) == 0 or (alone and not strongest(cams, background_score).any()):
        return np.zeros(cams.shape[1:], np.uint8)
    background = np.full((0 if alone else 1, *cams.shape[1:]), background_score, np.float32)
    exponentials = np.exp(np.concatenate([background, cams]))
    probabilities = exponentials / exponentials.sum(axis=0)
    smoother = smoother_of(image, len(probabilities), smoothing)
    first = len(cams) + 1 - len(probabilities)
    return class_labels(smoother.from_probabilities(probabilities).argmax(axis=0) + first, keys)

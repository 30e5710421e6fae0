"""A run's classifier in use: photographs in, scores of classes, class activation maps and visual words out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from wsss.cams.plain import head_features
from wsss.cams.shards import CamMaker, load_cam_maker
from wsss.classification.image_words import ImageWords, words_of
from wsss.commands.run_files import Run
from wsss.data.augmentation import to_tensor
from wsss.data.dataset import Dataset
from wsss.settings.photographs import MOST_PIXELS

# Classes with a higher probability are mapped, unless the user names some.
SEEN = 0.5


class Seen(NamedTuple):
    """What a classifier sees in a photograph.

    `scores` are the probabilities of all n classes, float32 (n,). `keys` are the numbers of the mapped classes, from 0,
    int64 (m,), and `maps` their CAMs, float32 (m, h, w) in 0..1. `words` is None if the classifier has none.
    """

    scores: np.ndarray
    keys: np.ndarray
    maps: np.ndarray
    words: ImageWords | None


@dataclass(frozen=True)
class Viewer:
    """A run's classifier, ready for photographs.

    Parameters
    ----------
    maker : CamMaker
        The classifier with the CAM method of the run.
    values : Mapping[str, int]
        The values of the classes in label images by name, in the order of their numbers.
    most_pixels : int
        Larger photographs are worked on at a smaller size.
    """

    maker: CamMaker
    values: Mapping[str, int]
    most_pixels: int

    @torch.inference_mode()
    def see(self, image: Image.Image, named: Sequence[str] = ()) -> Seen:
        """Scores, maps and words of a photograph.

        Parameters
        ----------
        image : Image.Image
            RGB, 8 bits a channel.
        named : Sequence[str]
            The classes that are mapped; without them, those with a score above 0.5.

        Returns
        -------
        Seen
            What the classifier sees. The maps are those that the workflow makes of an image with these classes.
        """
        network = self.maker.network
        pixels = to_tensor(image, network.backbone.normalisation)[None]
        precision = getattr(torch, self.maker.settings.precision)
        features = head_features(network, pixels.to(self.maker.device, precision))
        scores = network.image_scores(features)[0].sigmoid().cpu().numpy()
        keys = np.flatnonzero(np.isin([*self.values], named) if named else scores > SEEN)
        (store,) = self.maker.stores_of([self.maker.prepared("", image, keys)])
        return Seen(scores, keys, store.full(), words_of(network, features))

    def mapped(self, seen: Seen) -> dict[str, np.ndarray]:
        """The maps of a photograph by the name of their class.

        Parameters
        ----------
        seen : Seen
            What was seen in it.

        Returns
        -------
        dict[str, np.ndarray]
            float32 (h, w) in 0..1 by name.
        """
        classes = [*self.values]
        return {classes[key]: own for key, own in zip(seen.keys, seen.maps, strict=True)}


def load_viewer(run: Run) -> Viewer:
    """The classifier of a run.

    Parameters
    ----------
    run : Run
        The run.

    Returns
    -------
    Viewer
        The classifier.

    Raises
    ------
    WsssError
        If the run has no classifier, or its files are missing or damaged.
    """
    dataset, classifier, cams = Dataset(run.path("data")), run.settings("classifier"), run.settings("cams")
    maker = load_cam_maker(run.file("classifier"), classifier, len(dataset.classes), cams)  # type: ignore[arg-type]
    return Viewer(maker, dataset.values.classes, getattr(run.settings("data"), "max_pixels", MOST_PIXELS))

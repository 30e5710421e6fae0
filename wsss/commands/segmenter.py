"""A model in use: photographs in, labels, probabilities and overlays out. `wsss.load_segmenter` is from here."""

import io
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor

from wsss.commands.model_files import model_file
from wsss.commands.tiles import blended_labels, grid_of
from wsss.data.label_values import LabelValues
from wsss.data.photographs import look, upright_image, worked_image
from wsss.errors import WsssError
from wsss.progress import track
from wsss.reporting.mask_images import enlarge_labels, overlay, shares_of
from wsss.segmentation.model import read_model
from wsss.segmentation.prediction import Scorer
from wsss.segmentation.prediction_labels import likeliest, plain_labels, scores_of_numbers, smoothed_probabilities
from wsss.stores.pipelining import in_background
from wsss.stores.score_store import ScoreStore

# The longest side of what a notebook shows. A photograph of a camera would make it tens of megabytes larger.
SHOWN_SIDE = 1024


class Photograph(NamedTuple):
    """A photograph that has been read: its image at the size that is worked on, and its upright full size.

    `pixels` is the network's input, or None if the photograph is worked on in tiles.
    """

    path: Path
    image: Image.Image
    pixels: Tensor | None
    full_size: tuple[int, int]


class Segmented:
    """What a model says of one photograph.

    Parameters
    ----------
    path : Path
        The photograph.
    labels : np.ndarray
        Values of the classes, uint8 (height, width) of the upright photograph. 255: no class.
    values : LabelValues
        The value of each class.
    probabilities : Callable[[], np.ndarray]
        Makes the probabilities, float32 (n, h, w).
    """

    def __init__(
        self, path: Path, labels: np.ndarray, values: LabelValues, probabilities: Callable[[], np.ndarray]
    ) -> None:
        self.path, self.labels, self._values, self._make_probabilities = path, labels, values, probabilities

    @cached_property
    def probabilities(self) -> np.ndarray:
        """The probability of each class, in the order of `names`.

        float32 (n, h, w). The size is that of the photograph, or the smaller one at which a large photograph is worked
        on. Raises WsssError for a photograph that was worked on in tiles.
        """
        return self._make_probabilities()

    @property
    def names(self) -> dict[int, str]:
        """The names of the classes by their value in `labels`, in the order of `probabilities`."""
        numbers = range(self._values.first, len(self._values.classes) + 1)
        named = ["background", *self._values.classes]
        return {int(self._values.values[number]): named[number] for number in numbers}

    @property
    def shares(self) -> dict[str, float]:
        """The share of each class in the photograph's pixels, in 0..1, by its name. The background is left out."""
        return shares_of(self.labels, self._values.classes)

    def overlay(self) -> Image.Image:
        """The photograph under the colours of its labels.

        Returns
        -------
        Image.Image
            RGB, of the photograph's size.
        """
        return overlay(upright_image(self.path), self.labels, 0 if self._values.has_background else None)

    def __repr__(self) -> str:
        height, width = self.labels.shape
        shares = ", ".join(f"{name} {share:.1%}" for name, share in self.shares.items() if share) or "no class"
        return f"Segmented({str(self.path)!r}, {height} x {width} pixels (height x width): {shares})"

    def _repr_png_(self) -> bytes:
        """The overlay as a notebook shows it, at most `SHOWN_SIDE` pixels high and wide."""
        shown, buffer = self.overlay(), io.BytesIO()
        shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
        shown.save(buffer, "PNG")
        return buffer.getvalue()


class Segmenter:
    """A model that is ready to segment photographs, on the GPU if this process has one, else on the CPU.

    Parameters
    ----------
    path : Path
        The model's .safetensors.
    """

    def __init__(self, path: Path) -> None:
        facts, state = read_model(path)
        self.path, self.facts, self.values = path, facts, facts.values
        self._scorer = Scorer(
            state, path, facts.segmentation, len(facts.classes), facts.prediction, facts.weights_sha256
        )

    def predict(self, photograph: str | Path, crf: bool = True, full_size: bool = False) -> Segmented:
        """Segment one photograph.

        Parameters
        ----------
        photograph : str or Path
            An image of any format that Pillow reads, of any size.
        crf : bool
            Whether labels are fitted to the photograph's edges, by the CRF of the run.
        full_size : bool
            Whether photographs above the model's `max_pixels` are worked on at their own size, in overlapping tiles.

        Returns
        -------
        Segmented
            Labels, names, probabilities and overlay.

        Raises
        ------
        WsssError
            If the photograph is missing, damaged or too large.
        """
        read = self.read(Path(photograph), full_size)
        return self.label_in_tiles(read, crf) if read.pixels is None else self.label(read, self.score(read), crf)

    def read(self, path: Path, full_size: bool = False) -> Photograph:
        """The first of the three steps of `predict`: read a photograph.

        Parameters
        ----------
        path : Path
            The photograph.
        full_size : bool
            Whether a photograph above the model's `max_pixels` keeps its size. It then needs `label_in_tiles`.

        Returns
        -------
        Photograph
            The photograph.

        Raises
        ------
        WsssError
            If the photograph is missing, damaged or too large.
        """
        size = look(path).size
        if full_size and size[0] * size[1] > self.facts.max_pixels:
            return Photograph(path, upright_image(path), None, size)
        image = worked_image(path, self.facts.max_pixels)
        return Photograph(path, image, self._scorer.input_of(image), size)

    def score(self, photograph: Photograph) -> ScoreStore:
        """The second step of `predict`: what the network says.

        Parameters
        ----------
        photograph : Photograph
            The photograph, with the network's input.

        Returns
        -------
        ScoreStore
            The scores of the values that a pixel may have.
        """
        assert photograph.pixels is not None
        return scores_of_numbers(self._scorer.score(photograph.path.name, photograph.pixels), self.values)

    def label(self, photograph: Photograph, scores: ScoreStore, crf: bool = True) -> Segmented:
        """The last step of `predict`: labels from scores.

        Parameters
        ----------
        photograph : Photograph
            The photograph.
        scores : ScoreStore
            Its scores.
        crf : bool
            Whether labels are fitted to the photograph's edges.

        Returns
        -------
        Segmented
            Labels, names, probabilities and overlay.
        """
        if crf:
            smoothed = smoothed_probabilities(scores, np.asarray(photograph.image), self.facts.prediction_labels)
            numbers, probabilities = likeliest(smoothed, self.values), lambda: smoothed
        else:
            numbers, probabilities = plain_labels(scores, self.values), scores.full
        labels = enlarge_labels(self.values.values[numbers], photograph.full_size)
        return Segmented(photograph.path, labels, self.values, probabilities)

    def label_in_tiles(self, photograph: Photograph, crf: bool = True) -> Segmented:
        """The second and the last step of `predict` for a photograph that is worked on in tiles.

        Parameters
        ----------
        photograph : Photograph
            The photograph at its own size.
        crf : bool
            Whether labels are fitted to the photograph's edges, in each tile.

        Returns
        -------
        Segmented
            Labels, names and overlay.
        """

        def score(box: tuple[int, int, int, int]) -> tuple[np.ndarray, ScoreStore]:
            tile = photograph.image.crop(box)
            pixels = self._scorer.input_of(tile)
            return np.asarray(tile), self.score(Photograph(photograph.path, tile, pixels, (tile.height, tile.width)))

        def probabilities(scored: tuple[np.ndarray, ScoreStore]) -> np.ndarray:
            tile, scores = scored
            return smoothed_probabilities(scores, tile, self.facts.prediction_labels) if crf else scores.full()

        grid = grid_of(photograph.full_size, self.facts.max_pixels)
        boxes = list(grid.boxes())
        done = in_background(probabilities, map(score, boxes))
        found = track(done, len(boxes), f"tiles of {photograph.path.name}", "tile")
        labels = blended_labels(grid, found, lambda part: self.values.values[likeliest(part, self.values)])
        return Segmented(photograph.path, labels, self.values, partial(_refuse_probabilities, photograph.path))


def _refuse_probabilities(path: Path) -> np.ndarray:
    raise WsssError(f"{path} was worked on in tiles, whose probabilities are not kept: use full_size=False")


def load_segmenter(model: str | Path) -> Segmenter:
    """A model from its file, ready for use. Loading it runs no code of the file.

    Parameters
    ----------
    model : str or Path
        The .safetensors that `snakemake model` made, its folder, the folder of the run, or the name of a run below
        results/runs.

    Returns
    -------
    Segmenter
        The model.

    Raises
    ------
    WsssError
        If there is no such model, or its file is damaged or of another version.
    """
    return Segmenter(model_file(model))

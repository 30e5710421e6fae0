"""`wsss segment`: masks of any photographs by a model."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wsss.commands.annotation_files.formats import FILES, MaskFormat, writer_of
from wsss.commands.annotation_files.regions import Labelled
from wsss.commands.chosen_photographs import chosen_photographs
from wsss.commands.model_files import model_file
from wsss.commands.output_file import writing
from wsss.commands.segment_journal import Journal, state_of
from wsss.commands.segmenter import Photograph, Segmented, Segmenter
from wsss.data.images import REMEDY, write_labels
from wsss.errors import WsssError
from wsss.files import atomic_path, sha256_of, write_csv, write_json
from wsss.progress import track
from wsss.reporting.mask_images import MaskFiles, mask_files, write_overlay
from wsss.segmentation.model import read_facts
from wsss.stores.pipelining import in_background
from wsss.stores.score_store import ScoreStore


@dataclass(frozen=True)
class Wanted:
    """What is made of each photograph besides its label image."""

    crf: bool = True
    overlay: bool = False
    probabilities: bool = False
    full_size: bool = False
    annotations: MaskFormat = MaskFormat.PNG

    def maker(self, model: Path) -> dict[str, Any]:
        """What the label images depend on besides the photographs."""
        found = {"model": sha256_of(model), "crf": self.crf}
        return found | ({"full_size": True} if self.full_size else {})

    def files(self, own: MaskFiles) -> dict[str, str]:
        """The files of a photograph below the folder of masks, by what they are."""
        found = {"labels": own.labels}
        found |= {"overlay": own.overlay} if self.overlay else {}
        return found | ({"probabilities": f"probabilities/{own.stem}.npy"} if self.probabilities else {})


class Failure(NamedTuple):
    """A photograph that could not be segmented, and why."""

    path: Path
    why: str


class Scored(NamedTuple):
    """A photograph with its state before it was read, and its scores, or its labels if it is worked on in tiles."""

    state: Sequence[int]
    photograph: Photograph
    scores: ScoreStore | Segmented


def segment(model: str, named: Sequence[str], folder: Path, wanted: Wanted) -> Iterator[str]:
    """Write masks of photographs.

    Parameters
    ----------
    model : str
        The model's file, its folder, its run's folder, or the name of its run.
    named : Sequence[str]
        The photographs: files, folders and patterns.
    folder : Path
        The folder to write. It gets labels/ (8-bit indexed PNG, the values of the model), overlays/ and probabilities/
        if wanted (float16 (n, h, w) in the order of labels.json), labels.json, the file of an annotation tool if
        wanted, and, last, index.csv.
    wanted : Wanted
        What is made.

    Returns
    -------
    Iterator[str]
        Lines for the user: what is not read, each photograph that failed (`error: `...), and what was made.

    Raises
    ------
    WsssError
        If there is no such model or no photograph, a package is missing, or the folder cannot be written or holds other
        masks.
    """
    if wanted.full_size and wanted.probabilities:
        raise WsssError(
            "--probabilities and --full-size exclude each other: of a photograph that is worked on in tiles, the "
            "probabilities are not kept"
        )
    file, write_annotations = model_file(model), writer_of(wanted.annotations)
    values = read_facts(file).values
    photographs, notes = chosen_photographs(named, folder)
    yield from notes
    own = mask_files(map(str, photographs))
    files = {path: wanted.files(own[str(path)]) for path in photographs}
    with writing(folder):
        rows: dict[Path, Mapping[str, float]] = {}
        yield from _make_masks(file, folder, wanted, files, rows)
        shared = os.path.commonpath([path.parent for path in files])
        made = {path.relative_to(shared).as_posix(): path for path in files if path in rows}
        if write_annotations is not None:
            labelled = [Labelled(name, folder / files[path]["labels"]) for name, path in made.items()]
            write_annotations(folder / FILES[wanted.annotations], labelled, values)
            yield f"annotations: {folder / FILES[wanted.annotations]}"
        _write_index(folder / "index.csv", made, files, rows)
    if failed := len(files) - len(rows):
        yield f"error: {failed} of {len(photographs)} photographs could not be segmented"


def _make_masks(
    model: Path,
    folder: Path,
    wanted: Wanted,
    files: Mapping[Path, Mapping[str, str]],
    rows: dict[Path, Mapping[str, float]],
) -> Iterator[str]:
    """Write the masks that are not there yet. Fills `rows` with the shares of the classes of each photograph."""
    journal = Journal(folder, wanted.maker(model))
    for path in files:
        shares = journal.shares(path, [*files[path].values()])
        if shares is not None:
            rows[path] = shares
    waiting, found = [path for path in files if path not in rows], len(rows)
    if waiting:
        work = _Work(Segmenter(model), folder, wanted, files)
        journal.begin()
        write_json(folder / "labels.json", work.segmenter.values.legend())
        for done in track(work.results(waiting), len(files), "segmenting", "photograph", start=found):
            if isinstance(done, Failure):
                yield f"error: {done.why}"
                continue
            path, state, rows[path] = done
            journal.add(path, state, [*files[path].values()], rows[path])
    before = f", of which {found} were there before" if found else ""
    yield f"segmented: {len(rows)}{before}; label images: {folder / 'labels'}; shares: {folder / 'index.csv'}"


class _Work:
    """The work on each photograph. Reading, the network, and labels and writing overlap."""

    def __init__(
        self, segmenter: Segmenter, folder: Path, wanted: Wanted, files: Mapping[Path, Mapping[str, str]]
    ) -> None:
        self.segmenter, self._folder, self._wanted, self._files = segmenter, folder, wanted, files

    def results(self, paths: Sequence[Path]) -> Iterator[tuple[Path, Sequence[int], dict[str, float]] | Failure]:
        """Path, state and shares of each photograph, or why it failed, in the order of `paths`."""
        return in_background(self._finish, map(self._score, in_background(self._read, paths)))

    def _read(self, path: Path) -> tuple[Sequence[int], Photograph] | Failure:
        state = state_of(path)
        try:
            return state, self.segmenter.read(path, self._wanted.full_size)
        except WsssError as error:
            # The rest of this message is about the workflow.
            return Failure(path, str(error).removesuffix(f"; {REMEDY}"))

    def _score(self, read: tuple[Sequence[int], Photograph] | Failure) -> Scored | Failure:
        if isinstance(read, Failure):
            return read
        state, photograph = read
        try:
            if photograph.pixels is None:
                return Scored(state, photograph, self.segmenter.label_in_tiles(photograph, self._wanted.crf))
            return Scored(state, photograph, self.segmenter.score(photograph))
        except RuntimeError as error:
            if type(error).__name__ != "OutOfMemoryError":
                raise
            why = "out of GPU memory: set CUDA_VISIBLE_DEVICES to nothing to use the CPU"
            return Failure(photograph.path, f"{photograph.path}: {why}")

    def _finish(self, scored: Scored | Failure) -> tuple[Path, Sequence[int], dict[str, float]] | Failure:
        if isinstance(scored, Failure):
            return scored
        path = scored.photograph.path
        segmented = scored.scores
        if isinstance(segmented, ScoreStore):
            segmented = self.segmenter.label(scored.photograph, segmented, self._wanted.crf)
        try:
            self._write(segmented, self._files[path])
        except WsssError as error:
            if not path.is_file():
                return Failure(path, str(error))
            raise
        return path, scored.state, segmented.shares

    def _write(self, segmented: Segmented, files: Mapping[str, str]) -> None:
        write_labels(self._folder / files["labels"], segmented.labels)
        if "overlay" in files:
            write_overlay(self._folder / files["overlay"], segmented.overlay())
        if "probabilities" in files:
            with atomic_path(self._folder / files["probabilities"]) as temporary, temporary.open("wb") as file:
                np.save(file, segmented.probabilities.astype(np.float16))


def _write_index(
    path: Path,
    made: Mapping[str, Path],
    files: Mapping[Path, Mapping[str, str]],
    rows: Mapping[Path, Mapping[str, float]],
) -> None:
    """Write a row for each photograph of `made`: its path below the folder that all share, its files, and shares."""
    content: list[dict[str, Any]] = [
        {"photograph": name, **files[photograph]}
        | {f"share of {label}": f"{share:.4f}" for label, share in rows[photograph].items()}
        for name, photograph in made.items()
    ]
    write_csv(path, content, ["photograph", "labels"])

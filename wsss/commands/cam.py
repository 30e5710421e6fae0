"""`wsss cam`: where a run's classifier sees classes in any photographs, and which visual words it sees there."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from wsss.commands.cam_output import CamTables, cam_files, write_maps, write_words
from wsss.commands.chosen_photographs import chosen_photographs
from wsss.commands.output_file import writing
from wsss.commands.run_files import run_of
from wsss.commands.viewer import SEEN, Seen, Viewer, load_viewer
from wsss.data.images import REMEDY
from wsss.data.photographs import worked_image
from wsss.errors import WsssError
from wsss.progress import track
from wsss.stores.pipelining import in_background


def cam(named_run: str, named: Sequence[str], folder: Path, classes: Sequence[str]) -> Iterator[str]:
    """Write what a run's classifier sees in photographs.

    Parameters
    ----------
    named_run : str
        The run: its folder, or its name below results/runs.
    named : Sequence[str]
        The photographs: files, folders and patterns.
    folder : Path
        The folder to write, which must be empty or new. It gets maps/, overlays/, and words/ and words.csv if the
        classifier has visual words, and, last, index.csv.
    classes : Sequence[str]
        The classes that are mapped; without them, those with a score above 0.5.

    Returns
    -------
    Iterator[str]
        Lines for the user: what is not read, the scores of each photograph, each that failed (`error: `...), and what
        was made.

    Raises
    ------
    WsssError
        If there is no such run, class or photograph, or the folder is not empty.
    """
    photographs, notes = chosen_photographs(named, folder)
    yield from notes
    viewer = load_viewer(run_of(named_run))
    if unknown := [name for name in classes if name not in viewer.values]:
        raise WsssError(f"the run has no class {', '.join(unknown)}; it has {', '.join(viewer.values)}")
    files, tables = cam_files(photographs), CamTables(viewer, photographs)
    with writing(folder):
        _begin(folder)
        read = in_background(lambda path: (path, _read(path, viewer.most_pixels)), photographs)
        for path, image in track(read, len(photographs), "class activation maps", "photograph"):
            if isinstance(image, str):
                yield f"error: {image}"
                continue
            try:
                seen = viewer.see(image, classes)
            except torch.OutOfMemoryError:
                yield f"error: {path}: out of GPU memory: set CUDA_VISIBLE_DEVICES to nothing to use the CPU"
                continue
            write_maps(folder, files[path], np.asarray(image), viewer.mapped(seen), viewer.values)
            if seen.words is not None:
                vocabulary = viewer.maker.network.settings.vocabulary
                write_words(folder / files[path].words, seen.words.words, vocabulary, (image.height, image.width))
            tables.add(path, files[path], seen)
            yield f"{path.name}: {_scores(viewer, seen)}"
        tables.write(folder)
    yield f"written: {folder}, with {tables.count} photographs; scores: {folder / 'index.csv'}"
    if failed := len(photographs) - tables.count:
        yield f"error: {failed} of {len(photographs)} photographs could not be shown"


def _begin(folder: Path) -> None:
    """Make the folder. Raises WsssError if it holds something already."""
    folder.mkdir(parents=True, exist_ok=True)
    if next(folder.iterdir(), None) is not None:
        raise WsssError(f"{folder} is not empty: name a new folder with -o")


def _read(path: Path, most_pixels: int) -> Image.Image | str:
    """A photograph at the size that is worked on, or why it cannot be read."""
    try:
        return worked_image(path, most_pixels)
    except WsssError as error:
        # The rest of this message is about the workflow.
        return str(error).removesuffix(f"; {REMEDY}")


def _scores(viewer: Viewer, seen: Seen) -> str:
    """The scores of the mapped classes, highest first, or the highest of all where no class is mapped."""
    classes = [*viewer.values]
    if not len(seen.keys):
        best = int(seen.scores.argmax())
        return (
            f"no class has a score above {SEEN}, the highest is {classes[best]} {seen.scores[best]:.2f}: "
            "--classes maps those that it names"
        )
    order = sorted(seen.keys, key=lambda key: -seen.scores[key])
    return ", ".join(f"{classes[key]} {seen.scores[key]:.2f}" for key in order)

"""Weakly-supervised semantic segmentation from image-level labels.

`wsss.load_segmenter(path).predict("cow.jpg")` uses a model that `snakemake model` made. `wsss.Dataset(run)` is the
dataset of a finished run, and `wsss.evaluate(predictions, truth)` gives scores. The others are the parts that are of
use by themselves. docs/api.md describes them all.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsss.classification.hybrid_pooling import hybrid_pooling as hybrid_pooling
    from wsss.classification.hybrid_pooling import maxima_of_grid as maxima_of_grid
    from wsss.classification.hybrid_pooling import maxima_of_whole_cells as maxima_of_whole_cells
    from wsss.classification.learnt_words import LearntWords as LearntWords
    from wsss.classification.visual_words import word_labels as word_labels
    from wsss.classification.visual_words import word_probabilities as word_probabilities
    from wsss.commands.evaluate import Evaluation as Evaluation
    from wsss.commands.evaluate import evaluate as evaluate
    from wsss.commands.segmenter import Segmented as Segmented
    from wsss.commands.segmenter import Segmenter as Segmenter
    from wsss.commands.segmenter import load_segmenter as load_segmenter
    from wsss.data.dataset import Dataset as Dataset
    from wsss.data.run_artifacts import stage_folder as stage_folder
    from wsss.errors import WsssError as WsssError
    from wsss.labelling.dense_crf import DenseCrf as DenseCrf
    from wsss.labelling.pamr import Pamr as Pamr
    from wsss.labelling.pamr import pamr as pamr
    from wsss.refinement.random_walk import random_walk as random_walk
    from wsss.settings.classifier import ClassifierSettings as ClassifierSettings
    from wsss.settings.crf import CrfSettings as CrfSettings
    from wsss.settings.pamr import PamrSettings as PamrSettings
    from wsss.settings.pseudo_labels import IrnetWalkSettings as IrnetWalkSettings
    from wsss.stores.cam_store import CamStore as CamStore

    __version__: str

# The module of each name. It is loaded when the name is used, because torch alone takes seconds.
MODULES = {
    "load_segmenter": "commands.segmenter",
    "Segmenter": "commands.segmenter",
    "Segmented": "commands.segmenter",
    "Dataset": "data.dataset",
    "stage_folder": "data.run_artifacts",
    "evaluate": "commands.evaluate",
    "Evaluation": "commands.evaluate",
    "CamStore": "stores.cam_store",
    "DenseCrf": "labelling.dense_crf",
    "CrfSettings": "settings.crf",
    "Pamr": "labelling.pamr",
    "pamr": "labelling.pamr",
    "PamrSettings": "settings.pamr",
    "random_walk": "refinement.random_walk",
    "IrnetWalkSettings": "settings.pseudo_labels",
    "hybrid_pooling": "classification.hybrid_pooling",
    "maxima_of_whole_cells": "classification.hybrid_pooling",
    "maxima_of_grid": "classification.hybrid_pooling",
    "word_probabilities": "classification.visual_words",
    "word_labels": "classification.visual_words",
    "LearntWords": "classification.learnt_words",
    "ClassifierSettings": "settings.classifier",
    "WsssError": "errors",
}
__all__ = ["__version__", *MODULES]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from wsss.commands.version import version

        return version()
    if name in MODULES:
        from wsss.runtime.parts import load_part

        return getattr(load_part(f"wsss.{MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]

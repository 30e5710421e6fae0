"""The chooser of objectives: from settings to the parts that they name. It imports the chosen parts alone."""

from typing import assert_never

from wsss.classification.objective import Objective
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.objectives import ObjectiveSettings


def build_words(channels: int, classes: int, settings: ClassifierSettings) -> Objective | None:
    """The visual words that the settings name, for features of `channels`; None without words."""
    match settings.words:
        case "none":
            return None
        case "vwe" | "vwl_l":
            from wsss.classification.learnt_words import LearntWords

            return LearntWords(channels, classes, settings)
        case "vwl_m":
            from wsss.classification.banked_words import BankedWords

            return BankedWords(channels, settings)
        case words:
            assert_never(words)


def build_objective(channels: int, classes: int, settings: ObjectiveSettings) -> Objective:
    """The objective that the settings name, for features of `channels`."""
    match settings.method:
        case "recam":
            from wsss.classification.recam import Recam

            return Recam(channels, classes, settings)
        case method:
            assert_never(method)

"""Makes the objectives that the classifier's settings name."""

from wsss.classification.objective import Objective
from wsss.runtime.parts import load_part
from wsss.settings.classifier import WORDS_CODE, ClassifierSettings
from wsss.settings.objectives import ObjectiveSettings


def build_words(channels: int, classes: int, settings: ClassifierSettings) -> Objective | None:
    """The visual words that the settings name, for features of `channels`; None without words."""
    if settings.words == "none":
        return None
    words: Objective = load_part(WORDS_CODE[settings.words]).build(channels, classes, settings)
    return words


def build_objective(channels: int, classes: int, settings: ObjectiveSettings) -> Objective:
    """The objective that the settings name, made by `build(channels, classes, settings)` of its module."""
    objective: Objective = load_part(settings.code).build(channels, classes, settings)
    return objective

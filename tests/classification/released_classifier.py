"""The classifiers with the weights of released state dicts, by way of the import."""

from tests.reference import imported_weights
from wsss.classification.classifier import Classifier, build_classifier
from wsss.settings.classifier import ClassifierSettings


def released_settings(words: str) -> ClassifierSettings:
    """Settings of the released networks `vwe` and `vwl_l` whose figures are kept."""
    backbone = {"name": "resnet50", "weights": "scratch"}
    return ClassifierSettings.model_validate(
        {"backbone": backbone, "words": words, "vocabulary": 32, "pooling": "hybrid", "frozen_stages": 3}
    )


def released_classifier(words: str) -> Classifier:
    """The released network `words` (vwe or vwl_l) for 20 classes."""
    network = build_classifier(released_settings(words), 20)
    network.load_state_dict(imported_weights(words))
    return network.train()

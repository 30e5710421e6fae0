"""The classifier with the weights of a released state dict, under the project's names."""

from torch import Tensor

from tests.reference import released_weights
from wsss.classification.network import Classifier, build_classifier
from wsss.settings.classification import ClassifierSettings

TRUNK = "resnet."
HEADS = {
    "classifier.weight": "classifier.weight",
    "words.word_to_image.weight": "fc_a.weight",
    "words.word.weight": "fc_b.weight",
    "words.codebook": "VWE.centroid",
}


def released_settings(words: str) -> ClassifierSettings:
    """Settings of the released networks `vwe` and `vwl_l` whose figures are kept."""
    backbone = {"name": "resnet50", "weights": "scratch"}
    return ClassifierSettings.model_validate(
        {"backbone": backbone, "words": words, "vocabulary": 32, "pooling": "hybrid", "frozen_stages": 3}
    )


def released_name(ours: str) -> str:
    """The released name of a parameter of ours."""
    return HEADS.get(ours) or TRUNK + ours.removeprefix("backbone.network.")


def load_released(network: Classifier, words: str) -> None:
    """Load the released weights; 1x1 convolutions become matrices, counts of batches start at 0."""
    released: dict[str, Tensor] = released_weights(words)
    state = network.state_dict()
    for name in [name for name in state if not name.endswith("num_batches_tracked")]:
        state[name] = released[released_name(name)].reshape(state[name].shape)
    network.load_state_dict(state)


def released_classifier(words: str) -> Classifier:
    """The released network `words` (vwe or vwl_l) for 20 classes."""
    network = build_classifier(released_settings(words), 20)
    load_released(network, words)
    return network.train()

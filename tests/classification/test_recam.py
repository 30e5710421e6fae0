"""ReCAM: against the released figures, against float64 loops, and its training from a finished classifier."""

from math import exp, log
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.papers.loops import assert_gradient
from tests.reference import assert_near, figures, noise
from tests.tiny_backbone import clear_backbone
from wsss.cams.plain import class_maps
from wsss.classification.classifier import Classifier
from wsss.classification.recam import class_features, normalised_maps, softmax_loss
from wsss.classification.training import parameter_groups, train_classifier, training_plan
from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.networks.initial_weights import write_initial_weights
from wsss.settings.classifier import ClassifierSettings
from wsss.training.loop import Machine

RELEASED = figures("recam")
BACKBONE = {"name": "resnet18", "weights": "scratch", "seed": 5}


def recam_settings(words: str = "none", pooling: str = "gap", **changes: object) -> ClassifierSettings:
    objective = {"method": "recam"} | changes
    small = {"backbone": BACKBONE, "vocabulary": 6, "long_side": (40, 56), "crop": 48, "batch": 2, "epochs": 2}
    return ClassifierSettings.model_validate(small | {"words": words, "pooling": pooling, "objectives": [objective]})


def released_network(**changes: object) -> Classifier:
    """A network that gets features instead of images, with the released weights of both heads."""
    network = Classifier(clear_backbone(48), 20, recam_settings(**changes))
    state = {"classifier.weight": weight("classifier"), "objectives.recam.head.weight": weight("predictor")}
    network.load_state_dict(state)
    return network


def weight(name: str) -> Tensor:
    scale = np.float32(np.sqrt(2.0 / 48))
    return torch.from_numpy(noise(f"recam.{name}.weight", (20, 48, 1, 1))[:, :, 0, 0] * scale)


def positive(tag: str, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(noise(tag, shape)).relu()


def labels() -> Tensor:
    found = torch.from_numpy(RELEASED["label"]).float()
    assert torch.equal(found[:2], torch.from_numpy(noise("recam/label", (3, 20)) > 0.8).float()[:2])
    return found


def test_maps_and_class_features_equal_the_released_ones() -> None:
    features = positive("recam/feature", (3, 48, 7, 9))
    maps = normalised_maps(features, weight("classifier"))
    assert_near(maps, RELEASED["cams"])
    assert_near(class_features(maps, features), RELEASED["class_features"])
    assert_near(released_network().image_scores(features), RELEASED["logits"])


def test_losses_and_gradients_equal_the_released_ones() -> None:
    """The third image has no class, and counts."""
    network, features = released_network(), positive("recam/feature", (3, 48, 7, 9)).requires_grad_()
    losses = network.losses(features, labels())
    assert set(losses) == {"img", "recam"}
    assert_near(losses["img"], RELEASED["loss_cls"])
    assert_near(losses["recam"], RELEASED["loss_ce"])
    heads = (features, network.classifier.weight)
    ours = torch.autograd.grad(losses["recam"], heads, retain_graph=True)
    assert_near(ours[0], RELEASED["grad_feature_ce_only"])
    assert_near(ours[1], RELEASED["grad_classifier_ce_only"])
    total = losses["img"] + losses["recam"]
    assert_near(total, RELEASED["loss"])
    total.backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    assert_near(features.grad, RELEASED["grad_feature"])
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    assert_near(gradients["classifier.weight"], RELEASED["grad_classifier"])
    assert_near(gradients["objectives.recam.head.weight"], RELEASED["grad_predictor"])


@pytest.mark.parametrize(("maps", "name"), [("product", "recam"), ("first_head", "plain")])
def test_maps_with_mirrors_added_equal_the_released_ones(maps: str, name: str) -> None:
    straight, mirrored = positive("recam/pair", (2, 48, 7, 9))
    network = released_network(maps=maps).eval()
    network.features = lambda images: torch.stack([straight, mirrored])  # type: ignore[method-assign]
    assert_near(class_maps(network, torch.zeros(1, 3, 1, 1), "add")[0], RELEASED[name])


def naive_loss(features: np.ndarray, w: np.ndarray, second: np.ndarray, truth: np.ndarray) -> float:
    """One class of one image at a time, in float64."""
    batch, channels, height, width = features.shape
    cells = list(np.ndindex(height, width))
    total = 0.0
    for image in range(batch):
        own = []
        for present in np.flatnonzero(truth[image]):
            scores = {(y, x): max(features[image, :, y, x] @ w[present], 0.0) for y, x in cells}
            highest = max(scores.values()) + 1e-5
            z = np.zeros(channels)
            for (y, x), score in scores.items():
                z += score / highest * features[image, :, y, x] / (height * width)
            logits = [float(row @ z) for row in second]
            own.append(log(sum(exp(logit) for logit in logits)) - logits[present])
        total += sum(own) / len(own) if own else 0.0
    return total / batch


@pytest.mark.parametrize("size", [(3, 4), (1, 1)])
def test_the_loss_and_its_gradients_are_those_of_a_loop(size: tuple[int, int]) -> None:
    features = np.abs(noise(f"recam/loop{size}", (3, 5, *size))).astype(np.float64)
    w, second = (noise(f"recam/loop/{name}", (4, 5)).astype(np.float64) for name in ("w", "second"))
    # The first class is nowhere positive: its map is 0.
    w[0] = -np.abs(w[0])
    truth = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [0, 0, 1, 0]])

    def ours(features: Tensor, w: Tensor, second: Tensor) -> Tensor:
        scores = class_features(normalised_maps(features, w), features) @ second.T
        return softmax_loss(scores, torch.from_numpy(truth).double())

    f, a, b = (torch.from_numpy(values) for values in (features, w, second))
    assert ours(f, a, b).item() == pytest.approx(naive_loss(features, w, second, truth), rel=1e-12)
    assert_gradient(lambda t: ours(t, a, b), lambda v: np.asarray(naive_loss(v, w, second, truth)), features)
    assert_gradient(lambda t: ours(f, t, b), lambda v: np.asarray(naive_loss(features, v, second, truth)), w)
    assert_gradient(lambda t: ours(f, a, t), lambda v: np.asarray(naive_loss(features, w, v, truth)), second)


def test_the_weight_scales_the_term() -> None:
    features = positive("recam/feature", (3, 48, 7, 9))
    whole, tenth = (released_network(weight=weight).losses(features, labels())["recam"] for weight in (1.0, 0.1))
    assert tenth.item() == pytest.approx(0.1 * whole.item(), rel=1e-6)


def test_rates_and_epochs_are_its_own() -> None:
    settings = recam_settings(words="vwl_l")
    network = Classifier(clear_backbone(48), 4, settings)
    groups = parameter_groups(network)
    assert [(group["name"], group["lr"]) for group in groups] == [("trunk", 5e-5), ("heads", 5e-5), ("recam", 5e-4)]
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    heads, new = ({names[id(parameter)] for parameter in group["params"]} for group in groups[1:])
    assert heads == {"classifier.weight", "words.codebook", "words.word.weight", "words.word_to_image.weight"}
    assert new == {"objectives.recam.head.weight"}
    plan = training_plan(settings, 7)
    assert (plan.name, plan.steps, plan.total_steps) == ("classifier vwl_l_gap_recam", 12, 12)
    start = training_plan(settings.start or settings, 7)
    assert (start.name, start.steps, start.total_steps) == ("classifier vwl_l_gap", 6, 6)


def test_the_epoch_that_the_start_ends_after_is_not_its_own() -> None:
    settings = recam_settings().model_copy(update={"stop_after_epoch": 1})
    assert training_plan(settings, 7).steps == 12
    assert training_plan(settings.start or settings, 7).steps == 3


def test_the_start_has_the_key_of_the_classifier_without_it() -> None:
    settings = recam_settings(words="vwl_l", weight=0.1)
    plain = ClassifierSettings.model_validate(settings.model_dump() | {"objectives": []})
    assert settings.start == plain
    assert settings.start.key() == plain.key()
    assert settings.key() != recam_settings(words="vwl_l").key() != plain.key()


@pytest.fixture(scope="module")
def initial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backbone")
    write_initial_weights(recam_settings().backbone, {}, folder)
    return folder / "weights.safetensors"


@pytest.fixture(scope="module")
def finished(dataset: Dataset, initial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of the classifier that ReCAM starts from."""
    folder = tmp_path_factory.mktemp("finished")
    start = recam_settings(words="vwl_l").start
    assert start is not None
    train_classifier(dataset, start, initial, folder, Machine())
    return folder / "classifier.safetensors"


def test_a_training_goes_on_from_the_finished_classifier(
    dataset: Dataset, initial: Path, finished: Path, tmp_path: Path
) -> None:
    settings = recam_settings(words="vwl_l", lr=1e-12, lr_heads=1e-12)
    train_classifier(dataset, settings, initial, tmp_path, Machine(), finished)
    log_rows = pd.read_csv(tmp_path / "training.csv")
    assert list(log_rows.columns) == ["step", "lr", "img", "word", "w2i", "decov", "recam"]
    # Six images in batches of two, four times over.
    assert log_rows["step"].iloc[-1] == 12
    after, before = load_file(tmp_path / "classifier.safetensors"), load_file(finished)
    assert set(after) - set(before) == {"objectives.recam.head.weight"}
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, rtol=1e-6, atol=1e-6)
    torch.manual_seed(settings.seed)
    drawn = Classifier(clear_backbone(512), 4, settings).state_dict()["objectives.recam.head.weight"]
    torch.testing.assert_close(after["objectives.recam.head.weight"], drawn)


def test_the_same_start_and_settings_give_the_same_bytes_and_all_heads_move(
    dataset: Dataset, initial: Path, finished: Path, tmp_path: Path
) -> None:
    settings = recam_settings(words="vwl_l", lr=1e-3)
    for name in ("one", "other"):
        torch.manual_seed(len(name))
        train_classifier(dataset, settings, initial, tmp_path / name, Machine(), finished)
    one, other = (tmp_path / name / "classifier.safetensors" for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()
    after, before = load_file(one), load_file(finished)
    for name in ("classifier.weight", "words.codebook", "words.word.weight", "backbone.network.layer4.1.conv2.weight"):
        assert not torch.equal(after[name], before[name]), name


def test_a_start_that_is_missing_or_of_another_network_is_refused(
    dataset: Dataset, initial: Path, finished: Path, tmp_path: Path
) -> None:
    with pytest.raises(WsssError, match="gap_recam starts from a finished classifier, whose weights are missing"):
        train_classifier(dataset, recam_settings(), initial, tmp_path, Machine())
    with pytest.raises(WsssError, match=r"is of another network \(words\.codebook and 2 more\)"):
        train_classifier(dataset, recam_settings(), initial, tmp_path, Machine(), finished)
    assert not list(tmp_path.iterdir())

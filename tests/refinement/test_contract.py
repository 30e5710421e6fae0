"""What holds for every refinement; methods of the union are found by themselves."""

import numpy as np
import pytest
from safetensors.torch import save_file

from tests.settings.samples import members, of_method
from wsss.data.images import IGNORE
from wsss.errors import WsssError
from wsss.labelling.label_maps import scores_for
from wsss.networks.initial_weights import write_initial_weights
from wsss.refinement.irnet.training import build_edge_network
from wsss.refinement.method import IrnetTraining, Refinement, Trainings
from wsss.refinement.methods import refinement_of
from wsss.settings.base import Settings
from wsss.settings.irnet import IrnetSettings
from wsss.settings.pseudo_labels import PseudoLabelSettings
from wsss.settings.run import RunSettings
from wsss.stores.cam_store import CamStore

METHODS = members(PseudoLabelSettings)
IRNET = IrnetSettings.model_validate({"backbone": {"name": "resnet18", "weights": "scratch", "seed": 5}})
KEYS = np.array([2, 7])
# What a method's defaults make too slow for a test.
QUICKER = {"pad_to": 64}


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    """Results of untrained networks, with everything that a method needs."""
    folder = tmp_path_factory.mktemp("trainings")
    write_initial_weights(IRNET.backbone, {}, folder)
    network = build_edge_network(IRNET, folder / "weights.safetensors")
    save_file(network.branches.state_dict(), folder / "edges.safetensors")
    return Trainings(IrnetTraining(IRNET, folder / "weights.safetensors", folder / "edges.safetensors"))


def quick(model: type[Settings]) -> Settings:
    settings = of_method(model)
    return settings.model_copy(update={name: value for name, value in QUICKER.items() if hasattr(settings, name)})


@pytest.fixture(scope="module", params=METHODS, ids=lambda model: model.__name__)
def refinement(request: pytest.FixtureRequest, trainings: Trainings) -> Refinement:
    return refinement_of(quick(request.param), trainings)


def photograph(height: int, width: int) -> np.ndarray:
    """Noise over two halves of different colours; not to be written to."""
    image = np.random.default_rng(0).integers(0, 40, (height, width, 3), dtype=np.uint8)
    image[:, width // 2 :] += 150
    image.flags.writeable = False
    return image


def store(cams: np.ndarray, height: int, width: int, keys: np.ndarray = KEYS) -> CamStore:
    cams.flags.writeable = False
    return CamStore("image", (height, width), keys, (1.0,), [cams], "weights")


def random_store(height: int, width: int) -> CamStore:
    cams = np.random.default_rng(1).random((len(KEYS), -(-height // 16), -(-width // 16)), np.float32)
    return store(cams, height, width)


def test_there_are_methods() -> None:
    assert len(METHODS) >= 4
    assert type(RunSettings.model_fields["pseudo_labels"].default) in METHODS


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [(64, 96), (33, 47), (1, 90), (67, 1), (3, 2), (1, 1)])
def test_labels_are_of_the_images_size_and_classes(refinement: Refinement, size: tuple[int, int]) -> None:
    labels = refinement.refine(photograph(*size), random_store(*size))
    assert (labels.dtype, labels.shape) == (np.uint8, size)
    assert set(np.unique(labels)) <= {0, *(KEYS + 1), IGNORE}


@pytest.mark.filterwarnings("error")
def test_without_classes_all_is_background(refinement: Refinement) -> None:
    empty = store(np.zeros((0, 3, 3), np.float32), 33, 47, np.zeros(0, np.int64))
    np.testing.assert_array_equal(refinement.refine(photograph(33, 47), empty), np.zeros((33, 47), np.uint8))


@pytest.mark.filterwarnings("error")
def test_with_cams_of_zeros_all_is_background(refinement: Refinement) -> None:
    zeros = store(np.zeros((2, 3, 3), np.float32), 33, 47)
    np.testing.assert_array_equal(refinement.refine(photograph(33, 47), zeros), np.zeros((33, 47), np.uint8))


def test_what_cams_are_sure_of_stays(refinement: Refinement) -> None:
    """Each class fills a half of the image, which has a colour of its own; only labels near the seam may move."""
    cams = np.zeros((2, 64, 160), np.float16)
    cams[0, :, :80], cams[1, :, 80:] = 5, 5
    labels = refinement.refine(photograph(64, 160), store(cams, 64, 160))
    assert (labels[:, :40] == KEYS[0] + 1).all()
    assert (labels[:, 120:] == KEYS[1] + 1).all()


@pytest.fixture(scope="module", params=METHODS, ids=lambda model: model.__name__)
def alone(request: pytest.FixtureRequest, trainings: Trainings) -> Refinement:
    """A refinement of a dataset where every pixel belongs to a class. Label 0 then stands for no class."""
    return refinement_of(scores_for(quick(request.param), False), trainings)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [(64, 96), (33, 47), (1, 90), (1, 1)])
def test_without_a_background_every_pixel_has_a_class(alone: Refinement, size: tuple[int, int]) -> None:
    labels = alone.refine(photograph(*size), random_store(*size))
    assert (labels.dtype, labels.shape) == (np.uint8, size)
    assert set(np.unique(labels)) <= {*(KEYS + 1)}


@pytest.mark.filterwarnings("error")
def test_without_a_background_the_only_class_has_all(alone: Refinement) -> None:
    cams = np.zeros((1, 3, 3), np.float32)
    cams[0, 1, 1] = 1
    labels = alone.refine(photograph(33, 47), store(cams, 33, 47, KEYS[:1]))
    np.testing.assert_array_equal(labels, np.full((33, 47), KEYS[0] + 1))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [0, 2])
def test_without_a_background_nothing_is_told_of_no_score(alone: Refinement, count: int) -> None:
    empty = store(np.zeros((count, 3, 3), np.float32), 33, 47, KEYS[:count])
    np.testing.assert_array_equal(alone.refine(photograph(33, 47), empty), np.zeros((33, 47), np.uint8))


def test_equal_input_gives_equal_labels_and_stays_as_it_is(refinement: Refinement) -> None:
    """Whatever was refined between."""
    image, given = photograph(41, 62), random_store(41, 62)
    first = refinement.refine(image, given)
    refinement.refine(photograph(20, 33), random_store(20, 33))
    np.testing.assert_array_equal(refinement.refine(image, given), first)
    np.testing.assert_array_equal(image, photograph(41, 62))
    np.testing.assert_array_equal(given.cams[0], random_store(41, 62).cams[0])


@pytest.mark.parametrize("model", METHODS, ids=lambda model: model.__name__)
def test_a_method_needs_what_it_names_and_no_more(model: type[Settings]) -> None:
    needs = model.needs  # type: ignore[attr-defined]
    assert set(needs) <= set(RunSettings.model_fields)
    if needs:
        with pytest.raises(WsssError, match=r"pseudo_labels\.method"):
            refinement_of(of_method(model), Trainings())
    else:
        assert refinement_of(of_method(model), Trainings())

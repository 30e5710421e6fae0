"""CAMs of every format come back as the arrays that the test wrote."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.cams.brought import FULL, KEYS, ONE, STRIDED, bare_dataset, maps, of_format, save_dictionary, save_png
from tests.naive import bilinear
from wsss.cams.files.reading import CamFileReader
from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.files import sha256_of
from wsss.settings.cam_files import CamFileSettings
from wsss.stores.cam_store import CamStore

SMALL, LARGE = maps(size=STRIDED), maps()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return bare_dataset(tmp_path_factory.mktemp("data"))


def read(dataset: Dataset, folder: Path, settings: CamFileSettings, image_id: str = ONE) -> CamStore:
    return CamFileReader(dataset, folder, settings).read(image_id)


def holds(store: CamStore, *wanted: np.ndarray, atol: float = 0) -> None:
    """The store has exactly these arrays, as finished maps of the image's classes."""
    assert (store.image_id, store.size, store.finished, len(store.cams)) == (ONE, FULL, True, len(wanted))
    np.testing.assert_array_equal(store.keys, KEYS)
    for ours, theirs in zip(store.cams, wanted, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)


TENSORS = torch.from_numpy(SMALL), torch.from_numpy(LARGE)
DENSE = np.stack([LARGE[0], np.full(FULL, 0.3, np.float32), LARGE[1]])
VOC = np.zeros((21, *FULL), np.float32)
VOC[[3, 11]] = LARGE
# What authors write in .npy files: the dictionary, the settings, and the arrays that must come back.
DICTIONARIES: dict[str, tuple[Any, dict[str, Any], tuple[np.ndarray, ...]]] = {
    "IRNet": ({"keys": torch.tensor([0, 2]), "cam": TENSORS[0], "high_res": LARGE}, {}, (SMALL, LARGE)),
    "tensors": ({"keys": torch.tensor([0, 2]), "cam": TENSORS[0], "high_res": TENSORS[1]}, {}, (SMALL, LARGE)),
    "cam alone": ({"keys": np.array([0, 2]), "cam": SMALL}, {}, (SMALL,)),
    "CLIP-ES": ({"keys": np.array([0, 2]), "attn_highres": LARGE}, {}, (LARGE,)),
    "another name": ({"keys": [0, 2], "refined": LARGE}, {}, (LARGE,)),
    "one of several": (
        {"keys": np.array([0, 2]), "cam": SMALL, "attn_highres": LARGE, "high_res": LARGE / 2},
        {"array": "attn_highres"},
        (LARGE,),
    ),
    "another order": ({"keys": np.array([2, 0]), "cam": SMALL[::-1]}, {}, (SMALL,)),
    "SEAM": ({0: LARGE[0], 2: LARGE[1]}, {}, (LARGE,)),
    "names": ({"dining table": LARGE[1], "bird": LARGE[0]}, {}, (LARGE,)),
    "from 1": ({1: LARGE[0], 3: LARGE[1]}, {"numbers": "from_1"}, (LARGE,)),
    "values": ({"keys": np.array([3, 11]), "cam": SMALL}, {"numbers": "values"}, (SMALL,)),
    "values from 0": ({"keys": np.array([2, 10]), "cam": SMALL}, {"numbers": "values_from_0"}, (SMALL,)),
    "float64": ({"keys": np.array([0, 2]), "cam": SMALL.astype(np.float64)}, {}, (SMALL,)),
    "all classes": ({"cam": DENSE}, {}, (LARGE,)),
    "all classes and background": (
        {"cam": np.concatenate([DENSE[:1] * 0, DENSE])},
        {"numbers": "from_1"},
        (LARGE,),
    ),
    "all classes of VOC": ({"cam": VOC}, {"numbers": "values"}, (LARGE,)),
    "all classes of VOC from 0": ({"cam": VOC[1:]}, {"numbers": "values_from_0"}, (LARGE,)),
}


@pytest.mark.parametrize("name", DICTIONARIES)
def test_dictionaries_come_back(dataset: Dataset, tmp_path: Path, name: str) -> None:
    content, changes, wanted = DICTIONARIES[name]
    save_dictionary(tmp_path / f"{ONE}.npy", content)
    store = read(dataset, tmp_path, of_format("irn", **changes))
    holds(store, *wanted)
    assert store.weights == sha256_of(tmp_path / f"{ONE}.npy")


@pytest.mark.parametrize("name", [name for name in DICTIONARIES if name != "another name"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_same_in_npz_files_comes_back(
    dataset: Dataset, tmp_path: Path, name: str, save: Callable[..., None]
) -> None:
    content, changes, wanted = DICTIONARIES[name]
    save(tmp_path / f"{ONE}.npz", **{str(key): np.asarray(value) for key, value in content.items()})
    holds(read(dataset, tmp_path, of_format("npz", **changes)), *wanted)


def test_one_array_without_a_name_is_of_all_classes(dataset: Dataset, tmp_path: Path) -> None:
    np.savez(tmp_path / f"{ONE}.npz", np.asfortranarray(DENSE))
    holds(read(dataset, tmp_path, of_format("npz")), LARGE)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        ((f"{ONE}/bird.png", f"{ONE}/dining table.png"), "from_0"),
        ((f"{ONE}/0.png", f"{ONE}/2.png"), "from_0"),
        ((f"{ONE}_bird.png", f"{ONE}_dining table.png"), "from_0"),
        ((f"{ONE}_3.png", f"{ONE}_11.png"), "values"),
    ],
)
def test_a_png_for_each_class(
    dataset: Dataset, tmp_path: Path, bits: int, names: tuple[str, str], numbers: str
) -> None:
    for name, values in zip(names, LARGE, strict=True):
        save_png(tmp_path / name, values, bits)
    store = read(dataset, tmp_path, of_format("png", numbers=numbers))
    holds(store, LARGE, atol=0.5001 / (2**bits - 1))
    assert np.abs(store.cams[0] - LARGE).max() > 0
    before = store.weights
    save_png(tmp_path / names[0], LARGE[1], bits)
    assert read(dataset, tmp_path, of_format("png", numbers=numbers)).weights != before


def test_a_view_is_the_array_of_its_size_as_it_is(dataset: Dataset, tmp_path: Path) -> None:
    """Maxima below 1 stay, also through the file of the store."""
    save_dictionary(tmp_path / f"{ONE}.npy", {"keys": KEYS, "high_res": LARGE, "cam": SMALL / 2})
    read(dataset, tmp_path, of_format("irn")).write(tmp_path / "store")
    store = CamStore.read(tmp_path / "store", ONE)
    np.testing.assert_array_equal(store.full(), LARGE)
    np.testing.assert_array_equal(store.strided(), SMALL / 2)


@pytest.mark.parametrize("size", [STRIDED, FULL, (18, 25), (5, 7), (19, 25)])
def test_a_view_without_an_array_of_its_size_is_resized(
    dataset: Dataset, tmp_path: Path, size: tuple[int, int]
) -> None:
    given = maps(size=size)
    save_dictionary(tmp_path / f"{ONE}.npy", {"keys": KEYS, "cam": given})
    store = read(dataset, tmp_path, of_format("irn"))
    np.testing.assert_allclose(store.full(), bilinear(given, FULL), atol=2e-6)
    np.testing.assert_allclose(store.strided(), bilinear(given, STRIDED), atol=2e-6)


def test_maps_of_the_whole_photograph_fit_an_image_that_was_made_smaller(tmp_path: Path) -> None:
    large = (370, 501)
    dataset = bare_dataset(tmp_path / "data", full_size=large)
    given = maps(size=large)
    save_dictionary(tmp_path / f"{ONE}.npy", {"keys": KEYS, "high_res": given})
    store = read(dataset, tmp_path, of_format("irn"))
    assert store.cams[0].shape[1:] == large
    np.testing.assert_allclose(store.full(), bilinear(given, FULL), atol=2e-6)


def test_divided_by_the_maximum(dataset: Dataset, tmp_path: Path) -> None:
    """Each class and each array by itself; negative values and dead classes are 0."""
    small, large = 300 * SMALL - 20, np.stack([1e-3 * LARGE[0], -LARGE[1]])
    save_dictionary(tmp_path / f"{ONE}.npy", {"keys": KEYS, "cam": small, "high_res": large})
    wanted = [np.zeros(array.shape) for array in (small, large)]
    for array, divided in zip((small, large), wanted, strict=True):
        for number, one in enumerate(array.astype(np.float64)):
            positive = np.where(one > 0, one, 0)
            divided[number] = positive / (positive.max() + 1e-5)
    holds(read(dataset, tmp_path, of_format("irn", divide_by="maximum")), *wanted, atol=1e-6)
    assert wanted[1][1].max() == 0
    assert wanted[0][0].max() > 0.99


def test_values_that_leave_0_to_1_by_rounding_are_cut_off(dataset: Dataset, tmp_path: Path) -> None:
    save_dictionary(tmp_path / f"{ONE}.npy", {"keys": KEYS, "cam": SMALL / SMALL.max() * 1.00008 - 0.00003})
    store = read(dataset, tmp_path, of_format("irn"))
    assert (store.cams[0].min(), store.cams[0].max()) == (0, 1)


def test_half_precision_is_stored_where_it_is_asked_for(dataset: Dataset, tmp_path: Path) -> None:
    save_dictionary(tmp_path / f"{ONE}.npy", {"keys": KEYS, "cam": SMALL})
    store = read(dataset, tmp_path, CamFileSettings(method="files", name="theirs", format="irn"))
    np.testing.assert_array_equal(store.cams[0], SMALL.astype(np.float16), strict=True)


@pytest.mark.parametrize("file_format", ["irn", "npz", "png", "store"])
def test_an_image_without_classes_needs_no_file(dataset: Dataset, tmp_path: Path, file_format: str) -> None:
    store = read(dataset, tmp_path, of_format(file_format), "none")
    store.write(tmp_path / "store")
    found = CamStore.read(tmp_path / "store", "none")
    assert (found.full().shape, found.strided().shape) == ((0, *FULL), (0, *STRIDED))


@pytest.mark.parametrize("content", [{}, {"keys": np.zeros(0, int), "cam": np.zeros((0, 3))}, {"keys": []}])
def test_nor_a_file_with_something_in_it(dataset: Dataset, tmp_path: Path, content: Any) -> None:
    save_dictionary(tmp_path / "none.npy", content)
    assert read(dataset, tmp_path, of_format("irn"), "none").full().shape == (0, *FULL)


@pytest.mark.parametrize("name", ["pets-IMG_1", "pets/IMG_1", "IMG_1"])
@pytest.mark.parametrize("file_format", ["irn", "png"])
def test_files_may_have_the_name_of_the_photograph(
    dataset: Dataset, tmp_path: Path, name: str, file_format: str
) -> None:
    if file_format == "irn":
        save_dictionary(tmp_path / f"{name}.npy", {1: LARGE[0], 2: LARGE[1]})
    else:
        save_png(tmp_path / name / "cat.png", LARGE[0])
        save_png(tmp_path / name / "2.png", LARGE[1])
    assert len(read(dataset, tmp_path, of_format(file_format), "pets-IMG_1").keys) == 2


def test_a_name_that_several_photographs_have_belongs_to_none(tmp_path: Path) -> None:
    images = {
        "a-1": ("a/1.jpg", (0, 2)),
        "b-1": ("b/1.jpg", (0, 2)),
        "c-2": ("c/2.jpg", (0, 2)),
        "2": ("two.jpg", (0,)),
    }
    dataset = bare_dataset(tmp_path / "data", images)
    for name in ("1", "2"):
        save_dictionary(tmp_path / f"{name}.npy", {0: LARGE[0], 2: LARGE[1]})
    for image_id in ("a-1", "b-1", "c-2"):
        with pytest.raises(WsssError, match=f"missing file: .*{image_id}.npy"):
            read(dataset, tmp_path, of_format("irn"), image_id)


def test_a_png_belongs_to_the_image_with_the_longer_name(tmp_path: Path) -> None:
    dataset = bare_dataset(tmp_path / "data", {"a": ("a.jpg", (1,)), "a_1": ("a_1.jpg", (2,))})
    save_png(tmp_path / "a_1.png", LARGE[0])
    save_png(tmp_path / "a_1_2.png", LARGE[1])
    for image_id, wanted in (("a", LARGE[0]), ("a_1", LARGE[1])):
        (found,) = read(dataset, tmp_path, of_format("png"), image_id).cams[0]
        np.testing.assert_allclose(found, wanted, atol=0.003)

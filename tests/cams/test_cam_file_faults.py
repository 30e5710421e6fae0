"""CAM files that cannot be used: all that is wrong is said in one line, and nothing in a file is run."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cams.brought import FULL, KEYS, ONE, STRIDED, bare_dataset, maps, of_format, save_dictionary, save_png
from tests.data.test_npy_dictionaries import HOSTILE, Calls
from wsss.cams.files.reading import CamFileReader
from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.settings.cam_files import CamFileSettings
from wsss.stores.cam_store import CamStore

SMALL, LARGE = maps(size=STRIDED), maps()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return bare_dataset(tmp_path_factory.mktemp("data"))


def read(dataset: Dataset, folder: Path, settings: CamFileSettings, image_id: str = ONE) -> CamStore:
    return CamFileReader(dataset, folder, settings).read(image_id)


# Dictionaries that are refused, and what is said of them.
WRONG: dict[str, tuple[Any, str]] = {
    "missing class": ({0: LARGE[0]}, "no map of dining table"),
    "class without a label": ({0: LARGE[0], 1: LARGE[0], 2: LARGE[1]}, "not in the image-level label: cat"),
    "unknown class": ({0: LARGE[0], 2: LARGE[1], "cow": LARGE[0], 77: LARGE[0]}, "no class of the dataset: cow, 77"),
    "one class twice": ({"keys": np.array([0, 2, 2]), "cam": maps(count=3)}, "two maps of dining table"),
    "other numbers": ({3: LARGE[0], 11: LARGE[1]}, "all fits with cams.numbers: values"),
    "from 1": ({1: LARGE[0], 3: LARGE[1]}, "all fits with cams.numbers: from_1"),
    "all classes of VOC": (
        {"cam": np.zeros((21, *FULL))},
        "an array of 21 classes, and with cams.numbers: from_0 there are 3",
    ),
    "fewer maps than keys": ({"keys": np.array([0, 2]), "cam": SMALL[:1]}, "1 maps and 2 keys"),
    "no maps": ({"keys": np.array([0, 2])}, "it holds no array"),
    "floats": ({"keys": np.array([0.5, 2]), "cam": SMALL}, "keys is no list of whole numbers"),
    "a choice": ({"keys": np.array([0, 2]), "a": SMALL, "b": SMALL}, "it holds a, b: name the one to read"),
    "attention and CAMs": (
        {"keys": np.array([0, 2]), "cam": SMALL, "attn_highres": LARGE},
        "it holds attn_highres, cam: name the one to read",
    ),
    "flat": ({"keys": np.array([0, 2]), "cam": SMALL[:, 0]}, "an array of shape"),
    "square": ({"keys": np.array([0, 2]), "cam": maps(size=(14, 14))}, "maps of 14 x 14, .* they need its aspect"),
    "turned": ({"keys": np.array([0, 2]), "cam": maps(size=(50, 37))}, "maps of 50 x 37"),
    "too large": ({"keys": np.array([0, 2]), "cam": maps(size=(38, 51))}, "maps of 38 x 51"),
    "empty": ({"keys": np.array([0, 2]), "cam": np.zeros((2, 0, 0))}, "maps of 0 x 0"),
    "sizes": ({0: LARGE[0], 2: SMALL[1]}, "maps of 2 different sizes"),
    "negative": ({0: LARGE[0], 2: LARGE[1] - 0.5}, r"values from -0\.5 to 0\.9, not in 0\.\.1"),
    "above 1": ({0: 9 * LARGE[0], 2: LARGE[1]}, "to 8.1, not in"),
    "not a number": ({0: LARGE[0], 2: LARGE[1] * np.nan}, "not finite"),
    "infinite": ({0: LARGE[0], 2: np.full(FULL, 1e300)}, "not finite"),
    "a list": ([1, 2], r"holds an array of shape \(2,\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_line(dataset: Dataset, tmp_path: Path, name: str) -> None:
    content, told = WRONG[name]
    save_dictionary(tmp_path / f"{ONE}.npy", content)
    with pytest.raises(WsssError, match=rf"{ONE}\.npy.*{told}") as error:
        read(dataset, tmp_path, of_format("irn"))
    assert "\n" not in str(error.value)
    assert str(error.value).count(".npy") <= 2


def test_all_that_is_wrong_with_a_file_is_said(dataset: Dataset, tmp_path: Path) -> None:
    save_dictionary(tmp_path / f"{ONE}.npy", {1: 3 * maps(size=(14, 14))[0], 50: maps(size=(14, 14))[1]})
    with pytest.raises(WsssError) as error:
        read(dataset, tmp_path, of_format("irn"))
    for told in ("14 x 14", "label: cat", "no map of bird, dining table", "dataset: 50", "to 2.7"):
        assert told in str(error.value)


def test_an_array_that_is_not_there_is_named(dataset: Dataset, tmp_path: Path) -> None:
    save_dictionary(tmp_path / f"{ONE}.npy", {"keys": KEYS, "cam": SMALL})
    with pytest.raises(WsssError, match=r"no array 'high_res'; it holds cam: correct cams\.array"):
        read(dataset, tmp_path, of_format("irn", array="high_res"))


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_dictionary_calls_is_not_run(dataset: Dataset, tmp_path: Path, name: str) -> None:
    canary = tmp_path / "canary"
    save_dictionary(tmp_path / f"{ONE}.npy", {"keys": KEYS, "cam": HOSTILE[name](canary)})
    with pytest.raises(WsssError, match=r"is refused: .*nothing of it was run"):
        read(dataset, tmp_path, of_format("irn"))
    assert not canary.exists()


def test_what_an_npz_file_calls_is_not_run(dataset: Dataset, tmp_path: Path) -> None:
    canary, path = tmp_path / "canary", tmp_path / f"{ONE}.npz"
    np.savez(path, cam=np.array([Calls(os.system, f"touch {canary}")], object))
    with pytest.raises(WsssError, match=r"is damaged .*array of type object"):
        read(dataset, tmp_path, of_format("npz"))
    assert not canary.exists()
    np.load(path, allow_pickle=True)["cam"]
    assert canary.exists()


@pytest.mark.parametrize("file_format", ["irn", "npz", "png"])
def test_files_that_are_cut_off_or_of_another_kind_are_refused(
    dataset: Dataset, tmp_path: Path, file_format: str
) -> None:
    ending = {"irn": ".npy", "npz": ".npz", "png": "_bird.png"}[file_format]
    path = tmp_path / f"{ONE}{ending}"
    if file_format == "png":
        save_png(path, LARGE[0], 16)
    else:
        {"irn": save_dictionary, "npz": lambda path, content: np.savez(path, **content)}[file_format](
            path, {"keys": KEYS, "cam": SMALL}
        )
    whole = path.read_bytes()
    for content in (*(whole[: len(whole) * part // 7] for part in range(7)), b"PK\x03\x04", b"\x89PNG\r\n\x1a\n"):
        path.write_bytes(content)
        with pytest.raises(WsssError, match=r"refused|damaged") as error:
            read(dataset, tmp_path, of_format(file_format))
        assert "\n" not in str(error.value)
        assert str(path) in str(error.value)


def test_a_file_far_too_large_is_not_read(dataset: Dataset, tmp_path: Path) -> None:
    with (tmp_path / f"{ONE}.npy").open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(WsssError, match="is larger than CAMs of this image can be"):
        read(dataset, tmp_path, of_format("irn"))


def test_a_file_that_the_system_does_not_read_is_named(dataset: Dataset, tmp_path: Path) -> None:
    """root may read every file, so permissions cannot be tested; the memory of a process gives an error as well."""
    (tmp_path / f"{ONE}.npy").symlink_to("/proc/self/mem")
    with pytest.raises(WsssError, match=rf"{ONE}\.npy cannot be read: Input/output error"):
        read(dataset, tmp_path, of_format("irn"))


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (Image.new("RGB", FULL[::-1]), "no grey PNG image"),
        (Image.new("P", FULL[::-1]), "no grey PNG image"),
        (Image.new("LA", FULL[::-1]), "no grey PNG image"),
        (Image.new("L", (500, 370)), r"370 x 500 pixels \(height x width\), more than its photograph"),
        (Image.new("L", (20, 20)), "maps of 20 x 20"),
    ],
)
def test_other_images_are_refused(dataset: Dataset, tmp_path: Path, image: Image.Image, told: str) -> None:
    for name in ("bird", "dining table"):
        image.save(tmp_path / f"{ONE}_{name}.png")
    with pytest.raises(WsssError, match=told):
        read(dataset, tmp_path, of_format("png"))


def test_a_photograph_that_calls_itself_png_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    Image.new("L", FULL[::-1]).save(tmp_path / f"{ONE}_bird.png", "JPEG")
    with pytest.raises(WsssError, match="no grey PNG image"):
        read(dataset, tmp_path, of_format("png"))

"""CAMs from files: what is checked before anything trains, the stores of a shard, and equality with this project's."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cams.brought import FULL, IMAGES, KEYS, ONE, bare_dataset, maps, of_format, save_dictionary, save_png
from tests.tiny_backbone import tiny_backbone
from wsss.cams.files.check import check_cam_files
from wsss.cams.files.shards import write_cam_file_shard
from wsss.cams.methods import cam_method
from wsss.cams.shards import CamMaker
from wsss.classification.classifier import Classifier
from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.errors import WsssError
from wsss.files import sha256_of
from wsss.manifests.rows import damaged_rows, read_manifest
from wsss.refinement.plain_labels import PlainLabels
from wsss.settings.cam_files import CamFileSettings
from wsss.settings.cams import PlainCamSettings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.pseudo_labels import PlainLabelSettings
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path

IDS = list(IMAGES)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return bare_dataset(tmp_path_factory.mktemp("data"))


def save_all(dataset: Dataset, folder: Path) -> None:
    """A right file for each image."""
    for image_id in dataset.index:
        keys = dataset.present(image_id)
        save_dictionary(folder / f"{image_id}.npy", {"keys": keys, "high_res": maps(image_id, FULL, len(keys) or 1)})


def test_right_files_pass(bare: Dataset, tmp_path: Path) -> None:
    save_all(bare, tmp_path / "cams")
    check_cam_files(bare, IDS, tmp_path / "cams", of_format("irn"))


def test_every_fault_of_every_file_is_named_at_once(bare: Dataset, tmp_path: Path) -> None:
    save_dictionary(tmp_path / "2007_000032.npy", {0: maps(size=(14, 14))[0] * 7, 1: maps(size=(14, 14))[0]})
    (tmp_path / "2007_000039.npy").write_bytes(b"damaged")
    with pytest.raises(WsssError) as error:
        check_cam_files(bare, [*IDS, IDS[0]], tmp_path, of_format("irn"))
    head, *lines = str(error.value).split("\n")
    assert head == f"{tmp_path}: the CAM files of 3 of 4 images cannot be used:"
    assert [line.split(":")[0].strip() for line in lines] == ["2007_000032", "2007_000039", "pets-IMG_1"]
    for told in ("maps of 14 x 14", "not in the image-level label: cat", "no map of dining table", "values from 0"):
        assert told in lines[0]
    assert "refused" in lines[1]
    assert f"missing file: {tmp_path / 'pets-IMG_1'}.npy" in lines[2]


def test_ten_images_are_named_and_the_rest_is_counted(tmp_path: Path) -> None:
    dataset = bare_dataset(tmp_path / "data", {f"i{number}": (f"i{number}.jpg", (0,)) for number in range(23)})
    with pytest.raises(WsssError) as error:
        check_cam_files(dataset, list(dataset.index), tmp_path, of_format("png"))
    head, *lines, last = str(error.value).split("\n")
    assert "23 of 23" in head
    assert [line.split(":")[0].strip() for line in lines] == [f"i{number}" for number in range(10)]
    assert last.strip() == "and 13 more"
    assert "i0_<class>.png" in lines[0]


def test_a_missing_folder_is_named(bare: Dataset, tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"missing folder of CAM files: .*/nowhere"):
        check_cam_files(bare, IDS, tmp_path / "nowhere", of_format("irn"))


def test_a_shard_holds_the_stores_of_its_images(bare: Dataset, tmp_path: Path) -> None:
    save_all(bare, tmp_path / "cams")
    ids, manifest, stage = IDS[1:], tmp_path / "stage" / "shards" / "train" / "0-of-1.tsv", tmp_path / "stage"
    write_cam_file_shard(bare, ids, tmp_path / "cams", of_format("irn"), stage, manifest)
    assert damaged_rows(manifest, stage) == []
    assert [row.id for row in read_manifest(manifest)] == ids
    for image_id in ids:
        store = CamStore.read(store_path(stage, image_id), image_id)
        keys = bare.present(image_id)
        np.testing.assert_array_equal(store.full(), maps(image_id, FULL, len(keys) or 1)[: len(keys)])
        np.testing.assert_array_equal(store.keys, keys)
        assert store.weights == sha256_of(tmp_path / "cams" / f"{image_id}.npy")
    before = {path.name: path.read_bytes() for path in (stage / "stores").iterdir()}
    write_cam_file_shard(bare, ids, tmp_path / "cams", of_format("irn"), stage, manifest)
    assert before == {path.name: path.read_bytes() for path in (stage / "stores").iterdir()}


def test_a_shard_with_a_wrong_file_has_no_manifest(bare: Dataset, tmp_path: Path) -> None:
    save_png(tmp_path / f"{ONE}_cat.png", maps()[0])
    with pytest.raises(WsssError, match="not in the image-level label: cat"):
        write_cam_file_shard(bare, [ONE], tmp_path, of_format("png"), tmp_path / "stage", tmp_path / "manifest")
    assert not (tmp_path / "manifest").exists()
    assert not (tmp_path / "stage").exists()


@pytest.fixture(scope="module")
def made(dataset: Dataset) -> list[CamStore]:
    """CAMs that this project makes, with a classifier of a single layer."""
    backbone = {"name": "resnet18", "weights": "scratch"}
    settings = ClassifierSettings.model_validate({"backbone": backbone, "words": "none"})
    torch.manual_seed(6)
    network = Classifier(tiny_backbone(), len(dataset.classes), settings).eval()
    frame = PlainCamSettings(scales=(1.0, 0.5, 1.25), store_dtype="float32")
    maker = CamMaker(network, cam_method(frame), torch.device("cpu"), frame, "sum of the weights")
    ids = dataset.ids("val")
    read = (maker.prepared(one, read_image(dataset.image_path(one)), dataset.present(one)) for one in ids)
    return [store for photograph in read for store in maker.stores_of([photograph])]


@pytest.mark.parametrize("torch_too", [False, True])
def test_our_own_cams_as_irnets_files_are_the_same_cams(
    dataset: Dataset, made: list[CamStore], tmp_path: Path, torch_too: bool
) -> None:
    wrapped = torch.from_numpy if torch_too else np.asarray
    for store in made:
        content = {"keys": wrapped(store.keys), "cam": wrapped(store.strided()), "high_res": store.full()}
        save_dictionary(tmp_path / "cams" / f"{store.image_id}.npy", content)
    ids = [store.image_id for store in made]
    check_cam_files(dataset, ids, tmp_path / "cams", of_format("irn"))
    write_cam_file_shard(dataset, ids, tmp_path / "cams", of_format("irn"), tmp_path, tmp_path / "manifest")
    for store in made:
        found = CamStore.read(store_path(tmp_path, store.image_id), store.image_id)
        np.testing.assert_allclose(found.strided(), store.strided(), rtol=0, atol=1e-6)
        np.testing.assert_allclose(found.full(), store.full(), rtol=0, atol=1e-6)
        settings = PlainLabelSettings(method="none", background_score=float(np.median(store.full())))
        ours, theirs = (PlainLabels(settings).refine(np.empty(0), one) for one in (found, store))
        np.testing.assert_array_equal(ours, theirs)
        assert len(np.unique(ours)) > 1


def test_our_own_stores_are_the_same_files(dataset: Dataset, made: list[CamStore], tmp_path: Path) -> None:
    for store in made:
        store.write(store_path(tmp_path / "given", store.image_id))
    ids = [store.image_id for store in made]
    check_cam_files(dataset, ids, tmp_path / "given", of_format("store"))
    write_cam_file_shard(dataset, ids, tmp_path / "given", of_format("store"), tmp_path, tmp_path / "manifest")
    for image_id in ids:
        given, found = store_path(tmp_path / "given", image_id), store_path(tmp_path, image_id)
        assert given.read_bytes() == found.read_bytes()


def test_settings_name_the_method() -> None:
    settings = CamFileSettings.read("cams", {"method": "files", "name": "ReCAM", "format": "irn"})
    assert settings.label == "files_ReCAM"
    assert settings.key() == '{"format": "irn", "method": "files", "name": "ReCAM"}'


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "a/b"}, "cams.name = 'a/b'"),
        ({"name": ""}, "cams.name = ''"),
        ({"format": "mat"}, "cams.format = 'mat'"),
        ({"numbers": "from_2"}, "cams.numbers = 'from_2'"),
        ({"format": "store", "numbers": "values"}, "cams: numbers is not used with format: store"),
        ({"format": "store", "divide_by": "maximum"}, "cams: divide_by is not used with format: store"),
        ({"format": "png", "array": "cam"}, "cams: array is not used with format: png"),
        ({"scales": [1.0]}, "unknown key cams.scales"),
    ],
)
def test_settings_that_have_no_meaning_are_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(WsssError) as error:
        CamFileSettings.read("cams", {"method": "files", "name": "theirs", "format": "irn"} | changes)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_there_are_images_with_and_without_classes() -> None:
    assert {len(keys) for _, keys in IMAGES.values()} == {0, 1, 2}
    assert list(KEYS) == list(IMAGES[ONE][1])

"""Multi-scale CAMs against the released ones, and against one view of one scale at a time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.classification.released_classifier import released_classifier, released_settings
from tests.classification.small_classifier import show_words
from tests.reference import assert_near, figures, noise
from wsss.cams.image_and_words import ImageAndWords
from wsss.cams.plain import activations, class_maps
from wsss.cams.shards import CamMaker, Photograph, batches_of_equal_size, write_cam_shard
from wsss.classification.classifier import Classifier, build_classifier
from wsss.data.augmentation import scaled_size, to_tensor
from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.data.preparation import prepare
from wsss.data.sources.folder import list_folder
from wsss.files import sha256_of
from wsss.manifests.rows import damaged_rows, read_manifest
from wsss.settings.cams import ImageAndWordsSettings, PlainCamSettings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.data import VOC_CLASSES
from wsss.stores.cam_store import CamStore
from wsss.stores.journal import allow_continuing

SETTINGS = ClassifierSettings.model_validate({"backbone": {"name": "resnet18", "weights": "scratch"}, "words": "none"})
SCALES = PlainCamSettings(scales=(1.0, 0.5, 1.25), store_dtype="float32")


def one_photograph(photographs: Path, image_id: str, keys: np.ndarray, folder: Path) -> Dataset:
    """A dataset of a single photograph, which is train and val at once, labelled with the classes `keys`."""
    lists = folder / "source" / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "one.txt").write_text(f"{image_id}\n")
    (folder / "source" / "JPEGImages").symlink_to(photographs / "JPEGImages")
    row = ",".join("1" if number in keys else "0" for number in range(20))
    (folder / "source" / "image_labels.csv").write_text(f"image_id,{','.join(VOC_CLASSES)}\n{image_id},{row}\n")
    classes = {name: value for value, name in enumerate(VOC_CLASSES, 1)}
    lists = dict.fromkeys(("train", "train_scored", "val"), "one")
    prepare(list_folder(folder / "source", classes, {}, lists), folder / "data")
    return Dataset(folder / "data")


@pytest.mark.photographs
def test_maps_of_a_photograph_equal_the_released_ones(photographs: Path, tmp_path: Path) -> None:
    released = figures("cams")
    image_id = str(released["image_id"])
    weights, manifest = tmp_path / "classifier.safetensors", tmp_path / "shards" / "train" / "0-of-1.tsv"
    save_file(released_classifier("vwl_l").state_dict(), weights)
    data = one_photograph(photographs, image_id, released["keys"], tmp_path)
    settings = PlainCamSettings(store_dtype="float32")
    write_cam_shard(data, [image_id], weights, released_settings("vwl_l"), settings, tmp_path, manifest)
    store = CamStore.read(tmp_path / read_manifest(manifest)[0].file, image_id)
    np.testing.assert_array_equal(store.keys, released["keys"])
    assert_near(store.strided(), released["strided"])
    assert_near(store.full()[:, ::5, ::5], released["high_res_every_5th"])


@pytest.fixture(scope="module")
def network() -> Classifier:
    torch.manual_seed(6)
    return build_classifier(SETTINGS, 4).eval()


def image(height: int, width: int) -> torch.Tensor:
    return torch.from_numpy(noise(f"cams/{height}x{width}", (3, height, width)))


@pytest.mark.parametrize("size", [(65, 47), (32, 48), (1, 1), (17, 90)])
def test_a_map_is_the_maximum_of_both_views(network: Classifier, size: tuple[int, int]) -> None:
    keys = np.array([0, 2, 3])
    ours = class_maps(network, image(*size)[None])[0, keys]
    assert ours.shape == (3, -(-size[0] // 16), -(-size[1] // 16))
    with torch.no_grad():
        straight = activations(network, image(*size)[None])[0].numpy()
        mirrored = activations(network, image(*size)[None].flip(3))[0].numpy()
    for number, key in enumerate(keys):
        for y, x in np.ndindex(*ours.shape[1:]):
            wanted = max(straight[key, y, x], mirrored[key, y, ours.shape[2] - 1 - x])
            assert ours[number, y, x].item() == pytest.approx(wanted, rel=1e-4, abs=1e-5)


def test_a_mirrored_image_has_mirrored_maps(network: Classifier) -> None:
    ours, mirrored = (class_maps(network, seen[None])[0] for seen in (image(65, 47), image(65, 47).flip(2)))
    torch.testing.assert_close(ours, mirrored.flip(2))


def test_images_in_a_batch_have_their_own_maps(network: Classifier) -> None:
    images = torch.stack([image(65, 47), image(65, 47).flip(1)])
    together = class_maps(network, images)
    assert together.shape == (2, 4, 5, 3)
    for maps, alone in zip(together, images, strict=True):
        torch.testing.assert_close(maps, class_maps(network, alone[None])[0])


@pytest.mark.parametrize(
    ("pixels", "batches"), [(0, ["a", "b", "c", "d", "e"]), (12, ["a", "bc", "d", "e"]), (99, ["a", "bcd", "e"])]
)
def test_batches_are_of_one_size_and_no_larger_than_allowed(pixels: int, batches: list[str]) -> None:
    sizes = {"a": (2, 3), "b": (3, 2), "c": (3, 2), "d": (3, 2), "e": (9, 9)}
    assert ["".join(batch) for batch in batches_of_equal_size(sizes, sizes, pixels)] == batches


@pytest.fixture(scope="module")
def weights(network: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("classifier") / "classifier.safetensors"
    save_file(network.state_dict(), path)
    return path


def write(
    dataset: Dataset, weights: Path, folder: Path, ids: list[str], settings: PlainCamSettings = SCALES
) -> list[CamStore]:
    manifest = folder / "shards" / "val" / "0-of-1.tsv"
    write_cam_shard(dataset, ids, weights, SETTINGS, settings, folder, manifest)
    assert damaged_rows(manifest, folder) == []
    rows = read_manifest(manifest)
    assert [row.id for row in rows] == ids
    return [CamStore.read(folder / row.file, row.id) for row in rows]


def test_stores_hold_every_scale_of_every_image(
    dataset: Dataset, network: Classifier, weights: Path, tmp_path: Path
) -> None:
    ids = dataset.ids("val")
    for image_id, store in zip(ids, write(dataset, weights, tmp_path, ids), strict=True):
        photograph = read_image(dataset.image_path(image_id))
        assert store.size == (photograph.height, photograph.width)
        assert (store.scales, store.weights) == ((1.0, 0.5, 1.25), sha256_of(weights))
        np.testing.assert_array_equal(store.keys, dataset.present(image_id))
        for scale, cams in zip(store.scales, store.cams, strict=True):
            scaled = photograph.resize(scaled_size(photograph.size[::-1], scale)[::-1], Image.Resampling.BICUBIC)
            pixels = to_tensor(scaled, network.backbone.normalisation)
            assert_near(class_maps(network, pixels[None])[0, store.keys], cams)
            assert cams.dtype == np.float32
            assert cams.shape == (len(store.keys), -(-scaled.height // 16), -(-scaled.width // 16))


def test_stores_repeat_to_the_byte_whatever_else_is_in_the_shard(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    ids = dataset.ids("val")
    write(dataset, weights, tmp_path / "all", ids)
    write(dataset, weights, tmp_path / "one", ids[1:2])
    name = f"stores/{ids[1]}.zarr.zip"
    assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_batches_give_what_single_images_give(
    dataset: Dataset, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of a GPU, on the CPU: sorted by size, together, read by several threads, computed beside the writing."""
    ids = [*dataset.ids("val"), *dataset.ids("train")]
    alone = write(dataset, weights, tmp_path / "alone", ids)
    monkeypatch.setattr("wsss.cams.shards.batch_limits", lambda device: (20_000, 3))
    assert any(
        len(batch) > 1
        for batch in batches_of_equal_size(sorted(ids, key=dataset.sizes.__getitem__), dataset.sizes, 20_000)
    )
    for one, other in zip(alone, write(dataset, weights, tmp_path / "together", ids), strict=True):
        assert (one.image_id, one.size, list(one.keys)) == (other.image_id, other.size, list(other.keys))
        for cams, theirs in zip(one.cams, other.cams, strict=True):
            np.testing.assert_allclose(theirs, cams, rtol=0, atol=1e-4 * max(float(cams.max()), 1e-3))


def test_an_interrupted_shard_keeps_its_batches(
    dataset: Dataset, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU's results may depend on what goes through together, so a batch is made again as a whole."""
    monkeypatch.setattr("wsss.cams.shards.batch_limits", lambda device: (20_000, 3))
    ids = [*dataset.ids("val"), *dataset.ids("train")]
    stores_of, write_store = CamMaker.stores_of, CamStore.write

    def noted_batches() -> list[list[str]]:
        """The batches of the jobs that start from now on, as they are made."""
        batches: list[list[str]] = []

        def noted(maker: CamMaker, batch: Sequence[Photograph]) -> list[CamStore]:
            batches.append([photograph.image_id for photograph in batch])
            return stores_of(maker, batch)

        monkeypatch.setattr(CamMaker, "stores_of", noted)
        return batches

    all_batches = noted_batches()
    whole = write(dataset, weights, tmp_path / "whole", ids)
    (last,) = [batch for batch in all_batches if len(batch) > 1][-1:]

    def stopped(store: CamStore, path: Path) -> None:
        if store.image_id == last[-1]:
            raise KeyboardInterrupt
        write_store(store, path)

    allow_continuing(tmp_path / "again" / "shards" / "val" / "0-of-1.tsv", "the same")
    noted_batches()
    monkeypatch.setattr(CamStore, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        write(dataset, weights, tmp_path / "again", ids)
    monkeypatch.setattr(CamStore, "write", write_store)
    batches = noted_batches()
    again = write(dataset, weights, tmp_path / "again", ids)
    assert batches == all_batches[all_batches.index(last) :]
    for one, other in zip(whole, again, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one.cams, other.cams, strict=True))


def test_half_precision_is_near(dataset: Dataset, weights: Path, tmp_path: Path) -> None:
    ids = dataset.ids("val")[:1]
    (exact,) = write(dataset, weights, tmp_path / "exact", ids)
    (stored,) = write(dataset, weights, tmp_path / "stored", ids, SCALES.model_copy(update={"store_dtype": "float16"}))
    (computed,) = write(
        dataset, weights, tmp_path / "computed", ids, SCALES.model_copy(update={"precision": "bfloat16"})
    )
    assert {cam.dtype for cam in stored.cams} == {np.dtype(np.float16)}
    np.testing.assert_allclose(stored.full(), exact.full(), atol=2e-3)
    assert {cam.dtype for cam in computed.cams} == {np.dtype(np.float32)}
    assert np.abs(computed.full() - exact.full()).max() > 0
    np.testing.assert_allclose(computed.full(), exact.full(), atol=0.1)


def test_stores_hold_both_branches_where_these_are_asked_for(dataset: Dataset, tmp_path: Path) -> None:
    classifier = SETTINGS.model_copy(update={"words": "vwe", "vocabulary": 5})
    torch.manual_seed(7)
    network = build_classifier(classifier, 4).eval()
    show_words(network)
    save_file(network.state_dict(), tmp_path / "classifier.safetensors")
    ids = dataset.ids("val")[:1]
    both = ImageAndWordsSettings(method="image_and_words", scales=SCALES.scales, store_dtype="float32")
    manifest = tmp_path / "shards" / "0-of-1.tsv"
    write_cam_shard(dataset, ids, tmp_path / "classifier.safetensors", classifier, both, tmp_path, manifest)
    store = CamStore.read(tmp_path / read_manifest(manifest)[0].file, ids[0])
    pixels = to_tensor(read_image(dataset.image_path(ids[0])), network.backbone.normalisation)
    wanted = ImageAndWords(both).maps(network, pixels[None], [store.keys])[0, store.keys]
    assert_near(wanted, store.cams[0])
    assert (wanted > class_maps(network, pixels[None])[0, store.keys]).any()

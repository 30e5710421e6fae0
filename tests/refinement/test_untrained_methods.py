"""Labels of the refinements that train nothing, against what they are by definition."""

from pathlib import Path

import numpy as np
import torch

from tests.prepared import listed
from tests.refinement.test_pseudo_labels import write_cams
from wsss.data.dataset import Dataset
from wsss.data.images import IGNORE, read_image, read_labels
from wsss.evaluation.cam_crf import cam_crf_labels
from wsss.labelling.pamr import pamr
from wsss.refinement.method import Trainings
from wsss.refinement.methods import refinement_of
from wsss.refinement.pseudo_labels import write_pseudo_shard
from wsss.settings.cam_crf import CamCrfSettings
from wsss.settings.pamr import PamrSettings
from wsss.settings.pseudo_labels import CrfLabelSettings, PamrLabelSettings, PlainLabelSettings, PseudoLabelSettings
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path
from wsss.stores.label_images import label_path

KEYS = np.array([1, 4])


def image_and_store(height: int, width: int) -> tuple[np.ndarray, CamStore]:
    image = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image[:, width // 3 :] //= 3
    cams = np.random.default_rng(6).random((2, 4, 5), np.float32)
    return image, CamStore("image", (height, width), KEYS, (1.0,), [cams], "weights")


def refined(settings: PseudoLabelSettings, image: np.ndarray, store: CamStore) -> np.ndarray:
    return refinement_of(settings, Trainings()).refine(image, store)


def by_scores(maps: np.ndarray, low: float, high: float) -> np.ndarray:
    """Labels of maps (2, H, W), pixel by pixel."""
    labels = np.zeros(maps.shape[1:], np.uint8)
    for place in np.ndindex(*labels.shape):
        values = [float(maps[(number, *place)]) for number in range(2)]
        if max(values) > high:
            labels[place] = KEYS[values.index(max(values))] + 1
        elif max(values) > low:
            labels[place] = IGNORE
    return labels


def test_without_a_refinement_the_scores_decide() -> None:
    image, store = image_and_store(21, 30)
    for high in (0.4, 0.6):
        ours = refined(PlainLabelSettings(method="none", background_score=0.4, foreground_score=high), image, store)
        np.testing.assert_array_equal(ours, by_scores(store.full(), 0.4, high))
        assert (IGNORE in ours) == (high > 0.4)
    one = refined(PlainLabelSettings(method="none", background_score=0.4), image, store)
    np.testing.assert_array_equal(one, by_scores(store.full(), 0.4, 0.4))


def test_a_crf_alone_is_what_the_measure_of_cams_with_a_crf_takes() -> None:
    image, store = image_and_store(21, 30)
    ours = refined(CrfLabelSettings(method="crf", background_score=0.3), image, store)
    wanted = cam_crf_labels(image, store.full(), KEYS, CamCrfSettings(background_score=0.3))
    np.testing.assert_array_equal(ours, wanted)
    plain = refined(PlainLabelSettings(method="none", background_score=0.3), image, store)
    assert 0 < (ours != plain).mean() < 1


def test_pamr_takes_the_argmax_with_a_background_channel() -> None:
    """The channel is made here, and left out there."""
    image, store = image_and_store(21, 30)
    own = PamrSettings(method="pamr", stride=1, dilations=(1, 2), iterations=3)
    ours = refined(PamrLabelSettings(method="pamr", pamr=own, background_score=0.5), image, store)
    scores = np.concatenate([np.full((1, 21, 30), 0.5, np.float32), store.full()])
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].double()
    after = pamr(pixels, torch.from_numpy(scores)[None].double(), own)[0].argmax(dim=0)
    wanted = np.array([0, *(KEYS + 1)])[after.numpy()]
    np.testing.assert_array_equal(ours, wanted)
    assert set(np.unique(ours)) == {0, *(KEYS + 1)}


def test_pamr_leaves_out_what_lies_between_its_scores() -> None:
    image, store = image_and_store(21, 30)
    low, both, high = (
        refined(PamrLabelSettings(method="pamr", background_score=down, foreground_score=up), image, store)
        for down, up in ((0.4, 0.4), (0.4, 0.55), (0.55, 0.55))
    )
    np.testing.assert_array_equal(both == 0, low == 0)
    np.testing.assert_array_equal((both != 0) & (both != IGNORE), high != 0)
    assert (both == IGNORE).any()


def test_a_shard_is_written_without_any_training(dataset: Dataset, tmp_path: Path) -> None:
    write_cams(dataset, tmp_path / "cams")
    settings, ids = PamrLabelSettings(method="pamr"), dataset.ids("val")
    folder = tmp_path / "labels"
    write_pseudo_shard(dataset, ids, listed(tmp_path / "cams"), settings, Trainings(), folder, folder / "0.tsv")
    for image_id in ids:
        image = np.asarray(read_image(dataset.image_path(image_id)))
        wanted = refined(settings, image, CamStore.read(store_path(tmp_path / "cams", image_id), image_id))
        np.testing.assert_array_equal(read_labels(label_path(folder, image_id)), wanted)

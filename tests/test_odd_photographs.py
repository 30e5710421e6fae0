"""Photographs of every size and kind through all steps that work image by image, with small networks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.reference import noise
from wsss.cams.shards import write_cam_shard
from wsss.classification.classifier import build_classifier
from wsss.data.dataset import Dataset
from wsss.data.images import read_image, read_labels
from wsss.data.preparation import prepare
from wsss.data.sources.folder import list_folder
from wsss.evaluation.cam_crf import write_cam_crf_shard
from wsss.manifests.listed_files import ListedFiles
from wsss.networks.backbones import backbone_of
from wsss.networks.initial_weights import write_initial_weights
from wsss.refinement.confident_labels import write_confident_shard
from wsss.refinement.irnet.network import EdgeNetwork
from wsss.refinement.method import IrnetTraining, Trainings
from wsss.refinement.pseudo_labels import write_pseudo_shard
from wsss.segmentation.prediction import write_score_shard
from wsss.segmentation.prediction_labels import write_crf_shard, write_plain_shard
from wsss.segmentation.training import build_segmenter
from wsss.settings.cam_crf import CamCrfSettings
from wsss.settings.cams import PlainCamSettings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.confident_labels import ConfidentLabelSettings
from wsss.settings.irnet import IrnetSettings
from wsss.settings.prediction import PredictionSettings
from wsss.settings.prediction_labels import PredictionLabelSettings
from wsss.settings.pseudo_labels import IrnetWalkSettings
from wsss.settings.segmentation import SegmentationSettings
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path

BACKBONE = {"name": "resnet18", "weights": "scratch"}
CLASSIFIER = ClassifierSettings.model_validate({"backbone": BACKBONE, "words": "none"})
IRNET = IrnetSettings.model_validate({"backbone": BACKBONE})
SEGMENTATION = SegmentationSettings.model_validate({"backbone": BACKBONE})
CLASSES = ("cat", "dog", "horse")
IGNORED = 255
# Height, width, mode and format of each file, and the classes that it is labelled with; all are called *.jpg.
PHOTOGRAPHS: dict[str, tuple[int, int, str, str, tuple[int, ...]]] = {
    "pixel": (1, 1, "RGB", "JPEG", (1,)),
    "row": (1, 90, "RGB", "JPEG", (0, 2)),
    "column": (67, 1, "RGB", "JPEG", (2,)),
    "small": (3, 2, "RGB", "JPEG", (0, 1, 2)),
    "large": (35, 613, "RGB", "JPEG", (0,)),
    "nothing": (41, 30, "RGB", "JPEG", ()),
    "grey": (33, 47, "L", "JPEG", (1,)),
    "cmyk": (33, 47, "CMYK", "JPEG", (1, 2)),
    "png": (33, 47, "RGBA", "PNG", (0,)),
    "palette": (17, 29, "P", "PNG", (0, 1)),
}
LABELS = ("cam_crf", "confident", "pseudo", "plain", "crf")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("photographs")
    lists = folder / "source" / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (folder / "source" / "JPEGImages").mkdir()
    rows = [",".join(["image_id", *CLASSES])]
    for name, (height, width, mode, kind, present) in PHOTOGRAPHS.items():
        values = (40 * noise(f"photographs/{name}", (height, width, 3)) + 128).clip(0, 255).astype(np.uint8)
        Image.fromarray(values).convert(mode).save(folder / "source" / "JPEGImages" / f"{name}.jpg", kind)
        rows.append(",".join([name, *(str(int(number in present)) for number in range(len(CLASSES)))]))
    (lists / "all.txt").write_text("\n".join(PHOTOGRAPHS))
    (folder / "source" / "image_labels.csv").write_text("\n".join(rows))
    classes = {name: value for value, name in enumerate(CLASSES, 1)}
    lists = dict.fromkeys(("train", "train_scored", "val"), "all")
    prepare(list_folder(folder / "source", classes, {}, lists), folder / "data")
    return Dataset(folder / "data")


@pytest.fixture(scope="module")
def labelled(photographs: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each of `LABELS`, with the labels of every photograph below it, and `cams` with the stores."""
    torch.manual_seed(4)
    root = tmp_path_factory.mktemp("labelled")
    networks = {
        "classifier": build_classifier(CLASSIFIER, len(CLASSES)),
        "edges": EdgeNetwork(backbone_of(IRNET.backbone)).branches,
        "segmenter": build_segmenter(SEGMENTATION, len(CLASSES)),
    }
    files = {name: root / f"{name}.safetensors" for name in networks}
    for name, network in networks.items():
        save_file(network.state_dict(), files[name])
    write_initial_weights(IRNET.backbone, {}, root)
    ids = list(PHOTOGRAPHS)
    cams, scores = (ListedFiles(root / one / "shards" / "val" / "0-of-1.tsv") for one in ("cams", "scores"))

    def written(write: Callable[..., None], stage: str, *arguments: object) -> None:
        write(*arguments, root / stage, root / stage / "shards" / "val" / "0-of-1.tsv")

    written(write_cam_shard, "cams", photographs, ids, files["classifier"], CLASSIFIER, PlainCamSettings())
    written(write_cam_crf_shard, "cam_crf", photographs, ids, cams, CamCrfSettings())
    written(write_confident_shard, "confident", photographs, ids, cams, ConfidentLabelSettings())
    start, edges = root / "weights.safetensors", files["edges"]
    walk = IrnetWalkSettings(pad_to=64)
    trainings = Trainings(IrnetTraining(IRNET, start, edges))
    written(write_pseudo_shard, "pseudo", photographs, ids, cams, walk, trainings)
    written(write_score_shard, "scores", photographs, ids, files["segmenter"], SEGMENTATION, PredictionSettings())
    written(write_plain_shard, "plain", photographs, ids, scores)
    written(write_crf_shard, "crf", photographs, ids, scores, PredictionLabelSettings())
    return root


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_every_photograph_is_rgb_of_its_own_size(photographs: Dataset, name: str) -> None:
    height, width, *_ = PHOTOGRAPHS[name]
    image = read_image(photographs.image_path(name))
    assert (image.mode, image.size) == ("RGB", (width, height))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_cams_are_shares_of_their_own_maximum(labelled: Path, name: str) -> None:
    height, width, _, _, present = PHOTOGRAPHS[name]
    store = CamStore.read(store_path(labelled / "cams", name), name)
    assert tuple(store.keys) == present
    strided, full = store.strided(), store.full()
    assert strided.shape == (len(present), (height - 1) // 4 + 1, (width - 1) // 4 + 1)
    assert full.shape == (len(present), height, width)
    for view in (strided, full):
        assert np.isfinite(view).all()
        assert ((view >= 0) & (view <= 1)).all()


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("stage", LABELS)
def test_labels_have_the_images_size_and_its_classes(labelled: Path, stage: str, name: str) -> None:
    height, width, _, _, present = PHOTOGRAPHS[name]
    labels = read_labels(labelled / stage / "labels" / f"{name}.png")
    assert labels.shape == (height, width)
    known = range(1, len(CLASSES) + 1) if stage in ("plain", "crf") else [key + 1 for key in present]
    ignored = {IGNORED} if stage == "confident" and present else set()
    assert set(np.unique(labels)) <= {0, *known} | ignored

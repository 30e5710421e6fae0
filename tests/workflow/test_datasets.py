"""A part of VOC 2012 through the workflow: from the archives, from a folder, and with corrected lists."""

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.data.archives import MADE, archive_of_test_images, archives_of, devkit_of, folder_of, lines
from tests.workflow.conftest import Workplace
from tests.workflow.small_archives import small_voc12
from wsss.data.dataset import Dataset
from wsss.files import sha256_of
from wsss.plan.stages import STAGES
from wsss.settings.data import Voc12Settings

OUTPUTS = ("images.tsv", "image_labels.csv", "dataset.json", "lists/train.txt", "lists/val.txt")
DATA = Voc12Settings.read(
    "data",
    {
        "kind": "voc12",
        "name": "part",
        "classes": {"dog": 12, "horse": 13, "person": 15},
        "lists": {"train": "few.txt", "train_scored": "few.txt", "val": "held_out.txt"},
    },
)
MADE_IN = f"results/{STAGES['data'].folder(DATA)}"


@pytest.fixture
def small_archives(workplace: Workplace, tmp_path: Path) -> Path:
    """Small archives that the copy of the project takes for the official ones, the same images as a folder, lists."""
    small_voc12(workplace, tmp_path)
    ids = list(MADE)
    (workplace.root / "lists").mkdir()
    (workplace.root / "lists" / "few.txt").write_bytes(lines(*ids[:3]))
    (workplace.root / "lists" / "held_out.txt").write_bytes(lines(ids[3]))
    return tmp_path


def test_archives_and_a_folder_give_the_same_dataset(workplace: Workplace, small_archives: Path) -> None:
    """Under the same path and to the same bytes, whichever comes first."""
    places = {"lists": "lists", "archives": str(small_archives / "archives")}
    data = {"data": DATA.model_dump(mode="json"), "locations": places}
    from_archives = workplace.write_config(data, without=("data",))
    from_folder = workplace.write_config(
        data | {"locations": places | {"dataset": str(small_archives / "folder")}}, without=("data",)
    )
    assert workplace.planned(config=from_folder) == (
        workplace.planned(config=from_archives) - Counter(fetch_archive=2, prepare_voc12=1) + Counter(prepare_folder=1)
    )
    index, made = f"{MADE_IN}/images.tsv", workplace.work / MADE_IN
    outcome = workplace.snakemake(index, config=from_archives)
    assert outcome.code == 0, outcome.output
    assert not workplace.planned(index, config=from_archives)
    before = {name: sha256_of(made / name) for name in OUTPUTS}
    assert workplace.planned(index, config=from_folder) == {"prepare_folder": 1}
    outcome = workplace.snakemake(index, config=from_folder)
    assert outcome.code == 0, outcome.output
    assert {name: sha256_of(made / name) for name in OUTPUTS} == before
    assert (made / "dataset").resolve() == small_archives / "folder"


def test_own_lists_count_by_their_content_and_not_by_their_place(workplace: Workplace, small_archives: Path) -> None:
    places = {"lists": "lists", "archives": str(small_archives / "archives")}
    data = {"data": DATA.model_dump(mode="json")}
    config = workplace.write_config({**data, "locations": places}, without=("data",))
    index, own = f"{MADE_IN}/images.tsv", workplace.root / "lists" / "few.txt"
    outcome = workplace.snakemake(index, config=config)
    assert outcome.code == 0, outcome.output
    moved = small_archives / "moved"
    shutil.copytree(own.parent, moved)
    elsewhere = workplace.write_config({**data, "locations": places | {"lists": str(moved)}}, without=("data",))
    assert not workplace.planned(index, config=elsewhere)
    content = own.read_bytes()
    own.write_bytes(lines(*list(MADE)[:2]))
    assert workplace.planned(index, config=config) == {"prepare_voc12": 1}
    own.write_bytes(content)
    assert not workplace.planned(index, config=config)
    own.unlink()
    refused = workplace.snakemake(index, config=config)
    assert refused.code != 0
    assert f"error: missing image list: {own}" in refused.output


@pytest.fixture
def devkit(workplace: Workplace, tmp_path: Path) -> Path:
    """VOCdevkit with test images, and SBD beside it; the copy of the project expects lists of their length."""
    archives = archives_of(folder_of(tmp_path / "folder"), MADE, tmp_path / "archives")
    test = archive_of_test_images({"2012_000001": (21, 34), "2012_000002": (40, 30)}, tmp_path / "archives")
    code = workplace.project / "wsss" / "data" / "sources" / "voc_layout.py"
    lengths = {"train": 2, "train_aug": 4, "trainval": 3, "val": 1, "test": 2}
    text, count = re.subn(r"^VOC12_LENGTHS = .*$", f"VOC12_LENGTHS = {lengths}", code.read_text(), flags=re.MULTILINE)
    assert count == 1
    code.write_text(text)
    return devkit_of(tmp_path / "devkit", [*archives, test])


def test_a_devkit_with_sbd_and_test_images(workplace: Workplace, devkit: Path, tmp_path: Path) -> None:
    """It may be moved, with or without SBD, and a corrected list is noticed."""
    data = {"kind": "voc12", "name": "devkit", "lists": {"test": "test"}}
    index = f"results/{STAGES['data'].folder(Voc12Settings.read('data', data))}/images.tsv"

    def config(dataset: Path) -> Path:
        return workplace.write_config({"data": data, "locations": {"dataset": str(dataset)}}, without=("data",))

    before = sorted(path for path in devkit.rglob("*"))
    outcome = workplace.snakemake(index, config=config(devkit))
    assert outcome.code == 0, outcome.output
    assert sorted(path for path in devkit.rglob("*")) == before
    made = Dataset((workplace.work / index).parent)
    assert [len(made.ids(split)) for split in ("train", "train_scored", "val", "test")] == [4, 2, 1, 2]
    masks = {image_id: made.index[image_id].mask for image_id in made.index}
    assert masks == {one: f"masks/{one}.png" for one in MADE} | dict.fromkeys(made.ids("test"), "")
    assert sorted(made.image_labels) == sorted(MADE)
    moved = tmp_path / "another disk" / "VOCdevkit"
    moved.parent.mkdir()
    (devkit / "VOCdevkit").rename(moved)
    assert not workplace.planned(index, config=config(moved))
    assert not workplace.planned(index, config=config(moved / "VOC2012"))
    assert (made.root / "dataset").resolve() == moved / "VOC2012"
    (moved / "VOC2012" / "ImageSets" / "Segmentation" / "test.txt").write_bytes(lines("2012_000002", "2012_000001"))
    assert workplace.planned(index, config=config(moved)) == {"prepare_folder": 1}
    refused = workplace.snakemake(index, config=config(moved))
    assert refused.code != 0
    assert "has no list train_aug, and nothing to make it from: put SegmentationClassAug into" in refused.output
    assert "Traceback" not in refused.output
    (devkit / "benchmark_RELEASE").rename(moved.parent / "benchmark_RELEASE")
    outcome = workplace.snakemake(index, config=config(moved))
    assert outcome.code == 0, outcome.output
    assert Dataset(made.root).ids("test") == ["2012_000002", "2012_000001"]


def test_archives_that_were_deleted_after_the_dataset_was_made_are_not_missed(
    workplace: Workplace, small_archives: Path
) -> None:
    places = {"lists": "lists", "archives": str(small_archives / "archives")}
    data = {"data": DATA.model_dump(mode="json"), "locations": places}
    config = workplace.write_config(data, without=("data",))
    outcome = workplace.snakemake("cams", "--until", "prepare_voc12", "make_backbone", config=config)
    assert outcome.code == 0, outcome.output
    before = workplace.planned("cams", config=config)
    assert before["make_cams"]
    assert not before["prepare_voc12"]
    shutil.rmtree(small_archives / "archives")
    shutil.rmtree(workplace.work / "results" / "archives")
    assert workplace.planned("cams", config=config) == before


def test_clones_share_archives_and_weights_by_snakemakes_cache(
    workplace: Workplace, small_archives: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second clone has neither the archives nor a network to get them from. It gets their sums too."""
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("SNAKEMAKE_OUTPUT_CACHE", str(tmp_path / "cache"))
    second = Workplace(tmp_path / "second")
    second.work.mkdir(parents=True)
    shutil.copytree(workplace.project, second.project)
    shutil.copytree(workplace.root / "lists", second.root / "lists")
    made = {}
    for place in (workplace, second):
        places = {"lists": "lists", "archives": str(small_archives / "archives")}
        config = place.write_config({"data": DATA.model_dump(mode="json"), "locations": places}, ("data",))
        outcome = place.snakemake("cams", "--until", "prepare_voc12", "make_backbone", "--cache", config=config)
        assert outcome.code == 0, outcome.output
        taken = outcome.output.count("from cache") - outcome.output.count("to cache")
        assert taken == (0 if place is workplace else 8), outcome.output
        made[place] = {name: sha256_of(place.work / MADE_IN / name) for name in OUTPUTS}
        made[place] |= {
            path.name: sha256_of(path) for path in place.work.glob("results/backbone-*/*.*") if path.is_file()
        }
        shutil.rmtree(small_archives / "archives", ignore_errors=True)
    assert made[workplace] == made[second]
    assert {"weights.safetensors", "settings.json"} < set(made[second])


def test_weights_of_an_unnamed_file_are_not_shared(workplace: Workplace) -> None:
    """Without its sum, the settings do not say which file it is."""
    backbone = {"name": "efficientnet_lite0", "weights": "file"}
    config = workplace.write_config(
        {stage: {"backbone": backbone} for stage in ("classifier", "irnet", "segmentation")}
    )
    planned = workplace.planned("cams", config=config)
    assert planned["make_backbone_of_file"] == 1
    assert not planned["make_backbone"]
